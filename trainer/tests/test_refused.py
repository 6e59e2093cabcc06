"""What a job cannot be done with: each is one sentence, a code and an exit code, before any work."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import Worker, card_of, events_of, run, until, words, write_job, write_lines

from betr_trainer.tokenizer import byte_tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def student(data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder."""
    folder = write_job(tmp_path_factory.mktemp("student") / "job", {"train": data["train"]}, settings={"tokens": 256})
    assert run(folder) == 0
    return folder / "checkpoint"


def refused(folder: Path, capsys: pytest.CaptureFixture[str], code: str, *told: str, exit_code: int = 2) -> None:
    assert run(folder) == exit_code
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"{code}: "), error
    assert "\n" not in error
    for words_ in told:
        assert words_ in error
    assert not (folder / "card.json").exists()
    assert not (folder / "lease").exists()


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"version": 2}, "JOB_VERSION", "has version 2; this worker reads version 1"),
        ({"version": None}, "JOB_VERSION", "has version null"),
        ({"kind": "divine"}, "JOB_INVALID", 'kind is "divine"; kinds are pretrain, continue'),
        ({"seeds": 1}, "JOB_INVALID", "'seeds' was unexpected"),
        ({"settings": {"learningRate": -1}}, "JOB_INVALID", "settings.learningRate: -1 is"),
        ({"settings": {"learning_rate": 1}}, "JOB_INVALID", "'learning_rate' was unexpected"),
        ({"settings": {"readings": [5000]}}, "JOB_INVALID", "readings has 5000; the job trains on 4096"),
        ({"settings": {"batchTokens": 100}}, "JOB_INVALID", "batchTokens (100) is no multiple of sequenceLength (64)"),
        (
            {"settings": {"evaluations": [{"input": "x", "kind": "items"}]}},
            "JOB_INVALID",
            'no input "x"; its inputs are',
        ),
        ({"tokenizer": None}, "JOB_INVALID", 'set "tokenizer" to "bytes" or a folder'),
        ({"model": {"folder": "nowhere"}}, "INPUT_MISSING", "no config.json"),
        (
            {"model": {"new": {"hidden": 30, "layers": 1, "heads": 4, "keyValueHeads": 1, "mlp": 8}}},
            "JOB_INVALID",
            "hidden (30)",
        ),
    ],
)
def test_a_job_that_is_not_valid(
    data: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    code: str,
    told: str,
) -> None:
    refused(write_job(tmp_path / "job", data, **change), capsys, code, told)


def test_no_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(tmp_path, capsys, "JOB_INVALID", "has no job.json")
    (tmp_path / "job.json").write_text("{")
    refused(tmp_path, capsys, "JOB_INVALID", "cannot be read")


def test_an_input_that_changed_or_is_gone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = write_lines(tmp_path / "train.jsonl", [{"text": "one"}])
    folder = write_job(tmp_path / "job", {"train": train})
    write_lines(train, [{"text": "two"}])
    refused(folder, capsys, "INPUT_CHANGED", 'Input "train" has changed', str(train))
    assert events_of(folder)[-1]["code"] == "INPUT_CHANGED"
    train.unlink()
    refused(folder, capsys, "INPUT_MISSING", str(train))


def test_a_job_moved_away_from_its_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = write_lines(tmp_path / "train.jsonl", [{"text": "one"}])
    folder = write_job(tmp_path / "job", {"train": train})
    job = json.loads((folder / "job.json").read_text())
    job["inputs"][0]["path"] = "../train.jsonl"
    (folder / "job.json").write_text(json.dumps(job))
    elsewhere = tmp_path / "else" / "where" / "job"
    shutil.copytree(folder, elsewhere)
    refused(elsewhere, capsys, "INPUT_MISSING", "move its inputs along")


@pytest.mark.parametrize(
    "rows", [[], [{"text": ""}], [{"other": "text"}], [[1]]], ids=["none", "empty texts", "no texts", "no objects"]
)
def test_an_empty_input(tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[Any]) -> None:
    train = write_lines(tmp_path / "train.jsonl", rows)
    refused(write_job(tmp_path / "job", {"train": train}), capsys, "EMPTY_INPUT", "no documents with text")


def test_rows_that_are_no_documents_are_counted(tmp_path: Path) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text('{"text": "good one"}\n{"text": 3}\nnonsense\n\n{"text": "good", "repeat": -1}\n')
    folder = write_job(tmp_path / "job", {"train": train}, settings={"tokens": 256})
    assert run(folder) == 0
    assert events_of(folder, "warning")[0]["values"] == {
        "no text": 1,
        "no JSON object": 1,
        "repeat is no number of times": 1,
    }


