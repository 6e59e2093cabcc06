"""Direct preference optimization: golden numbers, TRL's own tokens, a bare loop, interruptions, and bad input."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import Dataset
from helpers import card_of, events_of, run, sha256
from safetensors.torch import load_file
from small_jobs import interrupt, interrupt_twice, make_model, rows_of, run_all, write_job
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer

from betr_trainer.conversations import ConversationEncoder, read_pair
from betr_trainer.dpo import margin_and_loss
from betr_trainer.measure import measure
from betr_trainer.tokenizer import load_tokenizer

PAIRS = [
    {"id": f"p{n}", "prompt": "ab"[: 1 + n % 2], "chosen": "xyz"[: 1 + n % 3], "rejected": "uvw"[: 3 - n % 3] * 2}
    for n in range(10)
]
OTHERS = [{"id": f"o{n}", "prompt": "c", "chosen": "x" * n, "rejected": "u"} for n in range(1, 6)]
SETTINGS: dict[str, Any] = {"learningRate": 1e-2, "batchSize": 3, "epochs": 2, "beta": 0.5, "measure": "others"}


@pytest.mark.parametrize(
    ("logs", "beta", "margin", "loss"),
    [
        ((-100, -110, -120, -115), 0.01, 0.15, 0.620957048),
        ((-100, -110, -120, -115), 0.1, 1.5, 0.201413278),
        ((-80, -70, -60, -75), 0.01, -0.25, 0.825939420),
        ((-5, -5, -5, -5), 0.1, 0.0, 0.693147181),
    ],
)
def test_golden_margins(logs: tuple, beta: float, margin: float, loss: float) -> None:
    chosen, ref_chosen, rejected, ref_rejected = logs
    found = margin_and_loss(beta, (chosen, rejected), (ref_chosen, ref_rejected))
    assert found == pytest.approx((margin, loss), abs=1e-9)


def test_golden_smollm2(tmp_path: Path, goldens: Path, float_weights: Path) -> None:
    want = json.loads((goldens / "dpo-smollm2-135m.json").read_text())
    settings = {"beta": 0.1, "learningRate": 1e-3, "optimizer": "sgd", "schedule": "constant", "warmupShare": 0}
    settings |= {"gradientClip": 0, "batchSize": 3, "epochs": 2, "order": "sequential", "measure": "pairs"}
    job = write_job(tmp_path / "job", "dpo", float_weights, {"pairs": want["pairs"]}, settings)
    rows = run_all(job)
    losses = [event["loss"] for event in events_of(job, "progress") if "loss" in event]
    assert losses == pytest.approx([each["loss"] for each in want["trl_log"]], abs=1e-4)
    margins = [event["values"]["rewards/margins"] for event in events_of(job, "progress") if "loss" in event]
    assert margins == pytest.approx([each["rewards/margins"] for each in want["trl_log"]], abs=1e-4)
    for number, (before, after) in enumerate(zip(want["before"], want["after"], strict=True)):
        first, last = rows[number], rows[12 + number]
        assert (first["epoch"], last["epoch"]) == (0, 2)
        assert (first["ref_chosen"], first["ref_rejected"]) == pytest.approx((before[0][0], before[1][0]), abs=1e-3)
        assert (last["chosen"], last["rejected"]) == pytest.approx((after[0][0], after[1][0]), abs=1e-3)


def test_steps_replace_epochs(tmp_path: Path) -> None:
    """Ten pairs in batches of three are four steps an epoch; nine steps are two passes and a step."""
    folder = make_model(tmp_path / "model")
    inputs = {"pairs": PAIRS, "others": OTHERS}
    by_steps = write_job(tmp_path / "steps", "dpo", folder, inputs, {**SETTINGS, "steps": 8})
    by_epochs = write_job(tmp_path / "epochs", "dpo", folder, inputs, SETTINGS)
    last = [row for row in run_all(by_steps) if row["step"] == 8]
    assert last == [row for row in run_all(by_epochs) if row["step"] == 8]
    nine = write_job(tmp_path / "nine", "dpo", folder, inputs, {**SETTINGS, "steps": 9, "measureAt": 1})
    assert {(row["step"], row["epoch"]) for row in run_all(nine)} == {(0, 0), (9, 3)}
    assert card_of(nine)["passes"] == 2.25
    assert measure(nine, 1)["steps"] == 9


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("chat", [False, True])
def test_tokens_are_those_of_trl(tmp_path: Path, chat: bool) -> None:
    """TRL reads the same pairs as they are, and gets the same tokens and reference log probabilities."""
    folder = make_model(tmp_path / "model", chat=chat)
    pairs = [{"prompt": each["prompt"], "chosen": each["chosen"], "rejected": each["rejected"]} for each in PAIRS]
    if chat:
        roles = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
        pairs = [{key: [{"role": roles[key], "content": row[key]}] for key in roles} for row in pairs]
    tokenizer = load_tokenizer(folder)
    arguments = DPOConfig(
        str(tmp_path / "trl"), use_cpu=True, bf16=False, report_to="none", precompute_ref_log_probs=True
    )
    model = AutoModelForCausalLM.from_pretrained(folder)
    theirs = DPOTrainer(model, args=arguments, train_dataset=Dataset.from_list(pairs), processing_class=tokenizer)
    encoder = ConversationEncoder(tokenizer, 128)
    rows = run_all(write_job(tmp_path / "job", "dpo", folder, {"pairs": pairs}, {"learningRate": 1e-3}))
    for pair, row, their in zip(pairs, rows, theirs.train_dataset, strict=True):
        ours = encoder.pair(*read_pair(pair))
        assert ours == (their["prompt_ids"], their["chosen_ids"], their["rejected_ids"])
        assert row["ref_chosen"] == pytest.approx(their["ref_chosen_logps"], abs=1e-4)
        assert row["ref_rejected"] == pytest.approx(their["ref_rejected_logps"], abs=1e-4)


def test_steps_and_margins_equal_a_bare_loop(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    settings = {**SETTINGS, "order": "sequential", "schedule": "constant", "warmupShare": 0, "weightDecay": 0}
    job = write_job(tmp_path / "job", "dpo", folder, {"pairs": PAIRS, "others": OTHERS}, settings)
    rows = run_all(job)

    def log_probability(model: torch.nn.Module, prompt: str, answer: str) -> torch.Tensor:
        ids = torch.tensor([[256, *prompt.encode(), *answer.encode(), 256]])
        every = model(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
        return every[len(prompt) :].sum()

    def both(model: torch.nn.Module, row: dict) -> tuple[torch.Tensor, torch.Tensor]:
        chosen, rejected = (log_probability(model, row["prompt"], row[key]) for key in ("chosen", "rejected"))
        return chosen, rejected

    model, reference = (AutoModelForCausalLM.from_pretrained(folder) for _ in range(2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
    losses, measured = [], []
    for epoch in (1, 2):
        for at in range(0, 10, 3):
            margins = []
            for row in PAIRS[at : at + 3]:
                (chosen, rejected), (ref_chosen, ref_rejected) = both(model, row), both(reference, row)
                margins.append(0.5 * ((chosen - ref_chosen.detach()) - (rejected - ref_rejected.detach())))
            loss = torch.nn.functional.softplus(-torch.stack(margins)).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        for row in OTHERS:
            with torch.no_grad():
                (chosen, rejected), (ref_chosen, ref_rejected) = both(model, row), both(reference, row)
            margin = 0.5 * ((chosen - ref_chosen) - (rejected - ref_rejected))
            loss = torch.nn.functional.softplus(-margin)
            measured.append((row["id"], epoch, chosen, rejected, ref_chosen, ref_rejected, margin, loss))
    assert [event["loss"] for event in events_of(job, "progress") if "loss" in event] == pytest.approx(losses, abs=1e-4)
    assert [(row["input"], row["id"]) for row in rows if row["epoch"] == 0] == [
        *(("pairs", row["id"]) for row in PAIRS),
        *(("others", row["id"]) for row in OTHERS),
    ]
    later = [row for row in rows if row["epoch"] > 0]
    assert {row["input"] for row in later} == {"others"}
    for row, (id, epoch, *values) in zip(later, measured, strict=True):
        assert (row["id"], row["epoch"]) == (id, epoch)
        names = ("chosen", "rejected", "ref_chosen", "ref_rejected", "margin", "loss")
        assert [row[name] for name in names] == pytest.approx([value.item() for value in values], abs=1e-3)


def test_interrupted_is_uninterrupted(tmp_path: Path) -> None:
    """To the bit, with a random order, LoRA's dropout, and margins that are measured between the epochs."""
    model = make_model(tmp_path / "model")
    inputs = {"pairs": PAIRS, "others": OTHERS}
    lora = {"r": 2, "alpha": 4, "dropout": 0.1}
    whole, broken = (
        write_job(tmp_path / name, "dpo", model, inputs, {**SETTINGS, "lora": lora}, seed=5) for name in ("a", "b")
    )
    rows = run_all(whole)
    interrupt_twice(broken, stop_at=3, kill_at=6)
    assert (broken / "result.parquet").read_bytes() == (whole / "result.parquet").read_bytes()
    first, second = (load_file(job / "checkpoint" / "adapter_model.safetensors") for job in (whole, broken))
    assert all(torch.equal(value, second[key]) for key, value in first.items())
    assert card_of(broken)["flops"] == card_of(whole)["flops"]
    # The dropout is there: without it, the same job gives other numbers, from the same reference.
    still = {**SETTINGS, "lora": {**lora, "dropout": 0}}
    dry = run_all(write_job(tmp_path / "c", "dpo", model, inputs, still, seed=5))
    assert dry[-1]["margin"] != rows[-1]["margin"]
    assert dry[0]["ref_chosen"] == rows[0]["ref_chosen"]


