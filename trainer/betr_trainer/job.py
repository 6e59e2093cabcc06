"""
A job is a folder: job.json says what to do and is never changed; events.jsonl, checkpoint/, result.parquet and last
card.json, sealed, are what became of it. This file reads and checks job.json, and drives a job from claim to card.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from .card import describe_device, is_done, seal, versions
from .errors import FirstFailed, Stopped, TrainerError, first_line, is_disk_full, is_out_of_memory, package_missing
from .events import Events, NoEvents
from .files import commit_file, commit_text, sha256_file
from .lease import Lease, claim
from .schema import check_job

if TYPE_CHECKING:
    import torch

    from .parallel import Group

VERSION = 1
STOPPED_EXIT = 3


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
                    f"job.json says {each.sha256}. Plan the job again.",
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


def run_job(folder: Path, load_kind: Callable[[str], Callable[[Work], Outcome]]) -> int:
    """Runs a job, or goes on with it, and returns the exit code. Every error is a sentence on stderr."""
    events: Events = NoEvents()
    try:
        job = read_job(folder)
        if is_done(job):
            print(f"{folder}: done already")
            return 0
        from .parallel import Group

        if (size := Group.count()) > 1 and job.kind not in ("pretrain", "continue"):
            raise TrainerError("JOB_INVALID", f"Jobs of kind {job.kind} run in one process, not in {size}.")
        group = Group()
        with _claimed(job, group) as lease:
            if group.from_first(lambda: is_done(job)):
                return 0
            if group.is_first:
                events = Events(job.folder / "events.jsonl")
            _work(job, events, lease, group, load_kind(job.kind))
        return 0
    except FirstFailed:
        return 1
    except Stopped:
        events.write("stopped", message="Run the job again to go on.")
        print(f"{folder}: stopped; run it again to go on", file=sys.stderr)
        return STOPPED_EXIT
    except Exception as error:
        return _fail(folder, events, error)


@contextmanager
def _claimed(job: Job, group: Group) -> Iterator[Lease | None]:
    """The job's lease, which the first process of a group holds for all. Errors: JOB_BUSY."""
    lease: Lease | None = None

    def take() -> None:
        nonlocal lease
        found = claim(job.folder / "lease")
        if not isinstance(found, Lease):
            raise TrainerError(
                "JOB_BUSY",
                f"{job.folder} is being worked on by process {found['pid']} on {found['host']} since "
                f"{found.get('since')}.",
            )
        lease = found

    group.from_first(take)
    try:
        yield lease
    finally:
        if lease is not None:
            lease.release()


def _work(job: Job, events: Events, lease: Lease | None, group: Group, run: Callable[[Work], Outcome]) -> None:
    """From the checks of a claimed job to its card."""
    import torch

    from .model import pick_device

    started = time.monotonic()
    threads = job.limits.get("threads") or torch.get_num_threads()
    torch.set_num_threads(threads)
    work = Work(job, events, lease, pick_device(), group)
    device = describe_device(work.device) + (f", {group.size} processes" if group.size > 1 else "")
    with _limited_memory(work), _stoppable(work):
        resumed, seconds_before = group.from_first(work.checkpoints.begin)
        events.write(
            "start",
            message=f"{job.kind} on {device}, {threads} threads{f', resumed ({resumed})' if resumed else ''}",
            values={"kind": job.kind, "resumed": resumed, "versions": versions()},
        )
        group.from_first(job.check_inputs)
        work.check()
        outcome = run(work)
        if not group.is_first:
            return
        rows = 0

        def write(path: Path) -> None:
            nonlocal rows
            rows = outcome.write(path)

        result = job.folder / "result.parquet"
        commit_file(result, write)
        work.check_lease()
        card = {
            "version": VERSION,
            "kind": job.kind,
            "job": job.sha256,
            "inputs": [{"name": each.name, "sha256": each.sha256} for each in job.inputs],
            "model": outcome.model,
            "versions": versions(),
            "device": device,
            "threads": threads,
            "dtype": outcome.dtype,
            "parameters": outcome.parameters,
            "parametersWithoutEmbeddings": outcome.parameters_without_embeddings,
            "flops": float(outcome.flops),
            "flopsWithoutEmbeddings": float(outcome.flops_without_embeddings),
            "tokens": outcome.tokens,
            "passes": outcome.passes,
            "seconds": round(seconds_before + time.monotonic() - started, 3),
            "resumed": resumed,
            "seed": job.seed,
            "settings": job.settings,
            "result": {"sha256": sha256_file(result), "rows": rows},
            **outcome.more,
        }
        card["seal"] = seal(card)
        commit_text(job.folder / "card.json", json.dumps(card, indent=1, ensure_ascii=False) + "\n")
        shutil.rmtree(work.parts, ignore_errors=True)
        events.write("done", tokens=outcome.tokens, flops=float(outcome.flops), message=f"{rows} rows in {result.name}")


@contextmanager
def _stoppable(work: Work) -> Iterator[None]:
    """Lets SIGTERM and SIGINT ask the job to stop; a second one ends the process at once."""

    def ask(signum: int, _: FrameType | None) -> None:
        work.asked_to_stop = True
        signal.signal(signum, signal.SIG_DFL)

    before = {signum: signal.signal(signum, ask) for signum in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def _limited_memory(work: Work) -> Iterator[None]:
    """On a CPU, makes an allocation beyond the job's memory fail where it is made, instead of at a killer's choice."""
    gigabytes = work.job.limits.get("memoryGb")
    if gigabytes is None or work.device.type != "cpu" or sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (int(gigabytes * 1e9), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _fail(folder: Path, events: Events, error: Exception) -> int:
    if not isinstance(error, TrainerError):
        if is_disk_full(error):
            error = TrainerError("DISK_FULL", f"No space left on the disk of {folder}: {error}.")
        elif isinstance(error, ModuleNotFoundError):
            error = package_missing(error)
        elif is_out_of_memory(error):
            error = TrainerError("OUT_OF_MEMORY", f"{folder} does not fit into memory: {first_line(error)}")
        else:
            import traceback

            traceback.print_exc()
            error = TrainerError("INTERNAL", f"{folder} failed: {type(error).__name__}: {error}")
    with suppress(TrainerError):  # On a full disk, stderr has to do.
        events.write("failed", code=error.code, message=str(error), values=error.values or None)
    print(f"{error.code}: {error}", file=sys.stderr)
    return error.exit_code
