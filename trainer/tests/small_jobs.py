"""Tiny models, job folders, and jobs that are stopped or killed at a step, for tests of the kinds."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from betr_trainer.__main__ import load_kind
from betr_trainer.events import Events
from betr_trainer.job import run_job
from betr_trainer.tokenizer import byte_tokenizer

CHAT_TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}</{{ message['role'] }}>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def golden(name: str) -> Path:
    """A file of the goldens of language models; skips the test where there are none."""
    if "BETR_SHARED" not in os.environ:
        pytest.skip("BETR_SHARED is not set: no goldens")
    return Path(os.environ["BETR_SHARED"]) / "golden" / "language-model" / name


def float_weights() -> Path:
    """The folder of SmolLM2-135M-Instruct's float weights; skips the test where there is none."""
    if "BETR_SMOLLM2_FLOAT" not in os.environ:
        pytest.skip("BETR_SMOLLM2_FLOAT is not set: no float weights of SmolLM2-135M-Instruct")
    return Path(os.environ["BETR_SMOLLM2_FLOAT"])


def make_model(folder: Path, *, chat: bool = False, seed: int = 1) -> Path:
    """A random model of 257 byte tokens in a folder, with its tokenizer."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=257,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        bos_token_id=256,
        eos_token_id=256,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer = byte_tokenizer()
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


def write_job(
    folder: Path,
    kind: str,
    model: Path | dict[str, Any],
    inputs: dict[str, list[Any]],
    settings: dict[str, Any],
    *,
    seed: int = 0,
    tokenizer: str | None = None,
) -> Path:
    """A job's folder with its job.json and its inputs, of which each row is an object or a line as it is."""
    folder.mkdir(parents=True)
    listed = []
    for name, rows in inputs.items():
        path = folder / f"{name}.jsonl"
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        listed.append({"name": name, "path": path.name, "sha256": sha256})
    job = {
        "version": 1,
        "kind": kind,
        "seed": seed,
        "model": model if isinstance(model, dict) else {"folder": str(model)},
        "inputs": listed,
        "settings": settings,
        "limits": {"threads": 1},
    }
    (folder / "job.json").write_text(json.dumps(job if tokenizer is None else {**job, "tokenizer": tokenizer}))
    return folder


def run(folder: Path) -> int:
    return run_job(folder, load_kind)


def run_all(folder: Path) -> list[dict[str, Any]]:
    """Runs a job that must finish, and returns its rows."""
    assert run(folder) == 0
    return rows_of(folder)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return pq.read_table(folder / "result.parquet").to_pylist()


def card_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "card.json").read_text())


def events_of(folder: Path, event: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines() if line]
    return [each for each in events if each["event"] == event]


def interrupt(folder: Path, signum: int, step: int) -> int:
    """
    Runs a job in a process that gets a signal when it tells of a step. Returns the exit code, negative for a signal.
    """
    process = multiprocessing.get_context("fork").Process(target=_run_until, args=(folder, signum, step))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _run_until(folder: Path, signum: int, at: int) -> None:
    progress = Events.progress

    def progress_and_signal(self: Events, step: int, steps: int, **fields: Any) -> None:
        progress(self, step, steps, **fields)
        if step == at:
            os.kill(os.getpid(), signum)

    Events.progress = progress_and_signal  # type: ignore[method-assign]
    os._exit(run(folder))


def interrupt_twice(folder: Path, *, stop_at: int, kill_at: int) -> None:
    """A job that is stopped, then killed, and then finished."""
    assert interrupt(folder, signal.SIGTERM, stop_at) == 3
    assert interrupt(folder, signal.SIGKILL, kill_at) == -signal.SIGKILL
    assert run(folder) == 0