def test_interruptions_where_an_epoch_ends(tmp_path: Path) -> None:
    """The checkpoint comes before the margins, so stopping loses no step, and the margins are measured later."""
    model = make_model(tmp_path / "model")
    inputs = {"pairs": PAIRS, "others": OTHERS}
    whole, broken = (write_job(tmp_path / name, "dpo", model, inputs, SETTINGS) for name in ("a", "b"))
    run_all(whole)
    assert interrupt(broken, signal.SIGKILL, 4) == -signal.SIGKILL  # The last step of the first epoch.
    assert interrupt(broken, signal.SIGTERM, 4) == 3
    assert interrupt(broken, signal.SIGTERM, 8) == 3
    assert run_all(broken) == rows_of(whole)
    steps = [event["step"] for event in events_of(broken, "progress") if "step" in event]
    assert steps == [1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8]


def test_pairs_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    bad = [
        {"id": "same", "prompt": "a", "chosen": "b", "rejected": "b"},
        {"id": "ask", "prompt": "a" * 30, "chosen": "b", "rejected": "c"},
        {"id": "p3", "prompt": "a", "chosen": "b", "rejected": "c"},
        {"id": "half", "prompt": "a", "chosen": "b"},
        "not json",
    ]
    settings = {"learningRate": 1e-3, "maxLength": 50, "maxPromptLength": 20, "batchSize": 4}
    job = write_job(tmp_path / "a", "dpo", model, {"pairs": PAIRS + bad}, settings)
    clean = write_job(tmp_path / "b", "dpo", model, {"pairs": PAIRS}, settings)
    rows = run_all(job)
    assert [row for row in rows if row["left_out"] is None] == run_all(clean)
    left_out = {row["id"]: row["left_out"] for row in rows if row["left_out"] is not None}
    assert left_out["half"] == "without rejected" and left_out["ask"] == "with prompts longer than 20 tokens"
    (warning,) = events_of(job, "warning")
    assert warning["values"] == {
        "whose chosen and rejected answers are the same": 1,
        "with prompts longer than 20 tokens": 1,
        "with the id of an earlier row": 1,
        "without rejected": 1,
        "that are no JSON objects": 1,
    }


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_long_pairs_are_cut_and_dropped_as_trl_does(tmp_path: Path) -> None:
    """With the same reference log probabilities; which sides are cut, and why a pair is dropped, is in the result."""
    folder = make_model(tmp_path / "model")
    long = [
        {"id": "chosen", "prompt": "a", "chosen": "b" * 60, "rejected": "c"},
        {"id": "both", "prompt": "ab", "chosen": "xy" * 30, "rejected": "yx" * 40},
        {"id": "fits", "prompt": "a", "chosen": "b" * 47, "rejected": "c"},
        {"id": "room for one", "prompt": "a" * 48, "chosen": "b", "rejected": "c"},
        {"id": "prompt fills all", "prompt": "a" * 49, "chosen": "b", "rejected": "c"},
        {"id": "same beginning", "prompt": "a", "chosen": "b" * 50 + "c", "rejected": "b" * 50 + "d"},
    ]
    settings = {"learningRate": 1e-3, "maxLength": 50, "batchSize": 4, "measure": "pairs"}
    job = write_job(tmp_path / "job", "dpo", folder, {"pairs": long}, settings)
    rows = run_all(job)
    used = [row for row in rows if row["step"] == 0 and row["left_out"] is None]
    assert [(row["id"], row["chosen_cut"], row["rejected_cut"]) for row in used] == [
        ("chosen", True, False),
        ("both", True, True),
        ("fits", False, False),
        ("room for one", True, True),
    ]
    assert {row["id"]: row["left_out"] for row in rows if row["left_out"] is not None} == {
        "prompt fills all": "whose prompt fills all 50 tokens",
        "same beginning": "whose answers do not differ within 50 tokens",
    }
    assert events_of(job, "warning")[-1]["values"] == {"cut on one side": 1, "cut on both sides": 2}
    arguments = DPOConfig(
        str(tmp_path / "trl"), use_cpu=True, bf16=False, report_to="none", precompute_ref_log_probs=True, max_length=50
    )
    plain = [{key: row[key] for key in ("prompt", "chosen", "rejected")} for row in long]
    theirs = DPOTrainer(
        AutoModelForCausalLM.from_pretrained(folder),
        args=arguments,
        train_dataset=Dataset.from_list(plain),
        processing_class=load_tokenizer(folder),
    )
    # TRL also trains on the pair whose cut answers are the same, which moves nothing.
    assert len(theirs.train_dataset) == len(used) + 1
    for row, their in zip(used, theirs.train_dataset, strict=False):
        assert row["ref_chosen"] == pytest.approx(their["ref_chosen_logps"], abs=1e-3)
        assert row["ref_rejected"] == pytest.approx(their["ref_rejected_logps"], abs=1e-3)


