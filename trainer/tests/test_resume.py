"""A job that was interrupted, however often, ends with the same bytes as one that was not."""

from __future__ import annotations

import random
import resource
import shutil
import signal
import time
from functools import partial
from pathlib import Path

import pytest
from helpers import Worker, card_of, events_of, interrupt, outcome_of, run, until, words, write_job, write_lines

from betr_trainer import lease


@pytest.fixture(scope="module")
def whole(data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The job, done in one go."""
    folder = write_job(tmp_path_factory.mktemp("whole") / "job", data)
    assert run(folder) == 0
    return folder


def test_the_same_job_twice_is_the_same_to_the_bit(whole: Path, data: dict[str, Path], tmp_path: Path) -> None:
    again = write_job(tmp_path / "job", data)
    assert run(again) == 0
    assert outcome_of(again) == outcome_of(whole)
    other = write_job(tmp_path / "other", data, seed=4)
    assert run(other) == 0
    assert outcome_of(other) != outcome_of(whole)


@pytest.mark.parametrize("seed", range(3))
def test_sigterm_saves_and_ends(whole: Path, data: dict[str, Path], tmp_path: Path, seed: int) -> None:
    folder = write_job(tmp_path / "job", data)
    steps = random.Random(seed).sample(range(1, 15), 2)
    for wanted in sorted(steps):
        assert interrupt(folder, signal.SIGTERM, wanted) == 3, (folder / "output.txt").read_text()
        saved, last = events_of(folder, "checkpoint")[-1], events_of(folder, "progress")[-1]
        assert saved["step"] == last["step"]
        assert events_of(folder)[-1]["event"] == "stopped"
    assert run(folder) == 0
    assert outcome_of(folder) == outcome_of(whole)
    assert card_of(folder)["resumed"] == 2


@pytest.mark.parametrize("interval", [0.001, 0.05])
def test_sigkill_at_random_moments(whole: Path, data: dict[str, Path], tmp_path: Path, interval: float) -> None:
    folder = write_job(tmp_path / "job", data, limits={"checkpointSeconds": interval})
    moments = random.Random(interval)
    longest = card_of(whole)["seconds"] / 3
    kills = 0
    while not (folder / "card.json").exists() and kills < 12:
        worker = Worker(folder)
        time.sleep(moments.uniform(0, longest))
        worker.kill()
        kills += worker.wait() == -signal.SIGKILL
    code = run(folder)
    assert code == 0
    assert kills >= 3
    assert not list(folder.parent.rglob("*.tmp"))
    assert outcome_of(folder) == outcome_of(whole)


def test_a_kill_loses_no_more_than_the_interval(data: dict[str, Path], tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", data, limits={"checkpointSeconds": 0.001})
    assert interrupt(folder, signal.SIGKILL, 5) == -signal.SIGKILL
    reached = _step(folder)
    assert run(folder) == 0
    resumed = [index for index, each in enumerate(events_of(folder)) if each["event"] == "start"][-1]
    first = next(each for each in events_of(folder)[resumed:] if each["event"] == "progress")
    assert first["step"] in (reached, reached + 1)


def test_a_finished_job_is_not_run_again(whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    assert run(whole) == 0
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*")} == before


def test_a_full_disk_keeps_the_checkpoint(whole: Path, data: dict[str, Path], tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", data, limits={"checkpointSeconds": 0.001})
    assert interrupt(folder, signal.SIGTERM, 3) == 3
    model = folder / "checkpoint" / "model.safetensors"
    before = model.read_bytes()
    limit = len(before) - 1
    full = Worker(folder, partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)))
    assert full.wait() == 1
    assert "DISK_FULL" in (folder / "output.txt").read_text()
    failed = events_of(folder)[-1]
    assert (failed["event"], failed["code"]) == ("failed", "DISK_FULL")
    assert model.read_bytes() == before
    assert not (folder / "checkpoint.new").exists()
    assert run(folder) == 0
    assert outcome_of(folder) == outcome_of(whole)


def test_a_copied_job_goes_on_at_its_new_place(
    whole: Path, data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_job(tmp_path / "here" / "job", data)
    worker = Worker(folder)
    until(lambda: _step(folder) >= 4)
    # With the lease of a worker that is alive: at the new place, nobody keeps it up.
    worker.kill(signal.SIGSTOP)
    copy = tmp_path / "there" / "job"
    shutil.copytree(folder, copy)
    assert (copy / "lease").exists()
    worker.kill(signal.SIGCONT)
    worker.kill(signal.SIGTERM)
    monkeypatch.setattr(lease, "LOST_SECONDS", 0.5)
    assert worker.wait() in (0, 3)
    assert run(copy) == 0
    assert outcome_of(copy) == outcome_of(whole)
    assert run(folder) == 0
    assert outcome_of(folder) == outcome_of(whole)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(data: dict[str, Path], tmp_path: Path) -> None:
    settings = {"learningRate": 1e30, "warmupShare": 0, "readings": []}
    folder = write_job(tmp_path / "job", data, settings=settings, limits={"checkpointSeconds": 0.001})
    assert run(folder) == 1
    failed = events_of(folder)[-1]
    assert failed["code"] == "LOSS_NOT_FINITE"
    assert failed["values"]["step"] == events_of(folder, "checkpoint")[-1]["step"] + 1
    assert f"step {failed['values']['step']} with learning rate 1e+30" in failed["message"]
    assert (folder / "checkpoint" / "model.safetensors").is_file()


def _step(folder: Path) -> int:
    try:
        steps = [each["step"] for each in events_of(folder, "progress") if "loss" in each]
    except (FileNotFoundError, ValueError):
        return 0
    return max(steps, default=0)


def test_losses_go_on_where_they_were_killed(whole: Path, tmp_path: Path) -> None:
    items = [{"id": str(i), "set": "s", "prompt": words(i, 4), "target": " " + words(-i, 3)} for i in range(200)]
    inputs = {"items": write_lines(tmp_path / "items.jsonl", items)}
    job = {
        "kind": "losses",
        "model": {"checkpoint": str(whole)},
        "tokenizer": None,
        "settings": {"batchTokens": 64, "byToken": True},
    }
    straight = write_job(tmp_path / "straight", inputs, **job)
    assert run(straight) == 0
    folder = write_job(tmp_path / "job", inputs, **job)
    for number, signum in enumerate((signal.SIGKILL, signal.SIGTERM), 1):
        assert interrupt(folder, signum, 4 * number) == (3 if signum == signal.SIGTERM else -signum)
    assert run(folder) == 0
    assert card_of(folder)["result"] == card_of(straight)["result"]
    # No block was done twice.
    steps = [each["step"] for each in events_of(folder, "progress")]
    assert len(steps) - len(set(steps)) <= 1