def test_an_item_without_an_answer(data: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = write_lines(tmp_path / "items.jsonl", [{"id": 1, "set": "s", "prompt": "p", "choices": ["a"], "answer": 1}])
    folder = write_job(tmp_path / "job", {"train": data["train"], "items": items})
    refused(folder, capsys, "JOB_INVALID", f"{items}, line 1", "answer 1 is none of 1 choices")


def test_weights_as_pickles_and_code_of_a_model(
    student: Path, data: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(student, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    job = _losses(tmp_path / "a", data, folder)
    refused(job, capsys, "MODEL_UNSAFE", "pytorch_model.bin", "trustModelCode")
    (folder / "pytorch_model.bin").unlink()
    refused(job, capsys, "MODEL_UNSAFE", "no file that can be read")
    shutil.copy(student / "model.safetensors", folder)
    config = json.loads((folder / "config.json").read_text())
    proof = tmp_path / "ran"
    (folder / "evil.py").write_text(f"open({str(proof)!r}, 'w')\n")
    changed = {**config, "auto_map": {"AutoModelForCausalLM": "evil.Evil"}, "model_type": "evil"}
    (folder / "config.json").write_text(json.dumps(changed))
    refused(job, capsys, "MODEL_UNSAFE", "the model's own code", str(folder / "config.json"))
    assert not proof.exists()


def test_a_flag_trusts_one_folder(student: Path, data: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(student, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    from safetensors.torch import load_file

    weights = load_file(student / "model.safetensors")
    torch.save(weights | {"lm_head.weight": weights["model.embed_tokens.weight"]}, folder / "pytorch_model.bin")
    job = _losses(tmp_path / "a", data, folder, trustModelCode=True)
    assert run(job) == 0
    plain = _losses(tmp_path / "b", data, student)
    assert run(plain) == 0
    assert card_of(job)["result"] == card_of(plain)["result"]


def test_a_model_that_changed(student: Path, data: dict[str, Path], tmp_path: Path, capsys: Any) -> None:
    job = _losses(tmp_path / "job", data, student, sha256="0" * 64)
    refused(job, capsys, "INPUT_CHANGED", f"The model in {student} has changed")


def test_a_tokenizer_of_another_model(student: Path, data: dict[str, Path], tmp_path: Path, capsys: Any) -> None:
    other = tmp_path / "tokenizer"
    train_tokenizer(iter([words(i, 50) for i in range(50)]), 300).save_pretrained(other)
    job = _losses(tmp_path / "job", data, student, tokenizer={"folder": str(other)})
    refused(job, capsys, "TOKENIZER_MISMATCH", "is not that of the model in", "300 tokens")
    bare = tmp_path / "bare"
    shutil.copytree(student, bare, ignore=shutil.ignore_patterns("tokenizer*"))
    job = _losses(tmp_path / "large", data, bare, tokenizer={"folder": str(other)})
    refused(job, capsys, "TOKENIZER_MISMATCH", "has 300 tokens and the model knows 257")
    same = tmp_path / "same"
    byte_tokenizer().save_pretrained(same)
    assert run(_losses(tmp_path / "good", data, bare, tokenizer={"folder": str(same)})) == 0


def test_job_json_that_changed_after_a_checkpoint(data: dict[str, Path], tmp_path: Path, capsys: Any) -> None:
    settings = {"learningRate": 1e30, "warmupShare": 0}
    folder = write_job(tmp_path / "job", data, settings=settings, limits={"checkpointSeconds": 0.001})
    assert run(folder) == 1
    capsys.readouterr()
    write_job(folder, data)
    refused(folder, capsys, "JOB_INVALID", "is of another job.json")


@pytest.mark.parametrize("change", ["card", "job", "result"])
def test_a_card_that_does_not_fit(data: dict[str, Path], tmp_path: Path, capsys: Any, change: str) -> None:
    folder = write_job(tmp_path / "job", {"train": data["train"]}, settings={"tokens": 256})
    assert run(folder) == 0
    card = folder / "card.json"
    if change == "card":
        card.write_text(card.read_text().replace('"flops": ', '"flops": 1'))
    elif change == "job":
        write_job(folder, {"train": data["train"]}, settings={"tokens": 512})
    else:
        (folder / "result.parquet").write_bytes(b"")
    capsys.readouterr()
    assert run(folder) == 2
    told = {"card": "is damaged", "job": "is of another job.json", "result": "does not fit result.parquet"}
    assert told[change] in capsys.readouterr().err


def test_two_workers_on_one_job(data: dict[str, Path], tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", data, settings={"tokens": 1_000_000, "readings": []})
    first = Worker(folder)
    until(lambda: (folder / "events.jsonl").exists())
    second = Worker(folder)
    assert second.wait() == 4
    assert f"is being worked on by process {first.pid}" in (folder / "output.txt").read_text()
    first.kill(15)
    assert first.wait() in (0, 3)


def test_a_worker_whose_lease_was_taken_ends(data: dict[str, Path], tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", data, settings={"tokens": 1_000_000}, limits={"checkpointSeconds": 0.001})
    worker = Worker(folder)
    until(lambda: (folder / "checkpoint").exists())
    (folder / "lease").unlink()
    assert worker.wait() == 4
    assert "has taken over" in (folder / "output.txt").read_text()


def test_the_command(data: dict[str, Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "betr_trainer"]

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=300)

    checked = call("--check")
    assert checked.returncode == 0
    assert json.loads(checked.stdout)["torch"] == torch.__version__.partition("+")[0]
    folder = write_job(tmp_path / "job", {"train": data["train"]}, version=7)
    ended = call(str(folder))
    assert ended.returncode == 2
    assert ended.stderr.startswith("JOB_VERSION: ")


def test_a_package_that_is_not_installed(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from betr_trainer.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    folder = write_job(tmp_path / "job", {"train": write_lines(tmp_path / "train.jsonl", [])})
    ended = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 1
    assert ended.stderr.startswith("INTERNAL: The Python package torch is not installed in ")
    assert "pip install" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def _losses(folder: Path, data: dict[str, Path], model: Path, tokenizer: Any = None, **more: Any) -> Path:
    return write_job(
        folder, {"texts": data["texts"]}, kind="losses", model={"folder": str(model), **more}, tokenizer=tokenizer
    )