def test_measuring_within_an_epoch(tmp_path: Path) -> None:
    """At evenly spaced points, the last of which is the end; measuring does not change the training."""
    model = make_model(tmp_path / "model")
    inputs = {"pairs": PAIRS, "others": OTHERS}
    often, rarely = (
        run_all(write_job(tmp_path / str(count), "dpo", model, inputs, {**SETTINGS, "measureAt": count}))
        for count in (3, 1)
    )
    steps = [(row["step"], row["epoch"]) for row in often if row["id"] == "o2"]
    assert steps == [(0, 0), (3, 1), (6, 2), (8, 2)]
    assert often[-len(OTHERS) :] == rarely[-len(OTHERS) :]
    losses = {row["step"]: row["loss"] for row in often if row["id"] == "o2"}
    assert len(set(losses.values())) == 4


def test_interruptions_where_pairs_are_measured(tmp_path: Path) -> None:
    """To the bit, with points inside an epoch, a random order and dropout."""
    model = make_model(tmp_path / "model")
    inputs = {"pairs": PAIRS, "others": OTHERS}
    settings = {**SETTINGS, "measureAt": 5, "lora": {"r": 2, "alpha": 4, "dropout": 0.1}, "keepModel": False}
    whole, broken = (write_job(tmp_path / name, "dpo", model, inputs, settings, seed=5) for name in ("a", "b"))
    run_all(whole)
    assert interrupt(broken, signal.SIGKILL, 2) == -signal.SIGKILL
    assert interrupt(broken, signal.SIGTERM, 4) == 3
    assert interrupt(broken, signal.SIGKILL, 7) == -signal.SIGKILL
    assert run(broken) == 0
    assert (broken / "result.parquet").read_bytes() == (whole / "result.parquet").read_bytes()
    assert not (whole / "checkpoints").exists()


