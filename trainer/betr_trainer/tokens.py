"""
Documents to tokens, once per file and tokenizer: flat files of uint16 or uint32 that every job beside this one shares
and the loader maps into memory. A document is its tokens behind the end-of-text token (or between the beginning token
and it, for tokenizers that have both). HASH.bin holds the tokens, HASH.index.npy where each document ends and how
often it is repeated, and HASH.json, written last, their numbers.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from .errors import TrainerError
from .files import commit_file, commit_text, remove_leftovers
from .lease import Lease, claim
from .zstd import ZstdFile

if TYPE_CHECKING:
    from .job import Input, Work

_FORMAT = 1
_batch_bytes = 1 << 20
#: `betr select --repeat` writes this column: how many times to repeat a document.
_repeat_column = "repeat"


@dataclass(frozen=True)
class Document:
    text: str
    repeat: int = 1


class Unusable:
    """Rows that are no documents, counted by reason."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, reason: str) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1


def open_text(path: Path) -> IO[str]:
    """Opens a file of lines, compressed with gzip, Zstandard or not at all, whatever its name."""
    raw = open(path, "rb")  # noqa: SIM115 (the caller closes what is around it)
    magic = raw.read(4)
    raw.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return io.TextIOWrapper(gzip.GzipFile(fileobj=raw), encoding="utf-8", errors="replace")
    if magic == b"\x28\xb5\x2f\xfd":
        return io.TextIOWrapper(io.BufferedReader(ZstdFile(raw), 1 << 20), encoding="utf-8", errors="replace")
    return io.TextIOWrapper(raw, encoding="utf-8", errors="replace")


