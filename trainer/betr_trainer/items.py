"""What models are measured on: items with a prompt and answers, and texts, as JSON Lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import TrainerError
from .tokens import open_text

if TYPE_CHECKING:
    from .job import Work


@dataclass(frozen=True)
class Item:
    """A prompt and the answers to compare, or a text (no prompt, one answer)."""

    id: str
    set: str
    prompt: str | None
    answers: list[str]
    #: Index of the right answer; None where there is nothing to choose.
    right: int | None


def read_items(path: Path, kind: str, text_field: str = "text") -> list[Item]:
    """Reads an evaluation's JSONL file, of `items` or `texts`. Errors: JOB_INVALID with the line; EMPTY_INPUT."""
    items: list[Item] = []
    with open_text(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                items.append(_parse_item(json.loads(line), kind, text_field))
            except (ValueError, KeyError, TypeError) as error:
                reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                raise TrainerError("JOB_INVALID", f"{path}, line {number} is no item of {kind}: {reason}.") from None
    if not items:
        raise TrainerError("EMPTY_INPUT", f"{path} has no {kind}.")
    return items


def _parse_item(row: dict[str, Any], kind: str, text_field: str) -> Item:
    if kind == "texts":
        return Item(str(row["id"]), str(row["set"]), None, [_text(row[text_field])], None)
    answers = [_text(row["target"])] if "target" in row else [_text(choice) for choice in row["choices"]]
    right = 0 if "target" in row else row["answer"]
    if not isinstance(right, int) or not 0 <= right < len(answers):
        raise ValueError(f"answer {right!r} is none of {len(answers)} choices")
    return Item(str(row["id"]), str(row["set"]), _text(row["prompt"]), answers, right)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{json.dumps(value)[:60]} is not a text")
    return value


def evaluations_of(work: Work) -> list[tuple[str, str]]:
    """The inputs to measure and their kinds; without settings, those that are named `items` or `texts`."""
    named = [(each["input"], each["kind"]) for each in work.job.settings.get("evaluations", [])]
    if not named:
        named = [(name, name) for name in ("items", "texts") if any(each.name == name for each in work.job.inputs)]
    if not named:
        raise TrainerError("JOB_INVALID", 'The job has no input to measure: name one "items" or "texts".')
    return named
