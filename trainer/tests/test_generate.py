"""Generation: against transformers' own, what a sample depends on, and what interruptions and bad input do."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from helpers import events_of, run
from small_jobs import interrupt_twice, make_model, rows_of, run_all, write_job
from transformers import AutoModelForCausalLM

from betr_trainer.sampling import draw, draws_of
from betr_trainer.tokenizer import load_tokenizer

PROMPTS = [{"id": f"p{length}", "prompt": "abcdefghij"[:length]} for length in (7, 1, 4, 10, 2)]


def test_draw_follows_the_distribution() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, -30.0])
    uniform = [random.Random(5).random() for _ in range(1)] + [(i + 0.5) / 20000 for i in range(20000)]
    for temperature, top_p in ((1.0, 1.0), (0.5, 1.0), (1.0, 0.8), (2.0, 0.95)):
        drawn = torch.tensor(draw(logits.expand(len(uniform), -1), temperature, top_p, uniform))
        want = torch.softmax(logits.double() / temperature, -1)
        before = want.cumsum(-1) - want  # The logits fall, so this is the mass of likelier tokens.
        want = torch.where(before < top_p, want, 0)
        found = torch.bincount(drawn, minlength=5) / len(uniform)
        assert torch.allclose(found.double(), want / want.sum(), atol=2e-4)
    assert draw(logits[None], 0, 1.0, [0.99]) == [0]
    assert draw(logits[None], 1, 1e-9, [0.99]) == [0]
    assert draw(logits[None].flip(-1), 1, 1e-9, [0.0]) == [4]


def test_draws_depend_on_seed_prompt_and_sample() -> None:
    first = [draws_of(*key).random() for key in ((0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1))]
    assert len(set(first)) == 4
    assert first == [draws_of(*key).random() for key in ((0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1))]


def test_greedy_equals_transformers(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    job = write_job(
        tmp_path / "job", "generate", folder, {"prompts": PROMPTS}, {"temperature": 0, "maxTokens": 12, "batch": 3}
    )
    rows = run_all(job)
    assert [row["id"] for row in rows] == [row["id"] for row in PROMPTS]
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), load_tokenizer(folder)
    for row, prompt in zip(rows, PROMPTS, strict=True):
        ids = tokenizer(prompt["prompt"], return_tensors="pt")["input_ids"]
        whole = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
        assert row["text"] == tokenizer.decode(whole[0, ids.shape[1] :], skip_special_tokens=True)
        assert (row["finish"], row["tokens"]) == ("length", 12)


def test_a_sample_is_the_same_in_any_batch_and_order(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    settings = {"samples": 3, "maxTokens": 16, "topP": 0.9}

    def samples(name: str, prompts: list[dict], seed: int = 0, **more: int) -> dict:
        job = write_job(tmp_path / name, "generate", model, {"prompts": prompts}, {**settings, **more}, seed=seed)
        return {(row["id"], row["sample"]): row for row in run_all(job)}

    first = samples("a", PROMPTS, batch=4)
    assert len({row["text"] for row in first.values()}) == 15
    assert samples("b", PROMPTS, batch=1) == first
    assert samples("c", PROMPTS[::-1], batch=15) == first
    assert samples("d", PROMPTS[1:3], batch=4).items() <= first.items()
    assert samples("e", PROMPTS, batch=4, seed=1) != first


def test_interrupted_is_uninterrupted(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    settings = {"samples": 2, "maxTokens": 8, "batch": 2}
    whole, broken = (
        write_job(tmp_path / name, "generate", model, {"prompts": PROMPTS}, settings) for name in ("whole", "broken")
    )
    run_all(whole)
    interrupt_twice(broken, stop_at=1, kill_at=3)
    assert (broken / "result.parquet").read_bytes() == (whole / "result.parquet").read_bytes()
    assert [event["step"] for event in events_of(broken, "progress")] == [1, 2, 3, 4, 5]


def test_stop_strings_and_the_end_of_text(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():  # After each letter comes the next one, and after f the end of the text.
        for parameter in model.model.layers.parameters():
            parameter.zero_()
        vectors = torch.nn.functional.one_hot(torch.arange(257) % 32, 32).float()
        model.model.embed_tokens.weight.copy_(vectors)
        model.config.tie_word_embeddings = False
        head = torch.zeros(257, 32)
        for letter in b"abcde":
            head[letter + 1] = vectors[letter]
        head[256] = vectors[ord("f")]
        model.lm_head.weight = torch.nn.Parameter(head)
    model.save_pretrained(folder)

    def generate(name: str, **settings: object) -> list[tuple[str, int, str]]:
        prompts = [{"id": "1", "prompt": "a"}, {"id": "2", "prompt": "xxxxd"}]
        settings = {"temperature": 0, "maxTokens": 9, **settings}
        rows = run_all(write_job(tmp_path / name, "generate", folder, {"prompts": prompts}, settings))
        return [(row["text"], row["tokens"], row["finish"]) for row in rows]

    assert generate("end") == [("bcdef", 5, "stop"), ("ef", 2, "stop")]
    assert generate("stop", stop=["zz", "de"]) == [("bc", 4, "stop"), ("ef", 2, "stop")]
    assert generate("length", maxTokens=2) == [("bc", 2, "length"), ("ef", 2, "length")]


def test_conversations_and_bad_rows(tmp_path: Path) -> None:
    chat = make_model(tmp_path / "chat", chat=True)
    talk = [{"role": "user", "content": "hi"}]
    prompts = [
        {"id": "talk", "messages": talk},
        {"id": "same", "prompt": talk},
        {"id": "text", "prompt": "hi"},
        {"id": "text", "prompt": "again"},
        {"id": "answered", "messages": [*talk, {"role": "assistant", "content": "ho"}]},
        {"id": "long", "prompt": "a" * 120},
        {"id": "empty", "prompt": " "},
        {"id": "odd", "messages": [{"role": "user"}]},
    ]
    settings = {"temperature": 0, "maxTokens": 8}
    job = write_job(tmp_path / "job", "generate", chat, {"prompts": prompts}, settings)
    rows = run_all(job)
    assert [row["id"] for row in rows] == ["talk", "same", "text"]
    assert rows[0]["text"] == rows[1]["text"] != rows[2]["text"]
    (warning,) = events_of(job, "warning")
    assert sorted(warning["values"].values()) == [1] * 5
    assert "1 longer than 120 tokens (id long)" in warning["message"]

    plain = make_model(tmp_path / "plain")
    refused = write_job(tmp_path / "refused", "generate", plain, {"prompts": prompts[:1]}, settings)
    assert run(refused) == 2
    failed = events_of(refused, "failed")[0]
    assert failed["code"] == "TOKENIZER_MISMATCH" and "has no chat template" in failed["message"]


def test_no_room_for_a_prompt(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    job = write_job(tmp_path / "job", "generate", model, {"prompts": PROMPTS}, {"maxTokens": 128})
    assert run(job) == 2
    assert "maxTokens is 128, and the model reads 128 tokens at most" in events_of(job, "failed")[0]["message"]


def test_a_model_that_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_model(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    model.save_pretrained(folder)
    job = write_job(tmp_path / "job", "generate", folder, {"prompts": PROMPTS}, {"maxTokens": 4})
    assert run(job) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("LOSS_NOT_FINITE: ")
    assert not (job / "result.parquet").exists()
    with pytest.raises(FileNotFoundError):
        rows_of(job)
