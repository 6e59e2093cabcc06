"""
A job is a folder: job.json says what to do and is never changed; events.jsonl, checkpoint/, result.parquet and last
card.json, sealed, are what became of it. This file reads and checks job.json, and drives a job from claim to card.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

import jsonschema

from .errors import Stopped, TrainerError, is_disk_full, is_out_of_memory
from .events import Events
from .files import canonical_json, commit_file, commit_text, sha256_file, sha256_text
from .lease import Lease, claim

VERSION = 1
STOPPED_EXIT = 3
_schema_path = Path(__file__).with_name("job.schema.json")


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


def check_job(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """The content of a job.json with defaults filled in. Errors: JOB_INVALID, naming every field at fault."""
    schema = json.loads(_schema_path.read_text(encoding="utf-8"))
    kinds: dict[str, Any] = {}
    for branch in schema.get("oneOf") or schema.get("anyOf"):
        kinds[_resolve(branch, schema)["properties"]["kind"]["const"]] = branch
    kind = data.get("kind")
    if kind not in kinds:
        raise TrainerError("JOB_INVALID", f"{path}: kind is {json.dumps(kind)}; kinds are {', '.join(kinds)}.")
    branch = {**kinds[kind], "$defs": schema.get("$defs", {}), "definitions": schema.get("definitions", {})}
    validator = jsonschema.Draft202012Validator(branch)
    errors = sorted(validator.iter_errors(_filled(data, branch, schema)), key=lambda error: list(map(str, error.path)))
    if errors:
        told = "; ".join(f"{'.'.join(map(str, error.path)) or 'job'}: {_reason(error)}" for error in errors[:5])
        raise TrainerError("JOB_INVALID", f"{path} is not a valid job: {told}.")
    return _filled(data, branch, schema)


def _reason(error: jsonschema.ValidationError) -> str:
    """The reason of the alternative that fits best, on one line."""
    best = jsonschema.exceptions.best_match([error]) or error
    return best.message.replace("\n", " ")[:300]


def _resolve(schema: Any, root: dict[str, Any]) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def _filled(value: Any, schema: Any, root: dict[str, Any]) -> Any:
    """A value with the defaults of its schema filled in."""
    schema = _resolve(schema, root)
    if not isinstance(schema, dict):
        return value
    for choice in schema.get("anyOf", schema.get("oneOf", [])):
        resolved = _resolve(choice, root)
        filled = _filled(value, choice, root)
        if jsonschema.Draft202012Validator({**resolved, "$defs": root.get("$defs", {})}).is_valid(filled):
            return filled
    if isinstance(value, dict) and "properties" in schema:
        filled = dict(value)
        for name, each in schema["properties"].items():
            resolved = _resolve(each, root)
            if name not in filled and "default" in resolved:
                filled[name] = resolved["default"]
            if name in filled:
                filled[name] = _filled(filled[name], each, root)
        return filled
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_filled(item, schema["items"], root) for item in value]
    return value


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

    def __init__(self, job: Job, events: Events, lease: Lease, device: Any) -> None:
        from .checkpoint import Checkpoints

        self.job, self.events, self.device = job, events, device
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
        self._check_lease()
        if self.asked_to_stop:
            raise Stopped

    def keep(self, save: Callable[[Path], object], *, now: bool = False, **fields: Any) -> bool:
        """
        Call after each step. Where a checkpoint is due (`now`, the interval is over, or the job is asked to stop),
        `save` fills its folder and an event with `fields` tells of it; then ends a job that was asked to stop.
        Returns whether it saved.
        """
        due = now or self.asked_to_stop or time.monotonic() - self._saved_at >= self.job.limits["checkpointSeconds"]
        if not due:
            return False
        self._check_lease()
        self.checkpoints.save(save)
        self._saved_at = time.monotonic()
        self.events.write("checkpoint", **fields)
        if self.asked_to_stop:
            raise Stopped
        return True

    def _check_lease(self) -> None:
        if not self._lease.is_ours():
            raise TrainerError("JOB_BUSY", f"Another worker has taken over {self.job.folder}.")


def run_job(folder: Path, load_kind: Callable[[str], Callable[[Work], Outcome]]) -> int:
    """Runs a job, or goes on with it, and returns the exit code. Every error is a sentence on stderr."""
    events: Events | None = None
    try:
        job = read_job(folder)
        if _is_done(job):
            print(f"{folder}: done already")
            return 0
        lease = claim(job.folder / "lease")
        if not isinstance(lease, Lease):
            raise TrainerError(
                "JOB_BUSY",
                f"{folder} is being worked on by process {lease['pid']} on {lease['host']} since {lease.get('since')}.",
            )
        with lease:
            if _is_done(job):
                return 0
            events = Events(job.folder / "events.jsonl")
            _work(job, events, lease, _load(load_kind, job.kind))
        return 0
    except Stopped:
        if events is not None:
            events.write("stopped", message="The checkpoint is saved; run the job again to go on.")
        print(f"{folder}: stopped; run it again to go on", file=sys.stderr)
        return STOPPED_EXIT
    except Exception as error:
        return _fail(folder, events, error)


def _work(job: Job, events: Events, lease: Lease, run: Callable[[Work], Outcome]) -> None:
    import torch

    from .model import pick_device

    started = time.monotonic()
    threads = job.limits.get("threads") or torch.get_num_threads()
    torch.set_num_threads(threads)
    work = Work(job, events, lease, pick_device())
    _limit_memory(job, work)
    before = {signum: signal.signal(signum, _asker(work)) for signum in (signal.SIGTERM, signal.SIGINT)}
    try:
        resumed, seconds_before = work.checkpoints.begin()
        events.write(
            "start",
            message=f"{job.kind} on {describe_device(work.device)}, {threads} threads"
            + (f", resumed for the {resumed}. time" if resumed else ""),
            values={"kind": job.kind, "resumed": resumed, "versions": versions()},
        )
        job.check_inputs()
        work.check()
        outcome = run(work)
        rows = 0

        def write(path: Path) -> None:
            nonlocal rows
            rows = outcome.write(path)

        result = job.folder / "result.parquet"
        commit_file(result, write)
        if not lease.is_ours():
            raise TrainerError("JOB_BUSY", f"Another worker has taken over {job.folder}.")
        card = {
            "version": VERSION,
            "kind": job.kind,
            "job": job.sha256,
            "inputs": [{"name": each.name, "sha256": each.sha256} for each in job.inputs],
            "model": outcome.model,
            "versions": versions(),
            "device": describe_device(work.device),
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
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _load(load_kind: Callable[[str], Callable[[Work], Outcome]], kind: str) -> Callable[[Work], Outcome]:
    """The function of a kind. Errors: JOB_INVALID if a library that it needs is not installed."""
    try:
        return load_kind(kind)
    except ModuleNotFoundError as error:
        raise TrainerError(
            "JOB_INVALID",
            f"Jobs of kind {kind} need the Python package {error.name}, which is not installed. Install the worker "
            "with its extra: pip install 'trainer[dpo]'.",
        ) from error


def seal(card: dict[str, Any]) -> str:
    """The seal of a card: SHA-256 of the canonical JSON of everything else in it."""
    return sha256_text(canonical_json({key: value for key, value in card.items() if key != "seal"}))


def _is_done(job: Job) -> bool:
    """Whether the job has its card. Errors: JOB_INVALID if the card or the result is of another job or damaged."""
    path = job.folder / "card.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        whole = card["seal"] == seal(card)
        same = card["job"] == job.sha256
        result = job.folder / "result.parquet"
        intact = result.is_file() and sha256_file(result) == card["result"]["sha256"]
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError):
        whole = same = intact = False
    if not (whole and same and intact):
        fault = "is damaged" if not whole else "is of another job.json" if not same else "does not fit result.parquet"
        raise TrainerError("JOB_INVALID", f"{path} {fault}. Remove it to run the job again.")
    return True


def _asker(work: Work) -> Callable[[int, FrameType | None], None]:
    def ask(signum: int, _: FrameType | None) -> None:
        work.asked_to_stop = True
        signal.signal(signum, signal.SIG_DFL)  # A second one ends the process at once.

    return ask


def _limit_memory(job: Job, work: Work) -> None:
    """On a CPU, makes an allocation beyond the job's memory fail where it is made, instead of at a killer's choice."""
    if (gigabytes := job.limits.get("memoryGb")) and work.device.type == "cpu" and sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (int(gigabytes * 1e9), resource.RLIM_INFINITY))


def _fail(folder: Path, events: Events | None, error: Exception) -> int:
    if not isinstance(error, TrainerError):
        if is_disk_full(error):
            error = TrainerError("DISK_FULL", f"No space left on the disk of {folder}: {error}.")
        elif is_out_of_memory(error):
            error = TrainerError("OUT_OF_MEMORY", f"{folder} does not fit into memory: {str(error).splitlines()[0]}")
        else:
            import traceback

            traceback.print_exc()
            error = TrainerError("INTERNAL", f"{folder} failed: {type(error).__name__}: {error}")
    if events is not None:
        with suppress(TrainerError):  # On a full disk, stderr has to do.
            events.write("failed", code=error.code, message=str(error), values=error.values or None)
    print(f"{error.code}: {error}", file=sys.stderr)
    return error.exit_code


def versions() -> dict[str, str]:
    """The versions that results depend on."""
    found = {"python": platform.python_version()}
    for name in ("torch", "transformers", "tokenizers", "pyarrow", "trl", "peft"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def describe_device(device: Any) -> str:
    """The device by its name: that of the GPU, or cpu and its architecture."""
    if device.type == "cuda":
        import torch

        return f"cuda {torch.cuda.get_device_name(device)}"
    return f"{device.type} {platform.machine()}"
