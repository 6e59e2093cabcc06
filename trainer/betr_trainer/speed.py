"""How long the rest of a job takes."""

from __future__ import annotations

import time


class Speed:
    """Measures the pace of this process, which may have begun in the middle of `steps`."""

    def __init__(self, steps: int) -> None:
        self._steps, self._started = steps, time.monotonic()
        self._first: int | None = None

    def seconds_left(self, step: int) -> float:
        """Call after each step, counted from 1; the seconds that the steps after it will take."""
        if self._first is None:
            self._first = step - 1
        return (time.monotonic() - self._started) / (step - self._first) * (self._steps - step)
