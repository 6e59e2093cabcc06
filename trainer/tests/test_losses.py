"""Log probabilities equal those of other programs, and sums written apart."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from helpers import TINY, run, write_job, write_lines

from betr_trainer.items import Item
from betr_trainer.losses import Encoder, Scored, Sequence, score
from betr_trainer.model import load_model, new_model
from betr_trainer.readings import _Measured, _rows, summarize
from betr_trainer.tokenizer import byte_tokenizer, load_tokenizer


def test_smollm2_equals_the_reference_numbers(goldens: Path, float_weights: Path, tmp_path: Path) -> None:
    expected = json.loads((goldens / "smollm2-135m.json").read_text())
    questions = expected["yes_no"][-2:]
    items = [
        {"id": str(i), "set": "c", "prompt": row["prompt"], "choices": [c["text"] for c in row["continuations"]]}
        for i, row in enumerate(expected["continuations"])
    ]
    spellings = [row["float"]["yes"] | row["float"]["no"] for row in questions]
    items += [
        {"id": row["name"], "set": "q", "prompt": row["prompt"], "choices": list(each)}
        for row, each in zip(questions, spellings, strict=True)
    ]
    texts = [{"id": row["name"], "set": "t", "text": row["text"]} for row in expected["texts"]]
    inputs = {
        "items": write_lines(tmp_path / "items.jsonl", [{**item, "answer": 0} for item in items]),
        "texts": write_lines(tmp_path / "texts.jsonl", texts),
    }
    folder = write_job(
        tmp_path / "job",
        inputs,
        kind="losses",
        model={"folder": str(float_weights)},
        tokenizer=None,
        settings={"byToken": True},
    )
    assert run(folder) == 0
    rows = {(row["item"], row["choice"]): row for row in pq.read_table(folder / "result.parquet").to_pylist()}
    for i, row in enumerate(expected["continuations"]):
        for k, each in enumerate(row["continuations"]):
            found = rows[str(i), k]
            assert found["log_probability"] == pytest.approx(each["float"]["sum"], abs=1e-3)
            assert (found["tokens"], found["greedy"]) == (each["tokens"], each["float"]["greedy"])
    for row, each in zip(questions, spellings, strict=True):
        found = [rows[row["name"], k]["log_probability"] for k in range(len(each))]
        assert found == pytest.approx(list(each.values()), abs=1e-3)
    for row in expected["texts"]:
        found = rows[row["name"], None]
        assert found["log_probability"] == pytest.approx(row["float"]["sum"], abs=1e-3)
        assert found["bytes"] == row["bytes"]
        # The first token has no probability: this tokenizer puts nothing before a text.
        assert found["tokens"] == row["tokens"] - 1 == len(found["token_ids"])
        assert math.fsum(found["token_log_probabilities"]) == pytest.approx(found["log_probability"])


def test_tiny_student_knows_bytes_alone(goldens: Path, tmp_path: Path) -> None:
    texts = write_lines(tmp_path / "texts.jsonl", [{"id": "a", "set": "t", "text": "4+8=12;"}])
    student = goldens / "tiny-student"
    folder = write_job(tmp_path / "job", {"texts": texts}, kind="losses", model={"folder": str(student)})
    assert run(folder) == 0
    (row,) = pq.read_table(folder / "result.parquet").to_pylist()
    ids = torch.tensor([list(b"4+8=12;")])
    with torch.no_grad():
        loss = load_model(student)(ids, labels=ids).loss
    assert row["tokens"] == 6
    assert row["log_probability"] == pytest.approx(-6 * loss.item(), abs=1e-4)


@pytest.fixture(scope="module")
def model() -> Any:
    return new_model(TINY | {"tieEmbeddings": True}, vocabulary=257, positions=16, end=256, seed=1)


def test_batches_do_not_change_scores(model: Any) -> None:
    texts = [[256, *(b"abcdefghijklmnop"[: 2 + i % 9])] for i in range(20)]
    sequences = [Sequence(ids, 1 + i % 2) for i, ids in enumerate(texts)]
    together, alone = score(model, sequences, batch_tokens=64), [score(model, [each])[0] for each in sequences]
    for ids, sequence, one, other in zip(texts, sequences, together, alone, strict=True):
        assert one.token_ids == other.token_ids == ids[sequence.start :]
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-5)
        logits = model(torch.tensor([ids])).logits[0].log_softmax(1)
        expected = [logits[place - 1, ids[place]].item() for place in range(sequence.start, len(ids))]
        assert one.log_probabilities == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("positions", [5, 8, 9, 16, 64])
@pytest.mark.parametrize("end", [True, False])
def test_windows_count_each_token_once(positions: int, end: bool) -> None:
    encoder = Encoder(byte_tokenizer(end=end), positions)
    for length in range(40):
        text = "".join(chr(97 + i % 26) for i in range(length))
        windows = encoder.text(text)
        counted = [token for each in windows for token in each.ids[each.start :]]
        assert bytes(counted).decode() == (text if end else text[1:])
        for index, each in enumerate(windows):
            assert len(each.ids) <= positions
            assert (each.ids[0] == 256) == end
            room = positions - end
            assert index == 0 or each.start >= end + room // 2
        if text == "":
            continue
        answers = encoder.answer("0123456789", text)
        assert bytes(token for each in answers for token in each.ids[each.start :]).decode() == text
        assert all(len(each.ids) <= positions for each in answers)
        if length < positions - end:
            (answer,) = answers
            prompt = bytes(token for token in answer.ids[: answer.start] if token != 256).decode()
            assert "0123456789".endswith(prompt)
            assert len(answer.ids) == min(positions, end + 10 + length)


def test_prompts_that_are_cut_are_counted() -> None:
    encoder = Encoder(byte_tokenizer(), 8)
    encoder.answer("12345", "67")
    assert encoder.cut == 0
    encoder.answer("123456", "78")
    assert encoder.cut == 1


def test_blanks_of_the_prompt_belong_to_the_answer(float_weights: Path) -> None:
    encoder = Encoder(load_tokenizer(float_weights), 64)
    (joined,), (moved,) = (
        encoder.answer("The capital of France is", " Paris"),
        encoder.answer("The capital of France is ", "Paris"),
    )
    assert joined == moved
    assert len(joined.ids) - joined.start == 1


def test_accuracy_by_hand() -> None:
    # By the sum, the first answer is likeliest; by character (the blank in front does not count), the second one.
    item = Item("1", "s", "prompt", [" ab", " abcdef"], 1)
    scored = [Scored([1], [-2.0], True), Scored([1, 2], [-2.0, -2.5], False), Scored([1], [-7.0], True)]
    answer, whole = _rows(_Measured(item, [[0], [1]], [2]), scored)
    assert (answer["correct"], answer["correct_norm"]) == (0, 1)
    assert answer["bits"] == pytest.approx(4.5 / math.log(2))
    assert answer["bytes"] == 7
    assert whole["bits"] == pytest.approx(7 / math.log(2))
    assert whole["bytes"] == len("prompt abcdef")


def test_a_summary_weighs_by_bytes() -> None:
    import pyarrow as pa

    from betr_trainer.readings import SCHEMA

    head = {"tokens": 1, "step": 1, "decayed": True, "set": "s", "item": "i", "measure": "answer"}
    rows = [{**head, "bits": 8.0, "bytes": 1, "correct": 1}, {**head, "bits": 2.0, "bytes": 9, "correct": 0}]
    assert summarize(pa.Table.from_pylist(rows, SCHEMA)) == {"s": {"answerBitsPerByte": 1.0, "accuracy": 0.5}}
