"""Supervised fine-tuning: the loss and its steps against a bare loop, LoRA, interruptions, and bad input."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import card_of, events_of, run
from safetensors.torch import load_file
from small_jobs import interrupt, interrupt_twice, make_model, run_all, write_job
from transformers import AutoModelForCausalLM

from betr_trainer.training import JobTrainer

EXAMPLES = [{"prompt": "abc"[: 1 + n % 3] + "=", "answer": "xyz"[: 1 + n % 2] * (1 + n % 4)} for n in range(10)]
LORA = {"r": 2, "alpha": 4, "dropout": 0.1}


def weights(job: Path) -> dict[str, torch.Tensor]:
    return load_file(job / "checkpoint" / "model.safetensors")


def test_steps_equal_a_bare_loop(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    settings: dict[str, Any] = {"learningRate": 1e-2, "batchSize": 4, "epochs": 2, "order": "sequential"}
    settings |= {"schedule": "linear", "warmupShare": 0, "gradientClip": 1, "weightDecay": 0}
    job = write_job(tmp_path / "job", "sft", folder, {"examples": EXAMPLES}, settings)
    rows = run_all(job)

    model = AutoModelForCausalLM.from_pretrained(folder)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
    step = 0
    for _ in range(2):
        for at in range(0, 10, 4):
            optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / 6)
            logs = []
            for row in EXAMPLES[at : at + 4]:
                ids = torch.tensor([[256, *row["prompt"].encode(), *row["answer"].encode(), 256]])
                start = 1 + len(row["prompt"])
                every = model(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
                logs.append(every[start - 1 :])
            loss = -torch.cat(logs).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            assert rows[step]["loss"] == pytest.approx(loss.item(), abs=2e-6)
            assert rows[step]["learning_rate"] == pytest.approx(1e-2 * (1 - step / 6))
            step += 1
    assert len(rows) == step == 6
    assert card_of(job)["tokens"] == 2 * sum(len(row["prompt"] + row["answer"]) + 2 for row in EXAMPLES)
    AutoModelForCausalLM.from_pretrained(job / "checkpoint")


def test_interrupted_is_uninterrupted(tmp_path: Path) -> None:
    """To the bit, with a random order: within an epoch, and across epochs. test_dpo.py has the same with LoRA."""
    model = make_model(tmp_path / "model")
    settings = {"learningRate": 1e-2, "batchSize": 3, "epochs": 2}
    whole, broken = (
        write_job(tmp_path / name, "sft", model, {"examples": EXAMPLES}, settings, seed=3) for name in ("a", "b")
    )
    run_all(whole)
    interrupt_twice(broken, stop_at=2, kill_at=6)
    assert (broken / "result.parquet").read_bytes() == (whole / "result.parquet").read_bytes()
    assert all(torch.equal(value, weights(broken)[key]) for key, value in weights(whole).items())
    steps = [event["step"] for event in events_of(broken, "progress")]
    assert steps == [1, 2, 3, 4, 5, 6, 3, 4, 5, 6, 7, 8]
    assert card_of(broken)["tokens"] == card_of(whole)["tokens"]
    # Nothing in a checkpoint can run code.
    files = {path.suffix for path in (broken / "checkpoint").rglob("*") if path.is_file()}
    assert files <= {".json", ".jsonl", ".safetensors", ".jinja"}


def test_lora_keeps_a_merged_model(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    settings = {"learningRate": 1e-2, "batchSize": 5, "epochs": 2, "lora": LORA}
    job = write_job(tmp_path / "job", "sft", folder, {"examples": EXAMPLES}, settings)
    run_all(job)
    (kept,) = (job / "checkpoints").iterdir()
    before, after = load_file(folder / "model.safetensors"), load_file(kept / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "_proj" in name}  # The projections, and nothing else.
    again = write_job(
        tmp_path / "next", "generate", {"checkpoint": str(job)}, {"prompts": [{"prompt": "a"}]}, {"maxTokens": 2}
    )
    assert len(run_all(again)) == 1


def test_order_depends_on_the_seed(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    settings = {"learningRate": 1e-9, "batchSize": 1, "epochs": 2}
    losses = [
        [
            row["loss"]
            for row in run_all(write_job(tmp_path / name, "sft", model, {"examples": EXAMPLES}, settings, seed=s))
        ]
        for name, s in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert losses[0] == losses[1] != losses[2]
    # Each pass sees every example, in another order.
    first, second = losses[0][:10], losses[0][10:]
    assert first != second
    assert sorted(first) == pytest.approx(sorted(second), abs=1e-4)


def test_too_little_memory_halves_the_batch_and_keeps_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(tmp_path / "model")
    settings = {"learningRate": 1e-2, "batchSize": 6, "order": "sequential"}
    whole, small = (write_job(tmp_path / name, "sft", model, {"examples": EXAMPLES}, settings) for name in ("a", "b"))
    want = run_all(whole)
    real = JobTrainer.training_step

    def in_a_small_memory(self: JobTrainer, model: Any, inputs: Any, *more: Any, **named: Any) -> torch.Tensor:
        if len(inputs["input_ids"]) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return real(self, model, inputs, *more, **named)

    monkeypatch.setattr(JobTrainer, "training_step", in_a_small_memory)
    rows = run_all(small)
    assert [row["loss"] for row in rows] == pytest.approx([row["loss"] for row in want], abs=1e-5)
    assert [event["message"][:10] for event in events_of(small, "warning")] == ["6 rows at ", "3 rows at "]
    assert card_of(small)["tokens"] == card_of(whole)["tokens"]


def test_a_loss_that_is_no_number_keeps_the_checkpoint(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    settings = {"learningRate": 1e20, "optimizer": "sgd", "schedule": "constant", "warmupShare": 0, "gradientClip": 0}
    job = write_job(tmp_path / "job", "sft", model, {"examples": EXAMPLES}, {**settings, "batchSize": 2, "epochs": 2})
    assert interrupt(job, signal.SIGTERM, 1) == 3
    good = (job / "checkpoint" / "model.safetensors").read_bytes()
    assert run(job) == 1
    (failed,) = events_of(job, "failed")
    assert failed["code"] == "LOSS_NOT_FINITE"
    assert "at step 2, at learning rate 1e+20" in failed["message"]
    assert (job / "checkpoint" / "model.safetensors").read_bytes() == good
    assert not (job / "card.json").exists()


def test_without_the_libraries_of_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(tmp_path / "model")
    for kind, library in (("sft", "peft"), ("sft", "accelerate"), ("dpo", "trl")):
        inputs = {"examples": EXAMPLES} if kind == "sft" else {"pairs": EXAMPLES}
        job = write_job(tmp_path / f"{kind}-{library}", kind, model, inputs, {"learningRate": 1e-3})
        with monkeypatch.context() as without:
            for module in ("training", "sft", "dpo"):
                without.delitem(sys.modules, f"betr_trainer.{module}", raising=False)
            without.setitem(sys.modules, library, None)
            assert run(job) == 1
        (failed,) = events_of(job, "failed")
        assert f"The Python package {library} is not installed" in failed["message"]
        assert "pip install" in failed["message"]
