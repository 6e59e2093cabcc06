"""Drives a job from claim to card: its lease, its limits, how it is stopped, and what its errors become."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from .card import describe_device, is_done, seal, versions
from .errors import FirstFailed, Stopped, TrainerError, first_line, is_disk_full, is_out_of_memory, package_missing
from .events import Events, NoEvents
from .files import commit_file, commit_text, remove_leftovers, sha256_file
from .job import VERSION, Job, Outcome, Work, read_job
from .lease import Lease, claim

if TYPE_CHECKING:
    from .parallel import Group

STOPPED_EXIT = 3


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
                remove_leftovers(job.folder)
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
