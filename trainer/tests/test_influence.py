"""One-step influence: golden numbers, a slow oracle, and what interruptions and bad input do."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from helpers import card_of, events_of, run
from safetensors.torch import load_file, save_file
from small_jobs import interrupt_twice, make_model, rows_of, run_all, write_job
from transformers import AutoModelForCausalLM

from betr_trainer.one_step import Start, step

ADAMW = {"learningRate": 1e-3, "betas": [0.9, 0.95], "eps": 1e-8, "weightDecay": 0.1}
REFERENCE = [{"prompt": f"{a}+{b}=", "answer": f"{a + b}"} for a in range(3) for b in range(9, 11)]
PROBES = [{"id": f"p{a}", "prompt": f"{a}+{a}=", "answer": f"{2 * a}"} for a in range(5)]


def test_logistic_student() -> None:
    """The example worked out by hand: w = (.2, -.1), plain gradient step at .1."""
    weights = torch.nn.Parameter(torch.tensor([0.2, -0.1], dtype=torch.float64))

    def loss(examples: list[tuple[list[float], int]]) -> torch.Tensor:
        x = torch.tensor([x for x, _ in examples], dtype=torch.float64)
        y = torch.tensor([y for _, y in examples], dtype=torch.float64)
        return torch.nn.functional.binary_cross_entropy_with_logits(x @ weights, y)

    reference: list[tuple[list[float], int]] = [([1, 0], 1), ([0, 1], 0)]
    optimizer = torch.optim.SGD([weights], lr=0.1)
    start = Start([weights], optimizer)
    before = loss(reference).item()
    slope = torch.autograd.grad(loss(reference), [weights])
    assert before == pytest.approx(0.621267765, abs=1e-9)
    for probe, influence, first_order in [
        (([1, 2], 1), -0.013275535, -0.012496891),
        (([1, 2], 0), 0.011719806, 0.012496891),
        (([1, 0], 1), 0.010007272, 0.010132471),
    ]:
        step([weights], optimizer, lambda probe=probe: loss([probe]).backward())
        assert before - loss(reference).item() == pytest.approx(influence, abs=1e-9)
        assert start.fall_along(slope) == pytest.approx(first_order, abs=1e-9)
        start.restore()
    assert weights.tolist() == [0.2, -0.1]


@pytest.mark.parametrize("name", ["adamw_with_state", "adamw_without_state", "sgd"])
def test_golden_student(tmp_path: Path, goldens: Path, name: str) -> None:
    want = json.loads((goldens / "influence.json").read_text())
    settings = {
        "adamw_with_state": {**ADAMW, "learningRate": 1e-4, "state": True},
        "adamw_without_state": {**ADAMW, "learningRate": 1e-4, "state": False},
        "sgd": {"optimizer": "sgd", "learningRate": 1e-3, "weightDecay": 0, "firstOrder": True},
    }[name]
    inputs = {
        "reference": [{"prompt": prompt, "answer": answer} for prompt, answer in want["reference"]],
        "probes": [{"id": each["name"], **{key: each[key] for key in ("prompt", "answer")}} for each in want["probes"]],
    }
    job = write_job(tmp_path / "job", "influence", goldens / "tiny-student", inputs, settings, tokenizer="bytes")
    rows = run_all(job)
    assert [row["id"] for row in rows] == [each["name"] for each in want["probes"]]
    zero = card_of(job)["lossBefore"] - card_of(job)["lossAfterZeroStep"]
    if name == "adamw_with_state":
        assert zero == pytest.approx(want["adamw_with_state_and_a_zero_gradient"], abs=1e-5)
    for row, each in zip(rows, want["probes"], strict=True):
        assert row["loss_before"] == pytest.approx(want["L0"], abs=1e-5)
        assert row["influence"] == pytest.approx(each[name], abs=1e-5)
        assert row["influence"] == pytest.approx(row["loss_before"] - row["loss_after"], abs=1e-15)
        assert row["influence_over_zero_step"] == pytest.approx(row["influence"] - zero, abs=1e-12)
        if name == "sgd":
            assert row["first_order"] == pytest.approx(each["sgd_first_order"], abs=1e-5)


def test_slow_oracle_with_conversations(tmp_path: Path) -> None:
    """Each probe on a fresh copy of the model, example by example, without any padding."""
    folder = make_model(tmp_path / "model", chat=True)
    ask = {"role": "user", "content": "2+2"}
    probes = [
        {"id": "text", "prompt": "2+2=", "answer": "4"},
        {"id": "turn", "prompt": [ask], "answer": [{"role": "assistant", "content": "4"}]},
        {
            "id": "talk",
            "messages": [ask, {"role": "assistant", "content": "4"}, ask, {"role": "assistant", "content": "5"}],
        },
    ]
    job = write_job(
        tmp_path / "job", "influence", folder, {"reference": REFERENCE, "probes": probes}, {**ADAMW, "state": False}
    )
    rows = run_all(job)

    end, turn = [256], list(b"</assistant>\n")
    head = list(b"<user>2+2</user>\n<assistant>")
    tokens = [
        ([256, *b"2+2="], [*b"4", *end]),
        (head, [*b"4", *turn]),
        ([*head, *b"4", *turn, *head], [*b"5", *turn]),
    ]

    def nats(model: torch.nn.Module, prompt: list[int], answer: list[int]) -> torch.Tensor:
        logs = model(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
        return -sum(logs[len(prompt) + i - 1, token] for i, token in enumerate(answer))

    def reference_loss(model: torch.nn.Module) -> float:
        each = [([256, *row["prompt"].encode()], [*row["answer"].encode(), *end]) for row in REFERENCE]
        with torch.no_grad():
            return float(sum(nats(model, *pair) for pair in each)) / sum(len(answer) for _, answer in each)

    fresh = AutoModelForCausalLM.from_pretrained(folder).eval()
    for row, (prompt, answer) in zip(rows, tokens, strict=True):
        model = copy.deepcopy(fresh)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
        loss, size = nats(model, prompt, answer), len(answer)
        if row["id"] == "talk":  # The first answer counts, too.
            loss, size = loss + nats(model, head, [*b"4", *turn]), size + 1 + len(turn)
        (loss / size).backward()
        optimizer.step()
        assert row["loss_before"] == pytest.approx(reference_loss(fresh), abs=1e-6)
        assert row["loss_after"] == pytest.approx(reference_loss(model), abs=1e-5)


def test_interrupted_is_uninterrupted(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    inputs = {"reference": REFERENCE, "probes": PROBES}
    settings = {**ADAMW, "state": False, "firstOrder": True}
    whole, broken = (write_job(tmp_path / name, "influence", model, inputs, settings) for name in ("whole", "broken"))
    run_all(whole)
    interrupt_twice(broken, stop_at=2, kill_at=4)
    assert (broken / "result.parquet").read_bytes() == (whole / "result.parquet").read_bytes()
    # The stop lost nothing and the kill at most what it interrupted: no probe was computed twice.
    assert [event["step"] for event in events_of(broken, "progress")] == [1, 2, 3, 4, 5]
    assert card_of(broken)["resumed"] == 2
    before = (broken / "card.json").read_bytes()
    assert run(broken) == 0
    assert (broken / "card.json").read_bytes() == before


def test_torn_line_is_done_again(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    inputs = {"reference": REFERENCE, "probes": PROBES}
    job = write_job(tmp_path / "job", "influence", model, inputs, {**ADAMW, "state": False})
    want = run_all(job)
    (job / "card.json").unlink()
    (job / "result.parquet").unlink()
    log = job / "checkpoint" / "results.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    assert run_all(job) == want
    assert [event["step"] for event in events_of(job, "progress")] == [1, 2, 3, 4, 5, 5]


def test_state_that_is_missing_or_of_another_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = make_model(tmp_path / "model")
    inputs = {"reference": REFERENCE, "probes": PROBES}
    job = write_job(tmp_path / "job", "influence", model, inputs, {**ADAMW, "state": True})
    assert run(job) == 2
    assert "INPUT_MISSING" in capsys.readouterr().err
    assert 'set "state": false' in events_of(job, "failed")[0]["message"]
    save_file({"exp_avg.lm_head.weight": torch.zeros(3, 3)}, model / "optimizer.safetensors")
    assert run(job) == 2
    assert "is not of this model" in events_of(job, "failed")[1]["message"]


def test_rows_that_cannot_be_used_cost_only_themselves(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    bad = ["{", "[1]", {"id": "p0", "prompt": "a", "answer": "b"}, {"prompt": "a"}, {"prompt": "a", "answer": ""}]
    bad += [{"id": "long", "prompt": "a" * 200, "answer": "b"}, {"prompt": ["a"], "answer": "b"}]
    settings = {**ADAMW, "state": False}
    job = write_job(tmp_path / "a", "influence", model, {"reference": REFERENCE, "probes": PROBES + bad}, settings)
    clean = write_job(tmp_path / "b", "influence", model, {"reference": REFERENCE, "probes": PROBES}, settings)
    assert run_all(job) == run_all(clean)
    (warning,) = events_of(job, "warning")
    assert sum(warning["values"].values()) == len(bad)
    assert warning["values"]["longer than 128 tokens"] == 1
    assert "1 longer than 128 tokens (id long)" in warning["message"]
    none = write_job(tmp_path / "c", "influence", model, {"reference": REFERENCE, "probes": bad[:2]}, settings)
    assert run(none) == 2
    assert events_of(none, "failed")[0]["code"] == "EMPTY_INPUT"


def test_losses_that_are_no_numbers(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    inputs = {"reference": REFERENCE, "probes": PROBES[:1]}
    settings = {"optimizer": "sgd", "learningRate": 1e20, "weightDecay": 0}
    job = write_job(tmp_path / "probe", "influence", model, inputs, settings)
    (row,) = run_all(job)
    assert row["loss_after"] is None and row["influence"] is None and row["influence_over_zero_step"] is None
    assert "(id p0). Lower the learning rate, which is 1e+20" in events_of(job, "warning")[0]["message"]
    settings = {**ADAMW, "learningRate": 1e12, "weightDecay": 1e6, "state": False}
    job = write_job(tmp_path / "decay", "influence", model, inputs, settings)
    assert run(job) == 1
    assert "and nan after a step without a gradient" in events_of(job, "failed")[0]["message"]


def test_a_student_that_sft_warmed_up(tmp_path: Path) -> None:
    """Influence goes on from the weights and the optimizer's state of another job's checkpoint."""
    model = make_model(tmp_path / "model")
    settings = {"learningRate": 1e-3, "batchSize": 4, "optimizer": "adamw"}
    sft = write_job(tmp_path / "sft", "sft", model, {"examples": REFERENCE}, settings)
    run_all(sft)
    assert load_file(sft / "checkpoint" / "optimizer.safetensors")["step"].item() == 2
    inputs = {"reference": REFERENCE, "probes": PROBES}
    job = write_job(tmp_path / "job", "influence", {"checkpoint": str(sft)}, inputs, {**ADAMW, "state": True})
    run_all(job)
    card = card_of(job)
    assert card["lossAfterZeroStep"] != card["lossBefore"]
    assert len(rows_of(job)) == len(PROBES)
