"""
What a model is measured by at a reading: bits of the answers of items, of whole items, and of texts, and whether the
right answer is the likeliest, by its sum (acc) and by its sum over its characters (acc_norm), as lm-evaluation-harness
computes both.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from .items import Item, read_items
from .losses import Encoder, Scored, Sequence, length_of, score

if TYPE_CHECKING:
    from .job import Work

SCHEMA = pa.schema(
    [
        ("tokens", pa.int64()),
        ("step", pa.int64()),
        ("decayed", pa.bool_()),
        ("set", pa.string()),
        ("item", pa.string()),
        ("measure", pa.string()),
        ("bits", pa.float64()),
        ("bytes", pa.int64()),
        ("correct", pa.int8()),
        ("correct_norm", pa.int8()),
    ]
)


@dataclass(frozen=True)
class _Measured:
    """An item and where its sequences stand among all."""

    item: Item
    #: Of each answer, as answers are compared; none for a text.
    answers: list[list[int]]
    whole: list[int]
    #: Tokens before the right answer itself, which its bits do not count.
    before: int = 0


class Measures:
    """The items and texts of a job, tokenized once."""

    def __init__(self, work: Work, tokenizer: PreTrainedTokenizerBase, positions: int) -> None:
        encoder = Encoder(tokenizer, positions)
        self._sequences: list[Sequence] = []
        self._items: list[_Measured] = []
        for each in work.job.settings["evaluations"]:
            for file in work.job.inputs_named(each["input"]):
                for item in read_items(file.path, each["kind"]):
                    self._items.append(self._add(item, encoder))
                work.check()
        if encoder.cut:
            work.events.write("warning", message=f"{encoder.cut} prompts were too long; their beginnings were cut off.")
        #: Tokens that one measurement reads.
        self.tokens = sum(len(sequence.ids) for sequence in self._sequences)

    def _add(self, item: Item, encoder: Encoder) -> _Measured:
        text = item.answers[0] if item.prompt is None else item.prompt + item.answers[item.right or 0]
        answers = [] if item.prompt is None else [encoder.choice(item.prompt, answer) for answer in item.answers]
        places = [self._place(sequences) for sequences, _ in answers]
        before = answers[item.right or 0][1] if answers else 0
        return _Measured(item, places, self._place(encoder.text(text)), before)

    def _place(self, sequences: list[Sequence]) -> list[int]:
        first = len(self._sequences)
        self._sequences += sequences
        return list(range(first, len(self._sequences)))

    def measure(
        self,
        model: PreTrainedModel,
        *,
        tokens: int,
        step: int,
        decayed: bool,
        autocast: bool,
        check: Callable[[], None],
    ) -> pa.Table:
        """The rows of a reading."""
        scored = score(model, self._sequences, autocast=autocast, check=check)
        rows = [row for each in self._items for row in _rows(each, scored)]
        return pa.Table.from_pylist(
            [{"tokens": tokens, "step": step, "decayed": decayed, **row} for row in rows], SCHEMA
        )


def _rows(each: _Measured, scored: list[Scored]) -> list[dict[str, Any]]:
    item = each.item
    head = {"set": item.set, "item": item.id}
    whole = _bits(_total(each.whole, scored))
    if item.prompt is None:
        return [{**head, "measure": "text", "bits": whole, "bytes": len(item.answers[0].encode())}]
    right = item.right or 0
    sums = [_total(places, scored) for places in each.answers]
    row = {
        **head,
        "measure": "answer",
        "bits": _bits(_total(each.answers[right], scored, each.before)),
        "bytes": len(item.answers[right].encode()),
    }
    if len(item.answers) > 1:
        means = [total / length_of(answer) for total, answer in zip(sums, item.answers, strict=True)]
        row |= {"correct": int(_first_best(sums) == right), "correct_norm": int(_first_best(means) == right)}
    size = len((item.prompt + item.answers[right]).encode())
    return [row, {**head, "measure": "whole", "bits": whole, "bytes": size}]


def _total(places: list[int], scored: list[Scored], start: int = 0) -> float:
    return math.fsum([value for place in places for value in scored[place].log_probabilities][start:])


def _bits(log_probability: float) -> float:
    return -log_probability / math.log(2)


def _first_best(values: list[float]) -> int:
    return max(range(len(values)), key=lambda index: (values[index], -index))


def summarize(rows: pa.Table) -> dict[str, dict[str, float]]:
    """By set: bits per byte of each measure, and the shares that are right."""
    sums: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for row in rows.to_pylist():
        found = sums[row["set"]]
        for name, value, weight in (
            (f"{row['measure']}BitsPerByte", row["bits"], row["bytes"]),
            ("accuracy", row["correct"], 1),
            ("accuracyNorm", row["correct_norm"], 1),
        ):
            if value is not None:
                found[name][0] += value
                found[name][1] += weight
    return {
        name: {measure: total / weight for measure, (total, weight) in of_set.items() if weight}
        for name, of_set in sums.items()
    }
