"""
Job kind generate: samples continuations of prompts. A sample depends on the seed, the prompt's id, the sample's number
and the model, not on the order of the prompts, and not on which of them share a batch beyond the rounding of a batch's
arithmetic. Batches are the same each time a job runs, so after an interruption results are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from .conversations import ConversationEncoder, read_prompt, read_rows
from .errors import TrainerError, is_out_of_memory
from .flops import Flops
from .model import count_parameters, job_model, longest_sequence
from .result_log import ResultLog
from .sampling import Continuation, continue_batch, draws_of
from .speed import Speed
from .tokenizer import job_tokenizer

if TYPE_CHECKING:
    from .job import Outcome, Work


@dataclass(frozen=True)
class Sample:
    """One sample to make."""

    id: str
    number: int
    prompt: list[int]


class Stops:
    """Finds stop strings in what was generated."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stops: Sequence[str]) -> None:
        self._tokenizer, self._stops = tokenizer, stops
        # A token has at least a byte, so a stop string that has just been completed is within so many tokens. Some
        # more, because the first of them may be half a character.
        self._window = max((len(stop.encode()) for stop in stops), default=0) + 8

    def found(self, ids: list[int]) -> bool:
        """Whether the last token completed a stop string."""
        return bool(self._stops) and self._at(self.text(ids[-self._window :])) is not None

    def text(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def cut(self, text: str) -> str:
        """The text before the first stop string."""
        return text[: self._at(text)]

    def _at(self, text: str) -> int | None:
        return min((at for stop in self._stops if (at := text.find(stop)) >= 0), default=None)


def run_generate(work: Work) -> Outcome:
    """The job kind `generate`: one row a sample, in the order of the prompts."""
    from .job import Outcome

    job, settings = work.job, work.job.settings
    model, folder, model_hash = job_model(job, work.device)
    tokenizer = job_tokenizer(job, folder, model.get_input_embeddings().weight.shape[0])
    half = settings["dtype"] == "bfloat16" or (settings["dtype"] == "auto" and work.device.type == "cuda")
    every, without = count_parameters(model)
    if half:
        model = model.to(torch.bfloat16)
    room = longest_sequence(model) - settings["maxTokens"]
    if room < 1:
        raise TrainerError(
            "JOB_INVALID",
            f"maxTokens is {settings['maxTokens']}, and the model reads {longest_sequence(model)} tokens at most, so "
            "there is no room for a prompt. Lower maxTokens.",
        )
    encoder = ConversationEncoder(tokenizer, room)
    prompts = read_rows(work, "prompts", lambda id, row: (id, encoder.prompt(read_prompt(row))))
    samples = [Sample(id, number, ids) for id, ids in prompts for number in range(settings["samples"])]
    stops = Stops(tokenizer, settings["stop"])
    log = ResultLog(work)
    continue_all = _sampler(work, model, tokenizer, stops)

    # Prompts of similar length together, so that little is padding.
    order = sorted(samples, key=lambda sample: len(sample.prompt))
    batches = [order[at : at + settings["batch"]] for at in range(0, len(order), settings["batch"])]
    speed, tokens = Speed(len(batches)), 0
    for number, batch in enumerate(batches, 1):
        key = f"batch {number}"
        if key not in log:
            rows = [
                {
                    "id": sample.id,
                    "sample": sample.number,
                    "text": stops.cut(stops.text(made.ids)),
                    "tokens": len(made.ids),
                    "finish": made.finish,
                }
                for sample, made in zip(batch, continue_all(batch), strict=True)
            ]
            log.append(key, rows)
            tokens += sum(row["tokens"] for row in rows)
            work.events.progress(number, len(batches), tokens=tokens, secondsLeft=speed.seconds_left(number))
            log.keep(step=number)

    made = {(row["id"], row["sample"]): row for number in range(1, len(batches) + 1) for row in log[f"batch {number}"]}
    rows = [made[sample.id, sample.number] for sample in samples]
    read = sum(len(sample.prompt) for sample in samples) + sum(row["tokens"] for row in rows)
    return Outcome(
        lambda path: _write(path, rows),
        model_hash,
        "bfloat16" if half else "float32",
        every,
        without,
        *Flops(every, without).read(read),
        read,
    )


def _sampler(
    work: Work, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, stops: Stops
) -> Callable[[Sequence[Sample]], list[Continuation]]:
    """Makes the samples of a batch; a batch that does not fit into the memory is made in halves."""
    settings, seed = work.job.settings, work.job.seed
    ends = _ends(model, tokenizer)

    def sample_all(batch: Sequence[Sample]) -> list[Continuation]:
        made = [Continuation(each.prompt, draws_of(seed, each.id, each.number)) for each in batch]
        try:
            continue_batch(
                model.eval(),
                made,
                temperature=settings["temperature"],
                top_p=settings["topP"],
                max_tokens=settings["maxTokens"],
                ends=ends,
                is_stopped=stops.found,
                check=work.check,
            )
            return made
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or len(batch) == 1:
                raise
        half = len(batch) // 2
        return sample_all(batch[:half]) + sample_all(batch[half:])

    return sample_all


def _ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """The tokens that end a text or a turn, as the model and its tokenizer name them."""
    named = model.generation_config.eos_token_id
    ends = set(named if isinstance(named, list) else [named])
    return (ends | {tokenizer.eos_token_id}) - {None}


def _write(path: Path, rows: list[dict[str, str | int]]) -> int:
    columns = [("id", pa.string()), ("sample", pa.int64()), ("text", pa.string()), ("tokens", pa.int64())]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema([*columns, ("finish", pa.string())])), path)
    return len(rows)
