"""The steps of a job of kind pretrain or continue: its readings, and the learning rate of each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import TrainerError


@dataclass(frozen=True)
class Branch:
    """A reading: the steps from `start` on are read at a falling learning rate; at `end` the model is measured."""

    start: int
    end: int


class Plan:
    """The steps of a job. Tokens are rounded to whole steps."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.length, self.batch_tokens = settings["sequenceLength"], settings["batchTokens"]
        if self.batch_tokens % self.length:
            raise TrainerError(
                "JOB_INVALID",
                f"batchTokens ({self.batch_tokens}) is no multiple of sequenceLength ({self.length}).",
            )
        if any(reading > settings["tokens"] for reading in settings["readings"]):
            raise TrainerError(
                "JOB_INVALID",
                f"readings has {max(settings['readings'])}; the job trains on {settings['tokens']} tokens.",
            )
        self.sequences = self.batch_tokens // self.length
        ends = sorted(
            {max(1, round(tokens / self.batch_tokens)) for tokens in [*settings["readings"], settings["tokens"]]}
        )
        self.branches = [Branch(end - round(end * settings["decayShare"]), end) for end in ends]
        self.steps = ends[-1]
        self._peak = settings["learningRate"]
        self._warmup = round(self.steps * settings["warmupShare"])

    def learning_rate(self, step: int, branch: Branch | None) -> float:
        """Of the step with that number, from 0 on."""
        rate = self._peak * min(1.0, (step + 1) / self._warmup) if self._warmup else self._peak
        return rate if branch is None else rate * (branch.end - step) / (branch.end - branch.start)

    def steps_left(self, step: int, branch: Branch | None) -> int:
        """Steps to do from here on, those of branches among them."""
        later = [each for each in self.branches if branch is None or each.end > branch.end]
        now = branch.end - step if branch else 0
        trunk = branch.start if branch else step
        return now + (later[-1].start - trunk if later else 0) + sum(each.end - each.start for each in later)


@dataclass
class Progress:
    """Where a job stands; saved in its checkpoint."""

    step: int = 0
    #: The end of the branch that is being read; None on the constant part.
    branch: int | None = None
    #: Steps done, those of branches among them.
    steps_done: int = 0
    #: Sequences that go through the model at once.
    micro_batch: int = 0
