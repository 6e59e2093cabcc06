"""card.json: what a finished job was made of and with, sealed, so that a later change of it shows."""

from __future__ import annotations

import json
import platform
from contextlib import suppress
from importlib import metadata
from typing import TYPE_CHECKING, Any

from .errors import TrainerError
from .files import canonical_json, sha256_file, sha256_text

if TYPE_CHECKING:
    from .job import Job


def seal(card: dict[str, Any]) -> str:
    """The seal of a card: SHA-256 of the canonical JSON of everything else in it."""
    return sha256_text(canonical_json({key: value for key, value in card.items() if key != "seal"}))


def is_done(job: Job) -> bool:
    """Whether the job has its card. Errors: JOB_INVALID if the card or the result is of another job or damaged."""
    path, result = job.folder / "card.json", job.folder / "result.parquet"
    fault = None
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        if card["seal"] != seal(card):
            fault = "is damaged"
        elif card["job"] != job.sha256:
            fault = "is of another job.json"
        elif not result.is_file() or sha256_file(result) != card["result"]["sha256"]:
            fault = "does not fit result.parquet"
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError):
        fault = "is damaged"
    if fault is not None:
        raise TrainerError("JOB_INVALID", f"{path} {fault}. Remove it to run the job again.")
    return True


def versions() -> dict[str, str]:
    """The versions that results depend on."""
    found = {"python": platform.python_version()}
    for name in ("torch", "transformers", "tokenizers", "pyarrow", "trl", "peft"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def describe_device(device: Any) -> str:
    """The device by its name: that of the GPU, or cpu and its architecture."""
    if device.type == "cuda":
        import torch

        return f"cuda {torch.cuda.get_device_name(device)}"
    return f"{device.type} {platform.machine()}"
