"""
Job kind dpo: direct preference optimization (arXiv 2305.18290) by TRL's DPOTrainer, and the margins that Selective DPO
(arXiv 2502.09650) sorts pairs by.

A pair's margin is β[(log π(chosen) - log π_ref(chosen)) - (log π(rejected) - log π_ref(rejected))], its loss
softplus(-margin). A log probability is the sum over the answer's tokens and those that end its turn. The reference is
the model that the job begins with.

Of DPOTrainer, this uses the loss and the reference's log probabilities. It does not let it tokenize, because it cuts
long answers and drops pairs with long prompts without telling which. Pairs are cut and dropped here by the same rules,
and the result says so of each.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from .conversations import ConversationEncoder, LeftOut, read_pair, read_rows
from .flops import Flops
from .model import count_parameters, job_model, longest_sequence
from .result_log import ResultLog
from .tokenizer import job_tokenizer
from .training import JobTrainer, count_flops, count_passes, is_half, keep_merged, make_arguments, prepare_model, train

if TYPE_CHECKING:
    from .job import Job, Outcome, Work


@dataclass(frozen=True)
class Pair:
    """A preference pair as tokens."""

    id: str
    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]
    #: Whether the end of an answer is cut off.
    chosen_cut: bool = False
    rejected_cut: bool = False

    def tokens(self) -> int:
        return 2 * len(self.prompt_ids) + len(self.chosen_ids) + len(self.rejected_ids)


class JobDPOTrainer(JobTrainer, DPOTrainer):
    """TRL's trainer on pairs that are tokenized already, and the log probabilities of pairs that are measured."""

    _asked = 0

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    @property
    def measured(self) -> Dataset | None:
        """The pairs to measure at points of the training."""
        name = self.work.job.settings.get("measure")
        return self.train_dataset if name == "pairs" else self.eval_dataset

    def points(self, steps: int) -> set[int]:
        return set() if self.measured is None else set(measuring_points(self.work.job.settings, steps))

    def at_point(self, step: int) -> None:
        if f"step {step}" not in self.results:
            self.results.append(f"step {step}", list(self._log_probabilities(self.measured)))

    def compute_ref_log_probs(self, model: torch.nn.Module, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """TRL asks for each batch's reference before training; after an interruption it is known already."""
        self.work.check()
        self._tell_of_reference()
        inputs = without_mask(inputs)
        content = b"".join(inputs[name].cpu().numpy().tobytes() for name in ("input_ids", "completion_mask"))
        key = f"reference {hashlib.sha256(content).hexdigest()}"
        if key not in self.results:
            values = super().compute_ref_log_probs(model, inputs)
            self.results.append(key, [each.tolist() for each in values])
        chosen, rejected = (torch.tensor(each, device=self.args.device) for each in self.results[key])
        return chosen, rejected

    def training_step(self, model: torch.nn.Module, inputs: dict[str, Tensor], *more: Any, **named: Any) -> Tensor:
        self.tokens += int(inputs["attention_mask"].sum())
        return super(JobTrainer, self).training_step(model, without_mask(inputs), *more, **named)

    def _tell_of_reference(self) -> None:
        """Writes about a hundred events while the reference is computed, which may take as long as the training."""
        rows = sum(map(len, filter(None, (self.train_dataset, self.eval_dataset))))
        batches = math.ceil(rows / self.args.per_device_train_batch_size)
        if self._asked % max(1, batches // 100) == 0:
            message = f"log probabilities under the reference: batch {self._asked + 1} of about {batches}"
            self.work.events.write("progress", message=message)
        self._asked += 1

    @torch.no_grad()
    def _log_probabilities(self, pairs: Dataset) -> Iterator[tuple[float, float]]:
        """Of each pair's chosen and rejected answer, under the model as it is now."""
        self.model.eval()
        size = self.args.per_device_train_batch_size
        for at in range(0, len(pairs), size):
            self.work.check()
            batch = [pairs[index] for index in range(at, min(at + size, len(pairs)))]
            inputs = self._prepare_inputs(without_mask(self.data_collator(batch)))
            with self.accelerator.autocast():
                chosen, rejected = answer_log_probabilities(self.model, inputs)
            yield from zip(chosen.tolist(), rejected.tolist(), strict=True)


def without_mask(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """
    A batch whose padding is not masked. It is at the end, where a causal model's answers do not see it; and without a
    mask, attention is computed for the half of the positions that count.
    """
    return {**inputs, "attention_mask": torch.ones_like(inputs["attention_mask"])}


def answer_log_probabilities(model: torch.nn.Module, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
    """Of the chosen and the rejected answers of a batch, in nats."""
    output = model(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        labels=inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100),
        use_cache=False,
        fused_lm_head=True,
    )
    return output.log_probs.sum(1).chunk(2)


def measuring_points(settings: dict[str, Any], steps: int) -> list[int]:
    """The steps after which pairs are measured: evenly spaced, and the last one is the end."""
    count = settings.get("measureAt") or settings["epochs"]
    return sorted({-(-number * steps // count) for number in range(1, count + 1)})


@dataclass(frozen=True)
class PairSets:
    """The pairs of a job as tokens, and those that it cannot use."""

    pairs: list[Pair]
    #: Those to measure; `pairs` itself where it is measured.
    measured: list[Pair]
    #: Input, id and reason.
    left_out: list[tuple[str, str, str]]


def read_pairs(work: Work, tokenizer: PreTrainedTokenizerBase, longest: int) -> PairSets:
    """
    Reads a job's pairs. Answers are cut where the model or `maxLength` ends; pairs whose prompt alone fills that, or
    is longer than `maxPromptLength`, are left out. Errors: those of `read_rows`.
    """
    settings = work.job.settings
    longest = min(settings["maxLength"], longest)
    encoder = ConversationEncoder(tokenizer, longest)
    left_out: list[tuple[str, str, str]] = []

    def encode(id: str, row: dict) -> Pair:
        prompt, chosen, rejected = encoder.pair(*read_pair(row))
        room = longest - len(prompt)
        if len(prompt) > settings["maxPromptLength"]:
            raise LeftOut(f"with prompts longer than {settings['maxPromptLength']} tokens")
        if room <= 0:
            raise LeftOut(f"whose prompt fills all {longest} tokens")
        if chosen[:room] == rejected[:room]:
            raise LeftOut(f"whose answers do not differ within {longest} tokens")
        return Pair(id, prompt, chosen[:room], rejected[:room], len(chosen) > room, len(rejected) > room)

    def read(name: str) -> list[Pair]:
        found = read_rows(work, name, encode, lambda id, reason: left_out.append((name, id, reason)))
        both = sum(pair.chosen_cut and pair.rejected_cut for pair in found)
        one = sum(pair.chosen_cut != pair.rejected_cut for pair in found)
        if both or one:
            work.events.write(
                "warning",
                message=f'Pairs of input "{name}" whose answers are cut at {longest} tokens: {one} on one side, {both} '
                "on both.",
                values={"cut on one side": one, "cut on both sides": both},
            )
        return found

    pairs = read("pairs")
    name = settings.get("measure")
    # Pairs of like length beside each other: batches have little padding.
    measured = pairs if name == "pairs" else sorted(read(name), key=Pair.tokens) if name else []
    return PairSets(pairs, measured, left_out)


def run_dpo(work: Work) -> Outcome:
    """
    The job kind `dpo`. Rows of step 0 are the reference of every pair; those of later steps are of the pairs that
    `measure` names.
    """
    from .job import Outcome

    job, settings = work.job, work.job.settings
    loaded, folder, model_hash = job_model(job, work.device)
    every, without = count_parameters(loaded)
    tokenizer = job_tokenizer(job, folder, loaded.get_input_embeddings().weight.shape[0])
    read = read_pairs(work, tokenizer, longest_sequence(loaded))
    pairs, measured, name = read.pairs, read.measured, settings.get("measure")
    results = ResultLog(work)

    def make(micro: int) -> JobDPOTrainer:
        nonlocal loaded
        model, loaded = loaded or job_model(job, work.device)[0], None
        return JobDPOTrainer(
            model=prepare_model(work, model),
            args=make_arguments(
                DPOConfig,
                work,
                len(pairs),
                micro,
                beta=settings["beta"],
                max_length=None,
                precompute_ref_log_probs=True,
                disable_dropout=False,  # prepare_model has done it, and this would take away LoRA's, too.
            ),
            data_collator=DataCollatorForPreference(pad_token_id=tokenizer.pad_token_id or 0),
            train_dataset=_dataset(pairs),
            eval_dataset=_dataset(measured) if measured and name != "pairs" else None,
            processing_class=tokenizer,
            work=work,
            results=results,
        )

    trainer = train(work, make, most_at_once(work))
    trainable = sum(each.numel() for each in trainer.model.parameters() if each.requires_grad)
    if settings["keepModel"]:
        keep_merged(trainer)
    sets = {"pairs": (pairs, _references(trainer.train_dataset))}
    if measured:
        sets[name] = (measured, _references(trainer.measured))
    rows = [
        _row(pair, input, (0, 0), settings["beta"], reference, reference)
        for input, (those, references) in sets.items()
        for pair, reference in zip(those, references, strict=True)
    ]
    rows += [
        {"id": id, "input": input, "epoch": 0, "step": 0, "left_out": reason} for input, id, reason in read.left_out
    ]
    steps, passes = trainer.state.max_steps, count_passes(settings, len(pairs))
    for step in sorted(trainer.points(steps)):
        at = (math.ceil(step * passes / steps), step)
        rows += [
            _row(pair, name, at, settings["beta"], now, reference)
            for pair, reference, now in zip(*sets[name], results[f"step {step}"], strict=True)
        ]
    read_tokens = count_read_tokens(read, len(trainer.points(steps)))
    both = count_all_flops(job, Flops(every, without), trainable, trainer.tokens, read_tokens)
    return Outcome(
        lambda path: _write(path, rows),
        model_hash,
        "bfloat16" if is_half(work) else "float32",
        every,
        without,
        both[0],
        both[1],
        trainer.tokens + read_tokens,
        passes,
    )


def most_at_once(work: Work) -> int | None:
    """On a CPU, one pair at once is as fast as many, and has the least padding."""
    return 1 if work.device.type == "cpu" else None


def count_read_tokens(read: PairSets, points: int) -> int:
    """The tokens that the reference reads, and the model at each measuring point."""
    own = sum(pair.tokens() for pair in read.pairs)
    measured = sum(pair.tokens() for pair in read.measured)
    return own + (0 if read.measured is read.pairs else measured) + points * measured


def count_all_flops(job: Job, flops: Flops, trainable: int, trained: int, read: int) -> tuple[float, float]:
    """FLOPs of training on some tokens and reading others, with and without embeddings."""
    training, reading = count_flops(job, flops, trainable, trained), flops.read(read)
    return training[0] + reading[0], training[1] + reading[1]


def _dataset(pairs: Sequence[Pair]) -> Dataset:
    columns = ("prompt_ids", "chosen_ids", "rejected_ids")
    return Dataset.from_list([{column: getattr(pair, column) for column in columns} for pair in pairs])


def _references(dataset: Dataset) -> list[tuple[float, float]]:
    return list(zip(dataset["ref_chosen_logps"], dataset["ref_rejected_logps"], strict=True))


def margin_and_loss(beta: float, now: Sequence[float], reference: Sequence[float]) -> tuple[float, float]:
    """A pair's margin and loss, from (chosen, rejected) log probabilities under the model and the reference."""
    margin = beta * ((now[0] - reference[0]) - (now[1] - reference[1]))
    return margin, max(-margin, 0.0) + math.log1p(math.exp(-abs(margin)))


def _row(
    pair: Pair, input: str, at: tuple[int, int], beta: float, now: Sequence[float], reference: Sequence[float]
) -> dict[str, Any]:
    margin, loss = margin_and_loss(beta, now, reference)
    values = (pair.id, input, *at, *now, *reference, margin, loss, pair.chosen_cut, pair.rejected_cut, None)
    return dict(zip(_schema.names, values, strict=True))


_schema = pa.schema(
    [("id", pa.string()), ("input", pa.string()), ("epoch", pa.int64()), ("step", pa.int64())]
    + [(name, pa.float64()) for name in ("chosen", "rejected", "ref_chosen", "ref_rejected", "margin", "loss")]
    + [("chosen_cut", pa.bool_()), ("rejected_cut", pa.bool_()), ("left_out", pa.string())]
)


def _write(path: Path, rows: list[dict[str, Any]]) -> int:
    pq.write_table(pa.Table.from_pylist(rows, schema=_schema), path)
    return len(rows)
