"""
Job kind influence: what one example would do to a model (Montessori-Instruct, arXiv 2410.14208, section 3.2).

L0 is the model's loss on a reference set. For each probe: one optimizer step on that example alone, from the checkpoint
with its optimizer state; L1 is the loss afterwards; then everything is put back. The influence is L0 - L1: positive
helps. A step without any gradient changes the loss too, through momentum and weight decay, by as much as some examples
do; so the difference from that step is reported beside it.

Losses are means over all answer tokens of the set, so that each token counts the same. (The paper's code takes the mean
of the batches' means.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from transformers import PreTrainedModel

from .checkpoint import load_optimizer
from .conversations import ConversationEncoder, Example, first_of, read_example, read_rows
from .errors import TrainerError, is_out_of_memory
from .flops import Flops
from .model import count_parameters, job_model, longest_sequence
from .one_step import Start, step
from .result_log import ResultLog
from .speed import Speed
from .tokenizer import job_tokenizer

if TYPE_CHECKING:
    from .job import Job, Outcome, Work

#: The most bytes of logits, and the most tokens, in one forward pass.
_LOGIT_BYTES = 1 << 28
_BATCH_TOKENS = 8192


class Losses:
    """Losses of one model, whatever its weights are at the moment."""

    def __init__(self, model: PreTrainedModel, *, autocast: bool = False) -> None:
        self._model, self._autocast = model.eval(), autocast
        vocabulary = model.get_input_embeddings().weight.shape[0]
        self._batch_tokens = min(_BATCH_TOKENS, _LOGIT_BYTES // (4 * vocabulary))

    def mean(self, examples: Sequence[Example], *, backward: bool = False) -> float:
        """
        The mean loss over all answer tokens, in nats. `backward` replaces the parameters' gradients by its own. Where
        a batch does not fit into the memory, batches are halved.
        """
        while True:
            try:
                return self._mean(examples, backward)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or self._batch_tokens <= max(len(each.ids) for each in examples):
                    raise
                self._batch_tokens //= 2

    def _mean(self, examples: Sequence[Example], backward: bool) -> float:
        tokens = sum(example.answer_tokens() for example in examples)
        total = 0.0
        if backward:
            self._model.zero_grad(set_to_none=True)
        with torch.set_grad_enabled(backward):
            for batch in self._batches(examples):
                loss = self._sum(batch) / tokens
                if backward:
                    loss.backward()
                total += loss.item()
        return total

    def _batches(self, examples: Sequence[Example]) -> Iterator[list[Example]]:
        """Examples of similar length together, so that little is padding."""
        batch: list[Example] = []
        for example in sorted(examples, key=lambda example: len(example.ids)):
            if batch and (len(batch) + 1) * len(example.ids) > self._batch_tokens:
                yield batch
                batch = []
            batch.append(example)
        yield batch

    def _sum(self, batch: Sequence[Example]) -> Tensor:
        device = self._model.device
        width = len(batch[-1].ids)
        # Padding stands at the end, where causal attention does not see it.
        ids = torch.tensor([each.ids + [0] * (width - len(each.ids)) for each in batch], device=device)
        places = [
            (row, at) for row, each in enumerate(batch) for start, end in each.answers for at in range(start, end)
        ]
        row, at = torch.tensor(places, device=device).unbind(1)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._autocast):
            logits = self._model(input_ids=ids, use_cache=False).logits
        nats = torch.nn.functional.cross_entropy(logits[row, at - 1].float(), ids[row, at], reduction="none")
        return nats.double().sum()


def run_influence(work: Work) -> Outcome:
    """The job kind `influence`: one row a probe."""
    from .job import Outcome

    job, settings = work.job, work.job.settings
    with_state = settings["state"] and settings["optimizer"] == "adamw"
    model, folder, model_hash = job_model(job, work.device, trained=not with_state)
    tokenizer = job_tokenizer(job, folder, model.get_input_embeddings().weight.shape[0])
    longest = min(settings.get("maxLength") or math.inf, longest_sequence(model))
    encoder = ConversationEncoder(tokenizer, int(longest))

    def encode(id: str, row: dict) -> Example:
        return encoder.example(id, *read_example(row))

    reference, probes = read_rows(work, "reference", encode), read_rows(work, "probes", encode)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = make_optimizer(job, parameters)
    if with_state and not load_optimizer(folder, model, optimizer):
        raise TrainerError(
            "INPUT_MISSING",
            f"{folder} has no optimizer.safetensors, and a step with the optimizer's state needs it. Name a checkpoint "
            'that this worker trained, or set "state": false.',
        )
    losses = Losses(model, autocast=settings["dtype"] == "bfloat16")
    start = Start(parameters, optimizer)
    log = ResultLog(work)

    slope: list[Tensor] | None = None
    if settings["firstOrder"]:
        losses.mean(reference, backward=True)
        slope = [torch.zeros_like(each) if each.grad is None else each.grad.clone() for each in parameters]

    def loss_after(probe: Example | None) -> tuple[float, float | None]:
        """The loss on the reference set after a step, and L0 minus it by first order."""
        step(parameters, optimizer, None if probe is None else lambda: losses.mean([probe], backward=True))
        after = losses.mean(reference)
        linear = start.fall_along(slope) if slope is not None else None
        start.restore()
        return after, linear

    if "start" not in log:
        losses_at_start = losses.mean(reference), loss_after(None)[0]
        if not all(map(math.isfinite, losses_at_start)):
            raise TrainerError(
                "LOSS_NOT_FINITE",
                "The loss on the reference set is {:g}, and {:g} after a step without a gradient; influence needs "
                "numbers.".format(*losses_at_start),
            )
        log.append("start", losses_at_start)
    before, after_zero = log["start"]

    speed = Speed(len(probes))
    for number, probe in enumerate(probes, 1):
        if f"probe {probe.id}" in log:
            continue
        work.check()
        log.append(f"probe {probe.id}", loss_after(probe))
        work.events.progress(number, len(probes), secondsLeft=speed.seconds_left(number))
        log.keep(step=number)

    rows = [_row(probe, before, after_zero, *log[f"probe {probe.id}"]) for probe in probes]
    lost = [row["id"] for row in rows if row["loss_after"] is None]
    if lost:
        work.events.write(
            "warning",
            message=f"{len(lost)} of {len(probes)} probes have no influence: the loss after their step is not a finite "
            f"number ({first_of(lost)}). Lower the learning rate, which is {settings['learningRate']:g}.",
        )
    every, without = count_parameters(model)
    flops, tokens = _count(Flops(every, without), reference, probes, first_order=settings["firstOrder"])
    return Outcome(
        lambda path: _write(path, rows),
        model_hash,
        "bfloat16" if settings["dtype"] == "bfloat16" else "float32",
        every,
        without,
        *flops,
        tokens,
        more={"lossBefore": before, "lossAfterZeroStep": after_zero},
    )


def make_optimizer(job: Job, parameters: Sequence[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer of the steps."""
    settings = job.settings
    options = {"lr": settings["learningRate"], "weight_decay": settings["weightDecay"]}
    if settings["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, **options)
    return torch.optim.AdamW(parameters, betas=tuple(settings["betas"]), eps=settings["eps"], **options)


def _row(
    probe: Example, before: float, after_zero: float, after: float, linear: float | None
) -> dict[str, str | float | None]:
    known = math.isfinite(after)
    return {
        "id": probe.id,
        "loss_before": before,
        "loss_after": after if known else None,
        "influence": before - after if known else None,
        "influence_over_zero_step": after_zero - after if known else None,
        "first_order": linear,
    }


def _write(path: Path, rows: list[dict[str, str | float | None]]) -> int:
    columns = [("id", pa.string())] + [(name, pa.float64()) for name in list(rows[0])[1:]]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(columns)), path)
    return len(rows)


def _count(
    flops: Flops, reference: list[Example], probes: list[Example], *, first_order: bool
) -> tuple[tuple[float, float], int]:
    """FLOPs with and without embeddings, and tokens, of the whole job however often it was interrupted."""
    a_pass = sum(len(example.ids) for example in reference)
    trained = sum(len(example.ids) for example in probes) + (a_pass if first_order else 0)
    read = a_pass * (len(probes) + 2)
    both = [train + passes for train, passes in zip(flops.train(trained), flops.read(read), strict=True)]
    return (both[0], both[1]), trained + read
