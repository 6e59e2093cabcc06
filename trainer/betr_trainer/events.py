"""events.jsonl: what a job does, one JSON object a line, for people, programs and the page to follow."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .files import disk_error


class Events:
    """
    Appends events. After a kill, the steps since the last checkpoint appear again: of two events of a step, the
    later one counts.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown = 0.0
        # A process that was killed or met a full disk may have left half a line.
        self._torn = _ends_inside_a_line(path)

    def write(self, event: str, **fields: Any) -> None:
        """Appends an event with its fields; None and numbers that are not finite are left out. Errors: DISK_FULL."""
        at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        kept = {key: value for key, value in fields.items() if value is not None and not _is_infinite(value)}
        line = json.dumps({"at": at, "event": event, **kept}, ensure_ascii=False)
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(f"\n{line}\n" if self._torn else f"{line}\n")
        except OSError as error:
            self._torn = True
            raise disk_error(error, self._path) from error
        self._torn = False
        self._show(event, kept)

    def progress(self, step: int, steps: int, **fields: Any) -> None:
        """
        Appends a step of `steps`. Of long jobs, only about a thousand steps are written; which ones depends on the
        numbers alone, so that a job that was interrupted writes the same.
        """
        if step <= 100 or step == steps or step % max(1, steps // 1000) == 0:
            self.write("progress", step=step, steps=steps, **fields)

    def _show(self, event: str, fields: dict[str, Any]) -> None:
        now = time.monotonic()
        if event == "progress" and now - self._shown < 2:
            return
        self._shown = now
        numbers = " ".join(
            f"{name} {fields[name]:.6g}"
            for name in ("step", "loss", "tokensPerSecond", "secondsLeft")
            if name in fields
        )
        print(f"{event} {numbers} {fields.get('message', '')}".rstrip(), file=sys.stdout, flush=True)


def _ends_inside_a_line(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:  # There is no file, or nothing in it.
        return False


class NoEvents(Events):
    """Of a process that is not the first one of its job, or whose job is not claimed: nothing is written."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def write(self, event: str, **fields: Any) -> None:
        pass


def _is_infinite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
