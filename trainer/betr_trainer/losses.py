"""
Log probabilities of texts and answers, by token and in total (the job kind `losses`, and what pretraining measures at
each reading). Three rules, as evaluation harnesses have them: what the tokenizer puts before a text is put before every
window, once; prompt and answer are joined as text and tokenized together, with trailing blanks of the prompt moved
into the answer; and nothing is cut in silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from .errors import is_out_of_memory
from .flops import Flops
from .items import Item, evaluations_of, read_items
from .model import count_parameters, job_model, longest_sequence
from .result_log import ResultLog
from .speed import Speed
from .tokenizer import job_tokenizer, prefix_of

if TYPE_CHECKING:
    from .job import Outcome, Work


@dataclass(frozen=True)
class Sequence:
    """Tokens, and the first one that counts; its log probabilities are those of `ids[start:]`."""

    ids: list[int]
    start: int


@dataclass(frozen=True)
class Scored:
    """Log probabilities (nats) of the tokens of an answer or text."""

    token_ids: list[int]
    log_probabilities: list[float]
    greedy: bool

    @property
    def total(self) -> float:
        return math.fsum(self.log_probabilities)


#: Of a batch: half a gigabyte in float32.
_most_logits = 1 << 27
_batches_in_a_block = 4


class Encoder:
    """Turns texts and answers into sequences for a model with so many positions."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, positions: int) -> None:
        self._tokenizer = tokenizer
        self.prefix = prefix_of(tokenizer)
        self._room = positions - len(self.prefix)
        #: Prompts whose beginning was cut off because they were too long.
        self.cut = 0

    def ids(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    def answer(self, prompt: str, answer: str) -> list[Sequence]:
        """
        A prompt with an answer. The answer's tokens start where the tokens of both together differ from those of the
        prompt alone. A prompt that is too long loses its beginning, which is counted; an answer never does.
        """
        whole = self.ids(prompt + answer)
        start = self._start(prompt, whole)
        self.cut += start > 0 and len(whole) > self._room
        return self._windows(whole, start)

    def _start(self, prompt: str, whole: list[int]) -> int:
        """Where an answer begins in the tokens of prompt and answer."""
        head = self.ids(prompt.rstrip(" "))
        start = 0
        while start < min(len(head), len(whole) - 1) and head[start] == whole[start]:
            start += 1
        return start

    def choice(self, prompt: str, answer: str) -> tuple[list[Sequence], int]:
        """
        A prompt with an answer as lm-evaluation-harness compares answers, where all blanks and line ends after the
        prompt belong to the answer; and how many tokens of it `answer` does not count.
        """
        head, whole = self.ids(prompt.rstrip()), self.ids(prompt + answer)
        own = self._start(prompt, whole)
        start = min(len(head), own)
        self.cut += start > 0 and len(whole) > self._room
        return self._windows(whole, start), own - (start if self.prefix else max(start, min(own, 1)))

    def text(self, text: str) -> list[Sequence]:
        """A text; a long one as windows."""
        return self._windows(self.ids(text), 0)

    def _windows(self, ids: list[int], start: int) -> list[Sequence]:
        """
        Windows in which each token from `start` on counts once. What does not fit into one is read in windows of which
        at least the first half gives context.
        """
        # Without a beginning token, the first token has no probability.
        at = start if self.prefix else max(start, 1)
        windows: list[Sequence] = []
        while at < len(ids):
            last = len(ids) - self._room
            fits = not windows and last < at
            begin = max(0, last if fits else min(last, at - self._room // 2))
            window = ids[begin : begin + self._room]
            windows.append(Sequence(self.prefix + window, len(self.prefix) + at - begin))
            at = begin + len(window)
        return windows


@torch.no_grad()
def score(
    model: PreTrainedModel,
    sequences: list[Sequence],
    *,
    batch_tokens: int = 8192,
    autocast: bool = False,
    check: Callable[[], None] = lambda: None,
) -> list[Scored]:
    """
    The log probabilities of many sequences, longest first so that batches are dense. Where a batch does not fit into
    the memory, it is halved.
    """
    model.eval()
    device = next(model.parameters()).device
    batch_tokens = min(batch_tokens, max(1, _most_logits // model.get_output_embeddings().weight.shape[0]))
    order = sorted(range(len(sequences)), key=lambda index: (-len(sequences[index].ids), index))
    scored: list[Scored | None] = [None] * len(sequences)
    at = 0
    while at < len(order):
        check()
        longest = max(1, len(sequences[order[at]].ids))
        rows = order[at : at + max(1, batch_tokens // longest)]
        try:
            with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                results = _score_batch(model, [sequences[row] for row in rows], device)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or len(rows) == 1:
                raise
            batch_tokens = longest * (len(rows) // 2)
            continue
        for row, result in zip(rows, results, strict=True):
            scored[row] = result
        at += len(rows)
    return [each for each in scored if each is not None]


def _score_batch(model: PreTrainedModel, sequences: list[Sequence], device: torch.device) -> list[Scored]:
    longest = len(sequences[0].ids)
    if longest < 2:
        return [Scored([], [], False) for _ in sequences]
    # Padding stands at the end, where causal attention does not see it.
    ids = torch.zeros(len(sequences), longest, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence.ids)] = torch.tensor(sequence.ids)
    ids = ids.to(device)
    # Positions before the first one that counts need no logits.
    first = max(0, min(sequence.start for sequence in sequences) - 1)
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=longest - first).logits[:, :-1]
    results: list[Scored] = []
    for row, sequence in enumerate(sequences):
        wanted = ids[row, sequence.start : len(sequence.ids)]
        its = logits[row, sequence.start - 1 - first : len(sequence.ids) - 1 - first].float()
        chosen = its.gather(1, wanted[:, None])[:, 0]
        values = (chosen - its.logsumexp(1)).tolist()
        results.append(Scored(wanted.tolist(), values, bool((its.argmax(1) == wanted).all())))
    return results


def length_of(answer: str) -> int:
    """The characters of an answer without the blank that joins it to the prompt, by which acc_norm divides."""
    return max(1, len(answer.removeprefix(" ")))


def run_losses(work: Work) -> Outcome:
    """The job kind `losses`: one row an answer or text, with its log probability."""
    from .job import Outcome

    job, settings = work.job, work.job.settings
    model, folder, model_hash = job_model(job, work.device)
    tokenizer = job_tokenizer(job, folder, model.get_input_embeddings().weight.shape[0])
    encoder = Encoder(tokenizer, longest_sequence(model))
    rows = [
        row
        for name, kind in evaluations_of(work)
        for each in job.inputs_named(name)
        for item in read_items(each.path, kind, settings["textField"])
        for row in _rows_of(item, encoder)
    ]
    if encoder.cut:
        work.events.write("warning", message=f"{encoder.cut} prompts were too long; their beginnings were cut off.")
    flops = Flops(*count_parameters(model))
    total = sum(row.tokens for row in rows)
    blocks = list(_blocks(rows, _batches_in_a_block * settings["batchTokens"]))
    log, done, speed = ResultLog(work), 0, Speed(len(blocks))
    for number, block in enumerate(blocks, 1):
        key = f"block {number}"
        done += sum(row.tokens for row in block)
        if key in log:
            continue
        sequences = [sequence for row in block for sequence in row.sequences]
        scored = iter(score(model, sequences, batch_tokens=settings["batchTokens"], check=work.check))
        log.append(key, [_joined([next(scored) for _ in row.sequences], settings["byToken"]) for row in block])
        left = speed.seconds_left(number)
        work.events.progress(number, len(blocks), tokens=done, flops=flops.read(done)[0], secondsLeft=left)
        log.keep(step=number, tokens=done)

    def write(path: Path) -> int:
        found = [each for number in range(1, len(blocks) + 1) for each in log[f"block {number}"]]
        table = [{**row.head, **each} for row, each in zip(rows, found, strict=True)]
        pq.write_table(pa.Table.from_pylist(table, schema=losses_schema(by_token=settings["byToken"])), path)
        return len(table)

    read = flops.read(total)
    return Outcome(write, model_hash, "float32", flops.parameters, flops.parameters_without_embeddings, *read, total)


@dataclass(frozen=True)
class _Row:
    """An answer or text, and the sequences that it is scored in."""

    head: dict[str, Any]
    sequences: list[Sequence]

    @property
    def tokens(self) -> int:
        return sum(len(sequence.ids) for sequence in self.sequences)


def _rows_of(item: Item, encoder: Encoder) -> Iterator[_Row]:
    for choice, answer in enumerate(item.answers):
        is_text = item.prompt is None
        head = {"item": item.id, "set": item.set, "bytes": len(answer.encode()), "choice": None if is_text else choice}
        yield _Row(head, encoder.text(answer) if item.prompt is None else encoder.answer(item.prompt, answer))


def _blocks(rows: list[_Row], tokens: int) -> Iterator[list[_Row]]:
    """Rows that are scored and saved together."""
    block: list[_Row] = []
    size = 0
    for row in rows:
        block.append(row)
        size += row.tokens
        if size >= tokens:
            yield block
            block, size = [], 0
    if block:
        yield block


def _joined(scored: list[Scored], by_token: bool) -> dict[str, Any]:
    """The columns of a row from its sequences."""
    ids = [token for each in scored for token in each.token_ids]
    values = [value for each in scored for value in each.log_probabilities]
    columns = {"log_probability": math.fsum(values), "tokens": len(ids), "greedy": all(each.greedy for each in scored)}
    return columns | ({"token_ids": ids, "token_log_probabilities": values} if by_token else {})


def losses_schema(*, by_token: bool) -> pa.Schema:
    """The columns of result.parquet of a job of kind `losses`."""
    columns = [
        ("item", pa.string()),
        ("set", pa.string()),
        ("choice", pa.int32()),
        ("log_probability", pa.float64()),
        ("tokens", pa.int64()),
        ("bytes", pa.int64()),
        ("greedy", pa.bool_()),
    ]
    lists = [("token_ids", pa.list_(pa.int64())), ("token_log_probabilities", pa.list_(pa.float64()))]
    return pa.schema(columns + lists if by_token else columns)