def read_documents(path: Path, text_field: str = "text", unusable: Unusable | None = None) -> Iterator[Document]:
    """
    The documents of a Parquet or JSONL file, as `betr select` writes them. Rows without text are counted in
    `unusable`. Errors: JOB_INVALID if the file cannot be read or has no such column.
    """
    unusable = unusable or Unusable()
    try:
        with open(path, "rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        for text, repeat in _parquet_rows(path, text_field) if is_parquet else _json_rows(path, text_field, unusable):
            if not isinstance(text, str) or text == "":
                unusable.add("no text")
            elif repeat is not None and (not isinstance(repeat, int) or repeat < 0):
                unusable.add("repeat is no number of times")
            elif repeat != 0:
                yield Document(text, 1 if repeat is None else repeat)
    except (OSError, EOFError, pa.ArrowException, ValueError) as error:
        raise TrainerError("JOB_INVALID", f"{path} cannot be read: {error}.") from error


def _parquet_rows(path: Path, text_field: str) -> Iterator[tuple[Any, Any]]:
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        if text_field not in names:
            raise ValueError(f"it has no column {text_field!r}; its columns are {', '.join(names)}")
        columns = [name for name in (text_field, _repeat_column) if name in names]
        for batch in file.iter_batches(batch_size=1024, columns=columns):
            texts = batch.column(text_field).to_pylist()
            has_repeat = _repeat_column in columns
            repeats = batch.column(_repeat_column).to_pylist() if has_repeat else [None] * len(texts)
            yield from zip(texts, repeats, strict=True)


def _json_rows(path: Path, text_field: str, unusable: Unusable) -> Iterator[tuple[Any, Any]]:
    with open_text(path) as lines:
        for line in lines:
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield row.get(text_field), row.get(_repeat_column)
            except (ValueError, AttributeError):
                unusable.add("no JSON object")


@dataclass(frozen=True)
class TokenFile:
    """The tokens of one input, mapped into memory."""

    tokens: np.ndarray
    #: Where each document ends.
    ends: np.ndarray
    repeats: np.ndarray


def token_file(work: Work, each: Input, tokenizer: PreTrainedTokenizerBase, text_field: str) -> TokenFile:
    """
    The tokens of an input, made now unless a job has made them. Only one worker makes them; others wait. Errors:
    EMPTY_INPUT, DISK_FULL, those of `read_documents`.
    """
    name = hashlib.sha256(json.dumps([_FORMAT, _describe(tokenizer), each.sha256, text_field]).encode()).hexdigest()
    folder = work.job.tokens_folder
    folder.mkdir(exist_ok=True)
    while (found := _open(folder, name)) is None:
        work.check()
        lease = claim(folder / f"{name}.lease")
        if not isinstance(lease, Lease):
            time.sleep(0.2)
            continue
        with lease:
            if not (folder / f"{name}.json").exists():
                remove_leftovers(folder, name)
                _tokenize(work, each, tokenizer, text_field, folder, name)
    if len(found.tokens) == 0:
        raise TrainerError("EMPTY_INPUT", f'Input "{each.name}" has no documents with text: {each.path}.')
    return found


def _describe(tokenizer: PreTrainedTokenizerBase) -> list[Any]:
    """What the tokens of a text depend on."""
    return [hashlib.sha256(_backend(tokenizer).to_str().encode()).hexdigest(), _frame(tokenizer)]


def _backend(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise TrainerError(
            "JOB_INVALID", f"{type(tokenizer).__name__} has no tokenizer.json; only such tokenizers work."
        )
    copy = Tokenizer.from_str(backend.to_str())
    copy.no_truncation()
    copy.no_padding()
    # A document that spells out the end-of-text token must not end there.
    copy.encode_special_tokens = True
    return copy


def _frame(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """What stands before and after each document."""
    from .tokenizer import prefix_of

    end, prefix = tokenizer.eos_token_id, prefix_of(tokenizer)
    if end is None:
        raise TrainerError("JOB_INVALID", "The tokenizer has no end-of-text token to put between documents.")
    return ([end], []) if prefix in ([], [end]) else (prefix, [end])


def _tokenize(
    work: Work, each: Input, tokenizer: PreTrainedTokenizerBase, text_field: str, folder: Path, name: str
) -> None:
    backend = _backend(tokenizer)
    before, after = _frame(tokenizer)
    dtype = np.dtype("<u2" if len(tokenizer) <= 1 << 16 else "<u4")
    ends, repeats, unusable = array("q"), array("q"), Unusable()
    total = 0

    def write(path: Path) -> None:
        nonlocal total
        with open(path, "wb") as file:
            for batch in _batches(read_documents(each.path, text_field, unusable)):
                work.check()
                for document, encoding in zip(
                    batch,
                    backend.encode_batch_fast([each.text for each in batch], add_special_tokens=False),
                    strict=True,
                ):
                    ids = np.array(before + encoding.ids + after, dtype)
                    file.write(ids.tobytes())
                    total += len(ids)
                    ends.append(total)
                    repeats.append(document.repeat)

    commit_file(folder / f"{name}.bin", write)

    def write_index(path: Path) -> None:
        with open(path, "wb") as file:
            np.save(
                file,
                np.stack([np.frombuffer(ends, "q"), np.frombuffer(repeats, "q")]) if total else np.zeros((2, 0), "q"),
            )

    commit_file(folder / f"{name}.index.npy", write_index)
    counts = {"version": _FORMAT, "input": each.sha256, "documents": len(ends), "tokens": total, "dtype": dtype.name}
    commit_text(folder / f"{name}.json", json.dumps({**counts, "unusable": unusable.counts}) + "\n")
    if unusable.counts:
        told = ", ".join(f"{count} {reason}" for reason, count in unusable.counts.items())
        work.events.write("warning", message=f"Rows left out of {each.path}: {told}.", values=unusable.counts)
    work.events.write("progress", message=f"{total} tokens of {len(ends)} documents in {each.path.name}")


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if size >= _batch_bytes:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _open(folder: Path, name: str) -> TokenFile | None:
    """The token file of that name; None if it is not there, or is damaged and was removed."""
    try:
        counts = json.loads((folder / f"{name}.json").read_text())
        dtype = np.dtype(counts["dtype"])
        path = folder / f"{name}.bin"
        ends, repeats = np.load(folder / f"{name}.index.npy", allow_pickle=False)
        if path.stat().st_size == counts["tokens"] * dtype.itemsize and len(ends) == counts["documents"]:
            tokens = np.memmap(path, dtype, "r") if counts["tokens"] else np.zeros(0, dtype)
            return TokenFile(tokens, ends, repeats)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError):
        (folder / f"{name}.json").unlink(missing_ok=True)
        return None
    (folder / f"{name}.json").unlink(missing_ok=True)
    return None
