"""Files: hashes, canonical JSON, and writing so that a reader sees the old or the new content, never a torn one."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from .errors import TrainerError, is_disk_full


def sha256_file(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """
    JSON as RFC 8785 writes it (keys sorted, no blanks, numbers as in JavaScript), so that a seal can be computed
    in any language. Whole numbers from 2^53 on must be floats.
    """
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}:{canonical_json(value[key])}" for key in sorted(value))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(canonical_json, value)) + "]"
    if isinstance(value, float):
        return _javascript_number(value)
    return json.dumps(value, ensure_ascii=False)


def _javascript_number(value: float) -> str:
    """A number as ECMAScript writes it (Number::toString): the same digits as Python's, with another exponent."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + int(exponent)
    if value == 0:
        return "0"
    if len(text) <= point <= 21:
        text = text.ljust(point, "0")
    elif 0 < point <= 21:
        text = f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{text}"
    else:
        text = f"{text[0]}{'.' * (len(text) > 1)}{text[1:]}e{point - 1:+d}"
    return f"{'-' * sign}{text}"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def commit_file(path: Path, write: Callable[[Path], object]) -> None:
    """
    Writes a file atomically: `write` fills a file beside it, whose name it gets. After an error, `path` is
    unchanged and the other file is gone. Errors: DISK_FULL.
    """
    # As betr names its temporary files. Processes on several machines may have the same id.
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.{os.getpid()}.tmp")
    try:
        write(beside)
        _sync(beside)
        os.replace(beside, path)
        _sync(path.parent)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        raise disk_error(error, path) from error


def remove_leftovers(folder: Path, name: str = "*") -> None:
    """
    Removes what processes that were killed left of `commit_file` and of taking a lease. Call while holding the lease
    on the work; a process that is just trying to take it tries again.
    """
    for path in folder.glob(f".{name}.*.tmp"):
        path.unlink(missing_ok=True)


def commit_text(path: Path, text: str) -> None:
    """`commit_file` for a string."""
    commit_file(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def commit_folder(path: Path, write: Callable[[Path], object]) -> None:
    """
    Writes a folder: `write` fills `PATH.new`, which then takes the place of `path`. A folder cannot be replaced in
    one move: `recover_folder` finishes the exchange of a process that was killed between the two. After an error,
    `path` is unchanged. Errors: DISK_FULL.
    """
    new, old = path.with_name(f"{path.name}.new"), path.with_name(f"{path.name}.old")
    try:
        recover_folder(path)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        write(new)
        for entry in new.rglob("*"):
            _sync(entry)
        _sync(new)
        if path.exists():
            os.rename(path, old)
        os.rename(new, path)
        _sync(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException as error:
        if path.exists():
            shutil.rmtree(new, ignore_errors=True)
        raise disk_error(error, path) from error


def recover_folder(path: Path) -> None:
    """Finishes what `commit_folder` had begun: the new folder is complete once the old one has moved away."""
    new, old = path.with_name(f"{path.name}.new"), path.with_name(f"{path.name}.old")
    if not path.exists() and old.exists():
        os.rename(new if new.exists() else old, path)
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)


def disk_error(error: BaseException, path: Path) -> BaseException:
    """The error to raise for one met while writing `path`: DISK_FULL where that is the reason."""
    if isinstance(error, TrainerError) or not is_disk_full(error):
        return error
    return TrainerError(
        "DISK_FULL",
        f"No space left to write {path}. What was there before is kept: free some space and run the job again.",
        path=str(path),
    )
