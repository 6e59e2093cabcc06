"""Small jobs, and workers in child processes that can be killed."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from betr_trainer.__main__ import load_kind
from betr_trainer.job import run_job

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


def only_slow() -> None:
    """Skips a test that forks a worker: a child of a process with threads may hang, and then takes minutes."""
    if os.environ.get("BETR_TEST_ALL") != "1":
        pytest.skip("it forks workers, so it runs with BETR_TEST_ALL=1 only")


class Worker:
    """A job that runs in a child process. It is forked, because loading torch takes seconds."""

    def __init__(self, folder: Path, before: Callable[[], object] = lambda: None) -> None:
        only_slow()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                before()
                with (folder / "output.txt").open("a") as output:
                    sys.stdout = sys.stderr = output
                    code = run_job(folder, load_kind)
            finally:
                os._exit(code)

    def kill(self, signum: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signum)

    def wait(self, seconds: float = 300) -> int:
        """The exit code; below zero, the signal that ended it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
        self.kill()
        os.waitpid(self.pid, 0)
        raise AssertionError("the worker did not end")


def until(found: Callable[[], bool], seconds: float = 120) -> None:
    """Waits until something is so."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)