def test_the_plain_chat_template(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    turns = {"prompt": [{"role": "user", "content": "a"}]} | {
        key: [{"role": "assistant", "content": text}] for key, text in (("chosen", "b"), ("rejected", "c"))
    }
    settings = {"learningRate": 1e-3, "chatTemplate": "plain"}
    rows = run_all(write_job(tmp_path / "chat", "dpo", model, {"pairs": [turns]}, settings))
    text = {"prompt": "User: a\n\nAssistant:", "chosen": " b", "rejected": " c"}
    same = run_all(write_job(tmp_path / "text", "dpo", model, {"pairs": [text]}, {"learningRate": 1e-3}))
    assert rows[0]["ref_chosen"] == pytest.approx(same[0]["ref_chosen"], abs=1e-5)


@pytest.mark.parametrize("lora", [None, {"r": 2, "alpha": 4}])
def test_what_a_job_will_take_is_timed_without_touching_it(tmp_path: Path, lora: dict | None) -> None:
    model = make_model(tmp_path / "model")
    settings = {**SETTINGS, "measureAt": 3, "lora": lora}
    job = write_job(tmp_path / "job", "dpo", model, {"pairs": PAIRS, "others": OTHERS}, settings)
    before = sorted(path.name for path in job.iterdir())
    timed = measure(job, 2)
    assert sorted(path.name for path in job.iterdir()) == before
    run_all(job)
    assert timed["steps"] == events_of(job, "progress")[-1]["steps"]
    assert timed["flops"] == pytest.approx(card_of(job)["flops"])
    assert 0 < timed["secondsPerStep"] < timed["seconds"]


def test_parquet_and_bfloat16(tmp_path: Path) -> None:
    """Pairs as data sets are published; and computing in bfloat16 changes little."""
    model = make_model(tmp_path / "model")
    job = write_job(tmp_path / "a", "dpo", model, {"pairs": PAIRS}, {"learningRate": 1e-3, "dtype": "bfloat16"})
    pq.write_table(pa.Table.from_pylist(PAIRS), job / "pairs.jsonl")
    data = json.loads((job / "job.json").read_text())
    data["inputs"][0]["sha256"] = sha256(job / "pairs.jsonl")
    (job / "job.json").write_text(json.dumps(data))
    exact = write_job(tmp_path / "b", "dpo", model, {"pairs": PAIRS}, {"learningRate": 1e-3})
    rows, wanted = run_all(job), run_all(exact)
    assert [row["id"] for row in rows] == [row["id"] for row in wanted]
    assert rows[0]["ref_chosen"] != wanted[0]["ref_chosen"]
    assert [row["ref_chosen"] for row in rows] == pytest.approx([row["ref_chosen"] for row in wanted], rel=1e-2)
    assert (card_of(job)["dtype"], card_of(exact)["dtype"]) == ("bfloat16", "float32")


def test_what_is_refused(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    same = [{"prompt": "a", "chosen": "b", "rejected": "b"}]
    talk = [{"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": answer}]} for answer in "bc"]
    for name, inputs, settings, code, words in [
        ("empty", {"pairs": same}, {}, "EMPTY_INPUT", "answers are the same"),
        ("measure", {"pairs": PAIRS}, {"measure": "others"}, "JOB_INVALID", 'no input "others"'),
        ("chat", {"pairs": [{**talk[0], "rejected": talk[1]["chosen"]}]}, {}, "TOKENIZER_MISMATCH", "chat template"),
        ("beta", {"pairs": PAIRS}, {"beta": 0}, "JOB_INVALID", "beta"),
    ]:
        job = write_job(tmp_path / name, "dpo", model, inputs, {"learningRate": 1e-3, **settings})
        assert run(job) == 2
        if (job / "events.jsonl").exists():  # A job.json that is no job has none.
            (failed,) = events_of(job, "failed")
            assert failed["code"] == code and words in failed["message"]
        assert not (job / "card.json").exists()
