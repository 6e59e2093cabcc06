"""Pretraining does what its description says, compared with loops and counts written apart."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as F
from helpers import TINY, card_of, events_of, losses_of, run, words, write_job, write_lines
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

from betr_trainer.checkpoint import load_optimizer
from betr_trainer.measure import measure
from betr_trainer.model import load_model
from betr_trainer.schedule import Branch, Plan
from betr_trainer.step import Stepper, make_optimizer

SETTINGS = {"sequenceLength": 64, "batchTokens": 256, "learningRate": 2e-3, "readings": [], "evaluations": []}


def test_fifty_losses_equal_a_loop_written_apart(tmp_path: Path) -> None:
    texts = [words(i, 10 + i % 50) for i in range(300)]
    train = write_lines(tmp_path / "train.jsonl", [{"text": text} for text in texts])
    size = {"hidden": 128, "layers": 5, "heads": 4, "keyValueHeads": 2, "mlp": 344}
    settings = {"tokens": 50 * 256, "warmupShare": 0, "decayShare": 0, "weightDecay": 0, "gradientClip": 0}
    folder = write_job(tmp_path / "job", {"train": train}, model={"new": size}, settings=SETTINGS | settings)
    assert run(folder) == 0
    assert 0.9e6 < card_of(folder)["parameters"] < 1.1e6

    # The loop. transformers finds the documents in a sequence by positions that begin anew.
    order = np.random.Generator(np.random.Philox(np.random.SeedSequence([3, 0]))).permutation(len(texts))
    stream = torch.tensor([token for i in order for token in [256, *texts[i].encode()]])
    torch.manual_seed(3)
    shape = {"hidden_size": 128, "intermediate_size": 344, "num_hidden_layers": 5, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=257, num_key_value_heads=2, tie_word_embeddings=True, **shape)
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.95), weight_decay=0)
    expected = []
    for step in range(50):
        ids, targets = (stream[step * 256 + shift :][:256].view(4, 64) for shift in (0, 1))
        positions = torch.tensor([_positions(row) for row in ids.tolist()])
        loss = F.cross_entropy(
            model(ids, position_ids=positions, use_cache=False).logits.view(256, -1), targets.flatten()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    assert list(losses_of(folder).values()) == pytest.approx(expected, abs=1e-4)
    assert expected[-1] < expected[0] - 2


def _positions(ids: list[int]) -> list[int]:
    place, places = -1, []
    for token in ids:
        place = 0 if token == 256 else place + 1
        places.append(place)
    return places


def test_a_reading_is_a_finished_run_of_its_tokens(data: dict[str, Path], tmp_path: Path) -> None:
    inputs = {name: data[name] for name in ("train", "items", "texts")}
    long = write_job(tmp_path / "long", inputs, settings={"tokens": 4096, "readings": [1024, 2048], "warmupShare": 0})
    short = write_job(tmp_path / "short", inputs, settings={"tokens": 2048, "readings": [], "warmupShare": 0})
    assert run(long) == run(short) == 0
    rows = [row for row in _rows(long) if row["tokens"] == 2048]
    assert rows == _rows(short)
    assert {row["tokens"] for row in _rows(long)} == {1024, 2048, 4096}
    assert all(row["decayed"] for row in rows)
    assert len(rows) == 6 * 2 + 3
    # Steps of both: 13 of 16 constant, then 3 branches of 1, 2 and 3 steps.
    card = card_of(long)
    assert card["tokensTrained"] == (13 + 1 + 2 + 3) * 256
    assert card["tokens"] == 4096
    assert card["flops"] == 6 * card["parameters"] * card["tokensTrained"]
    assert card["flopsWithoutEmbeddings"] == card["flops"] - 6 * 257 * 32 * card["tokensTrained"]
    assert [each["flops"] for each in events_of(long, "reading")] == [
        6 * card["parameters"] * tokens for tokens in (1024, 2048, 4096)
    ]
    assert not (long / "parts").exists()


def test_the_schedule_by_hand() -> None:
    plan = Plan(
        SETTINGS | {"tokens": 2560, "readings": [1300], "warmupShare": 0.2, "decayShare": 0.4, "learningRate": 1}
    )
    assert plan.branches == [Branch(3, 5), Branch(6, 10)]
    assert [plan.learning_rate(step, None) for step in range(6)] == [0.5, 1, 1, 1, 1, 1]
    assert [plan.learning_rate(step, plan.branches[0]) for step in (3, 4)] == [1, 0.5]
    assert [plan.learning_rate(step, plan.branches[1]) for step in range(6, 10)] == [1, 0.75, 0.5, 0.25]
    assert plan.steps_left(0, None) == 6 + 2 + 4
    assert plan.steps_left(4, plan.branches[0]) == 1 + 3 + 4
    assert plan.steps_left(9, plan.branches[1]) == 1


def test_out_of_memory_halves_the_batch_and_keeps_the_tokens(
    data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {"train": data["train"]}
    roomy = write_job(tmp_path / "roomy", inputs, settings=SETTINGS | {"tokens": 2048})
    assert run(roomy) == 0
    loss, seen = Stepper._loss, []

    def small(self: Stepper, batch: Any) -> torch.Tensor:
        if len(batch.tokens) > 1:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        seen.append(batch.tokens.numel())
        return loss(self, batch)

    monkeypatch.setattr(Stepper, "_loss", small)
    tight = write_job(tmp_path / "tight", inputs, settings=SETTINGS | {"tokens": 2048})
    assert run(tight) == 0
    warnings = events_of(tight, "warning")
    assert [each["code"] for each in warnings] == ["OUT_OF_MEMORY"] * 2
    assert "1 sequences at once" in warnings[-1]["message"]
    assert sum(seen) == card_of(tight)["tokensTrained"]
    assert card_of(tight)["microBatch"] == 1
    assert list(losses_of(tight).values()) == pytest.approx(list(losses_of(roomy).values()), abs=1e-4)


def test_a_memory_limit_that_nothing_fits_into_is_told(data: dict[str, Path], tmp_path: Path, monkeypatch: Any) -> None:
    def never(self: Stepper, batch: Any) -> torch.Tensor:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Stepper, "_loss", never)
    folder = write_job(tmp_path / "job", {"train": data["train"]}, settings=SETTINGS | {"tokens": 512})
    assert run(folder) == 1
    assert events_of(folder)[-1]["code"] == "OUT_OF_MEMORY"


def test_passes_and_repeats_are_counted(tmp_path: Path) -> None:
    table = pa.table({"text": ["abc", "defgh", "never"], "repeat": [3, 1, 0]})
    pq.write_table(table, tmp_path / "train.parquet")
    settings = SETTINGS | {"tokens": 1024, "sequenceLength": 8, "batchTokens": 64}
    folder = write_job(tmp_path / "job", {"train": tmp_path / "train.parquet"}, settings=settings)
    assert run(folder) == 0
    a_pass = 3 * 4 + 6
    assert card_of(folder)["passes"] == pytest.approx(1024 / a_pass)
    assert card_of(folder)["sources"] == [{"name": "train", "tokens": a_pass, "read": 1024, "passes": 1024 / a_pass}]


def test_kept_readings_are_models(data: dict[str, Path], tmp_path: Path) -> None:
    inputs = {name: data[name] for name in ("train", "texts")}
    folder = write_job(tmp_path / "job", inputs, settings={"tokens": 2048, "readings": [1024], "keepReadings": True})
    assert run(folder) == 0
    kept = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert kept == ["tokens-1024", "tokens-2048"]
    # `losses` on a kept model measures what the reading measured.
    for name in kept:
        losses = write_job(
            tmp_path / name,
            {"texts": data["texts"]},
            kind="losses",
            model={"folder": str(folder / "checkpoints" / name)},
            tokenizer=None,
        )
        assert run(losses) == 0
        bits = [row["bits"] for row in _rows(folder) if row["tokens"] == int(name.split("-")[1])]
        found = [-row["log_probability"] / np.log(2) for row in _rows(losses)]
        assert found == pytest.approx(bits, abs=1e-3)
    # The model of the job itself is that of its last reading.
    last, own = (
        load_file(path / "model.safetensors") for path in (folder / "checkpoints" / kept[1], folder / "checkpoint")
    )
    assert all(torch.equal(last[name], own[name]) for name in own)


def test_continue_resumes_the_optimizer_and_rehearses(data: dict[str, Path], tmp_path: Path) -> None:
    base = write_job(tmp_path / "base", {"train": data["train"]}, settings=SETTINGS | {"tokens": 2048})
    assert run(base) == 0
    fresh = write_lines(tmp_path / "new.jsonl", [{"text": words(1000 + i, 30)} for i in range(50)])
    changes = {"kind": "continue", "model": {"checkpoint": str(base)}, "tokenizer": None}
    settings = SETTINGS | {"tokens": 2560, "rehearse": {"input": "base", "share": 0.25}}
    inputs = {"new": fresh, "base": data["train"]}
    resumed = write_job(tmp_path / "resumed", inputs, **changes, settings=settings)
    anew = write_job(tmp_path / "anew", inputs, **changes, settings=settings | {"optimizer": "new"})
    assert run(resumed) == run(anew) == 0
    assert [each["read"] for each in card_of(resumed)["sources"]] == [1920, 640]
    # From the constant part with its optimizer's state, or from the finished model without.
    model = load_model(base / "checkpoint" / "trunk")
    optimizer = make_optimizer(model, {"weightDecay": 0, "betas": [0.9, 0.95], "eps": 1e-8})
    assert load_optimizer(base / "checkpoint" / "trunk", model, optimizer)
    assert optimizer.state[next(model.parameters())]["step"] == 6
    steps = load_file(resumed / "checkpoint" / "optimizer.safetensors")["step"]
    assert steps.item() == 6 + 10
    assert load_file(anew / "checkpoint" / "optimizer.safetensors")["step"].item() == 10
    assert losses_of(resumed) != losses_of(anew)
    # The rate falls from the first step on, to (nearly) zero.
    rates = [each["learningRate"] for each in events_of(resumed, "progress") if "loss" in each]
    assert rates == pytest.approx([2e-3 * (10 - step) / 10 for step in range(10)])


def test_weights_set_the_mixture(tmp_path: Path) -> None:
    inputs = []
    for name, weight in (("a", 3), ("b", 1)):
        path = write_lines(
            tmp_path / f"{name}.jsonl", [{"text": name * 40} for _ in range(random.Random(1).randint(5, 9))]
        )
        write_job(tmp_path / "x", {name: path})
        inputs += [{**json.loads((tmp_path / "x/job.json").read_text())["inputs"][0], "weight": weight}]
    base = write_job(tmp_path / "base", {"train": tmp_path / "a.jsonl"}, settings=SETTINGS | {"tokens": 256})
    assert run(base) == 0
    settings = SETTINGS | {"tokens": 2048, "batchTokens": 512}
    folder = write_job(
        tmp_path / "job", inputs, kind="continue", model={"checkpoint": str(base)}, tokenizer=None, settings=settings
    )
    assert run(folder) == 0
    assert [each["read"] for each in card_of(folder)["sources"]] == [1536, 512]


def test_measure_does_not_touch_the_job(data: dict[str, Path], tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", data, model={"new": TINY})
    found = measure(folder, 3)
    assert [path.name for path in folder.iterdir()] == ["job.json"]
    assert found["tokensPerSecond"] == pytest.approx(256 / found["secondsPerStep"])
    assert found["flopsPerToken"] == 6 * (257 * 32 + 2 * (32 * 32 * 2 + 32 * 16 * 2 + 3 * 32 * 64 + 2 * 32) + 32)
    assert found["peakMemoryMb"] > 50


def _rows(folder: Path) -> list[dict[str, Any]]:
    return pq.read_table(folder / "result.parquet").to_pylist()
