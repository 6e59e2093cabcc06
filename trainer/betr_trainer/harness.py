"""
lm-evaluation-harness on models of finished jobs: `python -m betr_trainer.harness`, with a request as JSON on standard
input and a line of JSON for each model on standard output. It needs the package lm_eval.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> int:
    request = json.load(sys.stdin)
    # What libraries print is not part of the answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    import lm_eval
    from lm_eval.tasks import TaskManager

    from .model import pick_device

    tasks = TaskManager(include_path=request["include"])
    for model in request["models"]:
        evaluated = lm_eval.simple_evaluate(
            model="hf",
            model_args={"pretrained": model["folder"], "dtype": "float32"},
            tasks=request["tasks"],
            task_manager=tasks,
            batch_size=request["batch"],
            limit=request["limit"],
            log_samples=True,
            bootstrap_iters=0,
            device=pick_device().type,
        )
        print(json.dumps({"job": model["job"], "tasks": _read(evaluated)}), file=answers, flush=True)
    return 0


def _read(evaluated: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics of each task, and whether each item was right."""
    return [
        {
            "task": task,
            "metrics": {name.partition(",")[0]: value for name, value in metrics.items() if _is_metric(name, value)},
            "items": [
                {"id": str(sample["doc"].get("id", sample["doc_id"])), **_rights(sample)}
                for sample in evaluated["samples"].get(task, [])
            ],
        }
        for task, metrics in evaluated["results"].items()
    ]


def _is_metric(name: str, value: object) -> bool:
    return "," in name and "_stderr" not in name and isinstance(value, (int, float))


def _rights(sample: dict[str, Any]) -> dict[str, int]:
    return {name: int(sample[name]) for name in ("acc", "acc_norm") if name in sample}


if __name__ == "__main__":
    sys.exit(main())
