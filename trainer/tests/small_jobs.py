"""Tiny models, jobs whose inputs are rows, and jobs that are stopped or killed at a step, for tests of the kinds."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from helpers import interrupt, run, sha256
from transformers import LlamaConfig, LlamaForCausalLM

from betr_trainer.tokenizer import byte_tokenizer

CHAT_TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}</{{ message['role'] }}>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


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
        listed.append({"name": name, "path": path.name, "sha256": sha256(path)})
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


def run_all(folder: Path) -> list[dict[str, Any]]:
    """Runs a job that must finish, and returns its rows."""
    assert run(folder) == 0
    return rows_of(folder)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return pq.read_table(folder / "result.parquet").to_pylist()


def interrupt_twice(folder: Path, *, stop_at: int, kill_at: int) -> None:
    """A job that is stopped, then killed, and then finished."""
    assert interrupt(folder, signal.SIGTERM, stop_at) == 3
    assert interrupt(folder, signal.SIGKILL, kill_at) == -signal.SIGKILL
    assert run(folder) == 0
