"""Several processes train one model, as torchrun and `accelerate launch` start them."""

from __future__ import annotations

import json
import os
import signal
import socket
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from helpers import Worker, card_of, events_of, losses_of, run, until, write_job


def start(folder: Path) -> list[Worker]:
    """Two processes of one job."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    return [
        Worker(folder, partial(set_environment, common | {"RANK": str(rank), "LOCAL_RANK": str(rank)}))
        for rank in range(2)
    ]


def set_environment(variables: dict[str, str]) -> None:
    os.environ.update(variables)


def test_two_processes_train_the_model_of_one(data: dict[str, Path], tmp_path: Path) -> None:
    alone = write_job(tmp_path / "alone", data)
    assert run(alone) == 0
    together = write_job(tmp_path / "together", data)
    workers = start(together)
    until(lambda: (together / "events.jsonl").exists() and len(events_of(together, "progress")) > 3)
    for worker in workers:
        worker.kill(signal.SIGTERM)
    assert [worker.wait() for worker in workers] == [3, 3], (together / "output.txt").read_text()
    assert [worker.wait() for worker in start(together)] == [0, 0], (together / "output.txt").read_text()
    assert losses_of(together) == pytest.approx(losses_of(alone), abs=1e-4)
    rows, expected = (pq.read_table(folder / "result.parquet").to_pylist() for folder in (together, alone))
    assert [row["bits"] for row in rows] == pytest.approx([row["bits"] for row in expected], rel=1e-3)
    card = card_of(together)
    assert card["device"].endswith(", 2 processes")
    assert (card["tokens"], card["tokensTrained"]) == (4096, card_of(alone)["tokensTrained"])
    # The first process alone writes.
    assert [each["event"] for each in events_of(together)].count("start") == 2


def test_what_runs_in_one_process_alone(data: dict[str, Path], tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", {"texts": data["texts"]}, kind="losses", model={"folder": "x"}, tokenizer=None)
    assert [worker.wait() for worker in start(folder)] == [2, 2]
    assert "run in one process, not in 2" in (folder / "output.txt").read_text()


def test_an_error_of_the_first_process_ends_all(data: dict[str, Path], tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", data)
    job = json.loads((folder / "job.json").read_text())
    job["inputs"][0]["sha256"] = "0" * 64
    (folder / "job.json").write_text(json.dumps(job))
    assert sorted(worker.wait() for worker in start(folder)) == [1, 2]
    assert events_of(folder)[-1]["code"] == "INPUT_CHANGED"
