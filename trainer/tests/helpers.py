"""Small jobs, and workers in child processes that can be killed."""

from __future__ import annotations

import contextlib
import faulthandler
import gzip
import hashlib
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from betr_trainer.__main__ import load_kind
from betr_trainer.drive import run_job
from betr_trainer.events import Events

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "and",
    "the",
    "dog",
    "ran",
    "to",
    "town",
    "with",
    "seven",
    "red",
    "hats",
    "in",
    "spring",
]
#: A worker that takes longer hangs. On two idle cores, the longest takes two seconds.
CHILD_SECONDS = 90
TINY = {"hidden": 32, "layers": 2, "heads": 2, "keyValueHeads": 1, "mlp": 64}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def words(seed: int, count: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def write_lines(path: Path, rows: list[Any]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())
    return path


def write_data(root: Path, documents: int = 200) -> dict[str, Path]:
    """Training documents, items and texts."""
    root.mkdir(parents=True, exist_ok=True)
    sizes = random.Random(5)
    items = [
        {"id": str(i), "set": f"s{i % 2}", "prompt": "the cat sat on", "choices": [" a mat", " hats"], "answer": i % 2}
        for i in range(6)
    ]
    return {
        "train": write_lines(
            root / "train.jsonl.gz", [{"id": i, "text": words(i, sizes.randint(2, 60))} for i in range(documents)]
        ),
        "items": write_lines(root / "items.jsonl", items),
        "texts": write_lines(
            root / "texts.jsonl", [{"id": str(i), "set": "t", "text": words(-i - 1, 40)} for i in range(3)]
        ),
    }


def write_job(folder: Path, inputs: dict[str, Path] | list[dict[str, Any]], **changes: Any) -> Path:
    """Writes a job.json; `settings` and `limits` are added to those of a short pretraining."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(inputs, dict):
        inputs = [{"name": name, "path": str(path), "sha256": sha256(path)} for name, path in inputs.items()]
    evaluated = [each["name"] for each in inputs if each["name"] in ("items", "texts")]
    asked = changes.get("settings", {})
    settings = {
        "tokens": 4096,
        "sequenceLength": 64,
        "batchTokens": 256,
        "learningRate": 2e-3,
        "readings": [asked.get("tokens", 4096) // 2] if asked.get("tokens", 4096) > 256 else [],
        "evaluations": [{"input": name, "kind": name} for name in evaluated],
    }
    job = {
        "version": 1,
        "kind": "pretrain",
        "seed": 3,
        "model": {"new": TINY},
        "tokenizer": "bytes",
        **changes,
        "inputs": inputs,
        "settings": settings | asked if "kind" not in changes else asked,
        "limits": {"threads": 1} | changes.get("limits", {}),
    }
    (folder / "job.json").write_text(json.dumps({key: value for key, value in job.items() if value is not None}))
    return folder


def run(folder: Path) -> int:
    """Runs a job in this process."""
    return run_job(folder, load_kind)


def events_of(folder: Path, event: str | None = None) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines() if line]
    return [each for each in found if event in (None, each["event"])]


def losses_of(folder: Path) -> dict[tuple[int, int], float]:
    """The loss of each step, by its number and its reading (0: the constant part); the last event counts."""
    return {
        (each["step"], each.get("values", {}).get("reading", 0)): each["loss"]
        for each in events_of(folder, "progress")
        if "loss" in each
    }


def card_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "card.json").read_text())


def outcome_of(folder: Path) -> tuple[Any, ...]:
    """What must be the same to the bit, however often a job was interrupted."""
    checkpoint = folder / "checkpoint"
    names = ("model.safetensors", "optimizer.safetensors", "trunk/model.safetensors", "trunk/optimizer.safetensors")
    card = card_of(folder)
    kept = ("flops", "tokens", "tokensTrained", "passes", "parameters")
    return (
        sha256(folder / "result.parquet"),
        tuple(sha256(checkpoint / name) for name in names),
        losses_of(folder),
        tuple(card.get(name) for name in kept),
    )


# Workers are forked from a server that has loaded torch, which takes seconds, and has run nothing. A fork of this
# process would hang now and then: its threads (arrow's, the heartbeats of leases) may hold a lock at that moment.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    ["helpers", *(f"betr_trainer.{kind}" for kind in ("pretrain", "losses", "sft", "dpo"))]
)


class Worker:
    """A job that runs in a child process. `before` is called there first, and must be picklable."""

    def __init__(self, folder: Path, before: Callable[[], object] | None = None) -> None:
        self._output = folder / "output.txt"
        self._process = _processes.Process(target=_work, args=(folder, self._output, before), daemon=True)
        self._process.start()
        self.pid = self._process.pid

    def kill(self, signum: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signum)

    def wait(self, seconds: float = CHILD_SECONDS) -> int:
        """The exit code; below zero, the signal that ended it. A worker that does not end says where it stands."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            self.kill(signal.SIGUSR1)
            self._process.join(1)
            self.kill()
            raise AssertionError(f"the worker did not end within {seconds} s:\n{self._output.read_text()}")
        return self._process.exitcode


def _work(folder: Path, output: Path, before: Callable[[], object] | None) -> None:
    with output.open("a", buffering=1) as file:
        sys.stdout = sys.stderr = file
        faulthandler.register(signal.SIGUSR1, file=file)
        if before is not None:
            before()
        sys.exit(run_job(folder, load_kind))


def signal_at(signum: int, step: int) -> None:
    """For `before`: this process gets a signal when its job has told of a step."""
    progress = Events.progress

    def progress_and_signal(self: Events, at: int, steps: int, **fields: Any) -> None:
        progress(self, at, steps, **fields)
        if at == step and "message" not in fields:
            os.kill(os.getpid(), signum)

    Events.progress = progress_and_signal


def interrupt(folder: Path, signum: int, step: int) -> int:
    """
    Runs a job in a process that gets a signal when it tells of a step. Returns the exit code, negative for a signal.
    """
    return Worker(folder, partial(signal_at, signum, step)).wait()


def until(found: Callable[[], bool], seconds: float = CHILD_SECONDS) -> None:
    """Waits until something is so."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
