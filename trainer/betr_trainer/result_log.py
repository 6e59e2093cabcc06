"""
Results that are ready before their job is: lines of JSON in the job's checkpoint, synced as they come. A job that runs
again goes on after them. A line that a kill or a full disk tore is dropped, and its work done again.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .files import disk_error

if TYPE_CHECKING:
    from .job import Work


class ResultLog:
    """What is done, by key. Floats come back to the bit, as JSON writes the shortest text that reads as the same."""

    def __init__(self, work: Work) -> None:
        if work.checkpoints.find() is None:
            work.checkpoints.save(lambda folder: None)
        self._work = work
        self._path = work.checkpoints.folder / "results.jsonl"
        self._done: dict[str, Any] = {}
        if self._path.exists():
            self._read()

    def _read(self) -> None:
        whole = 0
        with open(self._path, "rb") as lines:
            for line in lines:
                try:
                    key, value = json.loads(line) if line.endswith(b"\n") else None
                except (ValueError, TypeError):
                    break
                self._done[key] = value
                whole += len(line)
        os.truncate(self._path, whole)

    def __contains__(self, key: str) -> bool:
        return key in self._done

    def __getitem__(self, key: str) -> Any:
        return self._done[key]

    def append(self, key: str, value: Any) -> None:
        """Adds a result, which is on the disk when this returns. Errors: DISK_FULL."""
        line = (json.dumps([key, value], ensure_ascii=False) + "\n").encode()
        size = self._path.stat().st_size if self._path.exists() else 0
        try:
            with open(self._path, "ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if self._path.exists():
                os.truncate(self._path, size)
            raise disk_error(error, self._path) from error
        self._done[key] = value

    def keep(self, **fields: Any) -> None:
        """Call after each result: notes the job's progress in its checkpoint, and ends a job that is asked to stop."""
        self._work.keep(self.save, **fields)

    def save(self, folder: Path) -> None:
        """Takes the results along into the folder of a new checkpoint."""
        if self._path.exists():
            try:
                os.link(self._path, folder / self._path.name)
            except OSError:
                shutil.copyfile(self._path, folder / self._path.name)
