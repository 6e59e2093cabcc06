"""python -m betr_trainer JOB… | --check | --measure JOB STEPS"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import TrainerError, package_missing

#: The function of each kind of job; a kind's libraries are loaded only where it is asked for.
KINDS = {
    "pretrain": "pretrain:run_pretrain",
    "continue": "pretrain:run_continue",
    "losses": "losses:run_losses",
    "tokenizer": "tokenizer:run_tokenizer",
    "generate": "generate:run_generate",
    "sft": "sft:run_sft",
    "dpo": "dpo:run_dpo",
    "influence": "influence:run_influence",
}


def load_kind(name: str) -> Callable:
    """The function of a kind. Errors: ModuleNotFoundError."""
    module, _, function = KINDS[name].partition(":")
    return getattr(importlib.import_module(f".{module}", __package__), function)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 done, 2 refused, 3 stopped and resumable, 4 another worker has the job, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="betr_trainer", description="Trains and measures small language models.")
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="a job's folder, with job.json")
    parser.add_argument("--check", action="store_true", help="print versions and devices as JSON")
    parser.add_argument("--measure", nargs=2, metavar=("JOB", "STEPS"), help="time some steps without touching the job")
    options = parser.parse_args(arguments)
    # Before torch is loaded. Models and data come from folders alone.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        if options.check:
            return print_check()
        if options.measure:
            from .measure import measure

            print(json.dumps(measure(Path(options.measure[0]), int(options.measure[1]))))
            return 0
        if not options.jobs:
            parser.error("name at least one job")
        from .drive import run_job

        # The first job that does not end well ends the list.
        return next((code for job in options.jobs if (code := run_job(Path(job), load_kind)) != 0), 0)
    except (TrainerError, ModuleNotFoundError) as raised:
        error = package_missing(raised) if isinstance(raised, ModuleNotFoundError) else raised
        print(f"{error.code}: {error}", file=sys.stderr)
        return error.exit_code


def print_check() -> int:
    """Prints one line of JSON: the versions, and the devices that torch sees."""
    import torch

    from .card import describe_device, versions
    from .model import pick_device

    devices = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    print(json.dumps({**versions(), "device": describe_device(pick_device()), "devices": devices}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
