"""Errors that a user can meet: a code for programs, a sentence for people, and an exit code."""

from __future__ import annotations

import errno
import re
import sys
from pathlib import Path

#: The exit code by error code; every other one ends with 1.
EXIT_CODES = {
    "JOB_INVALID": 2,
    "JOB_VERSION": 2,
    "INPUT_CHANGED": 2,
    "INPUT_MISSING": 2,
    "EMPTY_INPUT": 2,
    "TOKENIZER_MISMATCH": 2,
    "MODEL_UNSAFE": 2,
    "JOB_BUSY": 4,
}


class TrainerError(Exception):
    """An error with a code and one sentence that has the value and says what to do."""

    def __init__(self, code: str, sentence: str, **values: object) -> None:
        super().__init__(sentence)
        self.code = code
        self.values = values

    @property
    def exit_code(self) -> int:
        return EXIT_CODES.get(self.code, 1)


class Stopped(Exception):
    """The job was asked to stop (SIGTERM, SIGINT) and its checkpoint is saved."""


class FirstFailed(Exception):
    """Of several processes on one job, the first one failed and tells why; this one only ends."""


def package_missing(error: ModuleNotFoundError) -> TrainerError:
    """The error to tell of a Python package that is not there, with the command that installs it."""
    extra = "[dpo]" if error.name in ("trl", "peft", "accelerate", "datasets") else ""
    source = Path(__file__).parents[1]
    return TrainerError(
        "INTERNAL",
        f"The Python package {error.name} is not installed in {sys.prefix}. Run make trainer, or "
        f"{sys.executable} -m pip install '{source}{extra}'.",
    )


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its name."""
    return (str(error).splitlines() or [type(error).__name__])[0]


_full = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_full_words = re.compile(rf"os error (?:{'|'.join(map(str, sorted(_full)))})\b|no space left", re.I)


def is_disk_full(error: BaseException) -> bool:
    """Whether a disk, a quota or a file size limit is full; safetensors reports that in words only."""
    return getattr(error, "errno", None) in _full or bool(_full_words.search(str(error)))


_memory_words = re.compile(r"out of memory|can't allocate memory|cannot allocate memory", re.I)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device, or the memory limit of the job, is out of memory."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and bool(_memory_words.search(str(error)))
    )
