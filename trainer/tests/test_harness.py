"""Accuracies at a reading equal those of lm-evaluation-harness item by item, where that is installed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from helpers import run, words, write_job, write_lines

pytestmark = pytest.mark.skipif(find_spec("lm_eval") is None, reason="lm_eval (lm-evaluation-harness) is not installed")


def test_accuracies_equal_those_of_the_harness(data: dict[str, Path], tmp_path: Path) -> None:
    items = [*_arc(), *_boolq()]
    inputs = {"train": data["train"], "items": write_lines(tmp_path / "items.jsonl", items)}
    folder = write_job(tmp_path / "job", inputs, settings={"tokens": 4096, "sequenceLength": 512, "batchTokens": 512})
    assert run(folder) == 0
    rows = pq.read_table(folder / "result.parquet").to_pylist()
    last = max(row["tokens"] for row in rows)
    ours = {row["item"]: row for row in rows if row["measure"] == "answer" and row["tokens"] == last}
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    # ARC has blanks before its answers, as the harness joins them; BoolQ has them in the answers' texts.
    _write_task(tasks, "own_arc", [each for each in items if each["set"] == "arc"])
    _write_task(tasks, "own_boolq", [each for each in items if each["set"] == "boolq"])
    request = {
        "models": [{"job": "job", "folder": str(folder / "checkpoint")}],
        "tasks": ["own_arc", "own_boolq"],
        "include": str(tasks),
        "limit": None,
        "batch": 8,
    }
    command = [sys.executable, "-m", "betr_trainer.harness"]
    environment = {**os.environ, "HF_HOME": str(tmp_path / "cache")}
    ended = subprocess.run(
        command, input=json.dumps(request), capture_output=True, text=True, timeout=300, env=environment
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    (answer,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {task["task"]: len(task["items"]) for task in answer["tasks"]} == {"own_arc": 60, "own_boolq": 60}
    for task in answer["tasks"]:
        for item in task["items"]:
            own = ours[item["id"]]
            assert (own["correct"], own["correct_norm"]) == (item["acc"], item["acc_norm"]), (task["task"], item)
        mean = sum(ours[item["id"]]["correct_norm"] for item in task["items"]) / len(task["items"])
        assert task["metrics"]["acc_norm"] == pytest.approx(mean)
    # Both accuracies are put to the test: they differ on some items, and are neither all right nor all wrong.
    assert any(row["correct"] != row["correct_norm"] for row in ours.values())
    assert 0 < sum(row["correct"] for row in ours.values()) < len(ours)


def _arc() -> list[dict[str, Any]]:
    """Questions with four answers on a line of their own, as betr writes items."""
    draw = random.Random(1)
    return [
        {
            "id": f"a{i}",
            "set": "arc",
            "prompt": f"{words(i, 12)}?\n",
            "choices": [words(1000 + 4 * i + k, draw.randint(1, 9)) for k in range(4)],
            "answer": i % 4,
        }
        for i in range(60)
    ]


def _boolq() -> list[dict[str, Any]]:
    return [
        {
            "id": f"b{i}",
            "set": "boolq",
            "prompt": f"{words(i, 30)}\nQuestion: {words(-i, 6)}?\nAnswer:",
            "choices": [" yes", " not at all"],
            "answer": i % 2,
        }
        for i in range(60)
    ]


def _write_task(folder: Path, task: str, items: list[dict[str, Any]]) -> None:
    joined = all(choice.startswith(" ") for item in items for choice in item["choices"])
    data = write_lines(
        folder / f"{task}.jsonl",
        [{**each, "choices": [choice.removeprefix(" ") for choice in each["choices"]]} for each in items],
    )
    settings = {
        "task": task,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{prompt}}",
        "doc_to_choice": "choices",
        "doc_to_target": "answer",
        "target_delimiter": " " if joined else "",
        "metric_list": [
            {"metric": name, "aggregation": "mean", "higher_is_better": True} for name in ("acc", "acc_norm")
        ],
    }
    (folder / f"{task}.yaml").write_text(json.dumps(settings))
