"""
A job is a folder: job.json says what to do and is never changed; events.jsonl, checkpoint/, result.parquet and last
card.json, sealed, are what became of it. This file reads and checks job.json, and has what the kinds of jobs work with.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import Stopped, TrainerError
from .files import sha256_file
from .schema import check_job

if TYPE_CHECKING:
    import torch

    from .events import Events
    from .lease import Lease
    from .parallel import Group

VERSION = 1


@dataclass(frozen=True)
class Input:
    """A file that a job reads. Inputs with one name are one set of documents in several files."""

    name: str
    path: Path
    sha256: str
    weight: float | None


@dataclass(frozen=True)
class Job:
    """A checked job.json, with the defaults of the schema filled in."""

    folder: Path
    data: dict[str, Any]
    #: Of the bytes of job.json.
    sha256: str

    @property
    def kind(self) -> str:
        return self.data["kind"]

    @property
    def seed(self) -> int:
        return self.data["seed"]

    @property
    def settings(self) -> dict[str, Any]:
        return self.data["settings"]

    @property
    def limits(self) -> dict[str, Any]:
        return self.data["limits"]

    @property
    def tokens_folder(self) -> Path:
        """The token files that all jobs beside this one share."""
        return self.folder.parent / "tokens"

    def path(self, path: str) -> Path:
        """A path of job.json: absolute, or relative to the job's folder."""
        return Path(os.path.normpath(self.folder / path))

    @cached_property
    def inputs(self) -> list[Input]:
        return [
            Input(entry["name"], self.path(entry["path"]), entry["sha256"], entry.get("weight"))
            for entry in self.data["inputs"]
        ]

    def inputs_named(self, name: str) -> list[Input]:
        """The files of an input. Errors: JOB_INVALID if there is none."""
        found = [each for each in self.inputs if each.name == name]
        if not found:
            names = ", ".join(sorted({each.name for each in self.inputs}))
            raise TrainerError("JOB_INVALID", f'The job has no input "{name}"; its inputs are {names}.')
        return found

    def check_inputs(self) -> None:
        """Compares every input with its hash. Errors: INPUT_MISSING, INPUT_CHANGED."""
        for each in self.inputs:
            if not each.path.is_file():
                hint = " If the job's folder was moved, move its inputs along." if not each.path.exists() else ""
                raise TrainerError("INPUT_MISSING", f'Input "{each.name}" is not a file: {each.path}.{hint}')
            found = sha256_file(each.path)
            if found != each.sha256:
                raise TrainerError(
                    "INPUT_CHANGED",
                    f'Input "{each.name}" has changed since the job was written: {each.path} has SHA-256 {found}, '
                    f"job.json says {each.sha256}. Restore it, or write the job again under another name.",
                )


def read_job(folder: Path) -> Job:
    """Reads and checks a job's job.json. Errors: JOB_INVALID, JOB_VERSION."""
    path = folder / "job.json"
    try:
        bytes_ = path.read_bytes()
        data = json.loads(bytes_)
    except FileNotFoundError:
        raise TrainerError("JOB_INVALID", f"{folder} is no job: it has no job.json.") from None
    except (OSError, ValueError) as error:
        raise TrainerError("JOB_INVALID", f"{path} cannot be read: {error}.") from error
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION:
        raise TrainerError(
            "JOB_VERSION",
            f"{path} has version {json.dumps(version)}; this worker reads version {VERSION}. "
            "Use the worker of the betr that wrote the job.",
        )
    return Job(folder.resolve(), check_job(data, path), hashlib.sha256(bytes_).hexdigest())


@dataclass
class Outcome:
    """What a kind of job returns: its result, and what its card says beside the inputs."""

    #: Writes result.parquet at the path it gets and returns the number of rows.
    write: Callable[[Path], int]
    #: The hash of the model that it began with; None if it was new.
    model: str | None = None
    dtype: str = "float32"
    parameters: int | None = None
    parameters_without_embeddings: int | None = None
    flops: float = 0.0
    flops_without_embeddings: float = 0.0
    tokens: int = 0
    passes: float | None = None
    #: More lines of the card, by kind.
    more: dict[str, Any] = field(default_factory=dict)


class Work:
    """A job in progress: what its kind needs beside job.json, and how it is asked to stop."""

    def __init__(
        self, job: Job, events: Events, lease: Lease | None, device: torch.device, group: Group | None = None
    ) -> None:
        from .checkpoint import Checkpoints
        from .parallel import Group

        self.job, self.events, self.device = job, events, device
        self.group = group or Group()
        self.checkpoints = Checkpoints(job)
        self.asked_to_stop = False
        #: For parts of the result; removed when the job is done.
        self.parts = job.folder / "parts"
        self._lease = lease
        self._saved_at = time.monotonic()

    def check(self) -> None:
        """
        Ends a job that was asked to stop or whose lease another worker took. For stages that have nothing to save.
        """
        self.check_lease()
        if self.asked_to_stop:
            raise Stopped

    def keep(self, save: Callable[[Path], object], *, now: bool = False, **fields: Any) -> bool:
        """
        Call after each step. Where a checkpoint is due (`now`, the interval is over, or the job is asked to stop),
        `save` fills its folder and an event with `fields` tells of it; then ends a job that was asked to stop.
        Returns whether it saved.
        """
        due = now or time.monotonic() - self._saved_at >= self.job.limits["checkpointSeconds"]
        # 2: to save and end, 1: to save. With several processes, what one of them has to do, all do.
        action = self.group.largest(2 if self.asked_to_stop else int(due))
        if action == 0:
            return False
        self.check_lease()
        if self.group.is_first:
            self.checkpoints.save(save)
        self.group.wait()
        self._saved_at = time.monotonic()
        self.events.write("checkpoint", **fields)
        if action == 2:
            raise Stopped
        return True

    def check_lease(self) -> None:
        """Errors: JOB_BUSY if another worker has taken over."""
        if self._lease is not None and not self._lease.is_ours():
            raise TrainerError("JOB_BUSY", f"Another worker has taken over {self.job.folder}.")
