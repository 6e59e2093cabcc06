"""From documents to batches: files, tokens, packing, masks."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import zstandard
from helpers import TINY, Worker, card_of, events_of, run, words, write_job, write_lines

from betr_trainer.errors import TrainerError
from betr_trainer.loader import Loader, Stream, document_mask
from betr_trainer.model import new_model
from betr_trainer.tokenizer import END_OF_TEXT, byte_tokenizer, load_tokenizer, prefix_of
from betr_trainer.tokens import Document, TokenFile, read_documents

ROWS = [{"text": "one"}, {"text": "zwei – √2 数"}, {"text": 'a "quoted"\nline'}]


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "jsonl.zst", "two frames", "parquet"])
def test_every_format_gives_the_same_documents(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "documents"
    lines = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif kind == "two frames":
        frames = [zstandard.ZstdCompressor().compress(part) for part in lines.splitlines(keepends=True)]
        path.write_bytes(b"".join(frames))
    else:
        pack = {"jsonl": bytes, "jsonl.gz": gzip.compress, "jsonl.zst": zstandard.ZstdCompressor().compress}
        path.write_bytes(pack[kind](lines))
    assert list(read_documents(path)) == [Document(row["text"]) for row in ROWS]


@pytest.mark.parametrize(
    "content", [b"PAR1 nonsense PAR1", gzip.compress(b"{}\n" * 99)[:-9], b"\x28\xb5\x2f\xfd\xff\xff"]
)
def test_a_damaged_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "documents"
    path.write_bytes(content)
    with pytest.raises(TrainerError, match="cannot be read"):
        list(read_documents(path))


def test_a_missing_column_is_told(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(TrainerError, match="no column 'text'; its columns are body"):
        list(read_documents(tmp_path / "a.parquet"))


def test_bytes_are_their_own_tokens() -> None:
    tokenizer = byte_tokenizer()
    text = "".join(map(chr, range(256))) + "√2 数学\x00"
    ids = tokenizer(text)["input_ids"]
    assert ids == [256, *text.encode()]
    assert tokenizer.decode(ids[1:]) == text
    assert tokenizer.eos_token_id == 256
    assert prefix_of(tokenizer) == [256]
    assert prefix_of(byte_tokenizer(end=False)) == []


def test_a_trained_tokenizer(tmp_path: Path) -> None:
    text = [{"text": words(i, 80)} for i in range(60)]
    train = write_lines(tmp_path / "train.jsonl", text)
    change = {"kind": "tokenizer", "model": None, "tokenizer": None, "settings": {"vocabulary": 300}}
    folder = write_job(tmp_path / "job", {"train": train}, **change)
    assert run(folder) == 0
    assert card_of(folder)["result"]["rows"] == 1
    tokenizer = load_tokenizer(folder / "tokenizer")
    assert len(tokenizer) == 300
    ids = tokenizer("the cat sat – √2")["input_ids"]
    assert ids[0] == tokenizer.eos_token_id == tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    assert tokenizer.decode(ids[1:]) == "the cat sat – √2"
    assert len(ids) < 16
    again = write_job(tmp_path / "again", {"train": train}, **change)
    assert run(again) == 0
    assert (again / "tokenizer/tokenizer.json").read_bytes() == (folder / "tokenizer/tokenizer.json").read_bytes()
    short = write_job(tmp_path / "short", {"train": train}, **change | {"settings": {"vocabulary": 5000}})
    assert run(short) == 0
    assert "fewer than the 5000" in events_of(short, "warning")[0]["message"]


def test_a_document_cannot_spell_the_end_of_text(tmp_path: Path) -> None:
    train = write_lines(tmp_path / "train.jsonl", [{"text": f"a{END_OF_TEXT}b"}, {"text": "c"}])
    folder = write_job(tmp_path / "job", {"train": train}, settings={"tokens": 256})
    assert run(folder) == 0
    (path,) = (tmp_path / "tokens").glob("*.bin")
    assert list(np.fromfile(path, "<u2")) == [256, *f"a{END_OF_TEXT}b".encode(), 256, ord("c")]


def test_jobs_share_token_files(data: dict[str, Path], tmp_path: Path) -> None:
    folders = [write_job(tmp_path / name, {"train": data["train"]}, settings={"tokens": 256}) for name in "abc"]
    workers = [Worker(folder) for folder in folders]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    made = [
        each for folder in folders for each in events_of(folder, "progress") if "tokens of" in each.get("message", "")
    ]
    assert len(made) == 1
    names = sorted(path.name.partition(".")[2] for path in (tmp_path / "tokens").iterdir())
    assert names == ["bin", "index.npy", "json"]
    # A file that was cut short is made again.
    (path,) = (tmp_path / "tokens").glob("*.bin")
    whole = path.read_bytes()
    path.write_bytes(whole[:-2])
    assert run(write_job(tmp_path / "d", {"train": data["train"]}, settings={"tokens": 256})) == 0
    assert path.read_bytes() == whole


def _files(*documents: tuple[int, ...], repeats: list[int] | None = None) -> list[TokenFile]:
    ends = np.cumsum([len(each) for each in documents])
    return [
        TokenFile(np.concatenate([np.array(each) for each in documents]), ends, np.array(repeats or [1] * len(ends)))
    ]


def test_a_pass_reads_every_document_once() -> None:
    documents = [tuple([1000, *range(i * 10, i * 10 + i % 7 + 1)]) for i in range(30)]
    stream = Stream("a", _files(*documents) + _files((1000, 500), (1000, 501), repeats=[2, 0]), 7)
    expected = sorted([*documents, (1000, 500), (1000, 500)])
    orders = []
    for number in range(3):
        tokens, starts = stream.read(number * stream.tokens, stream.tokens)
        found = [tuple(map(int, each)) for each in np.split(tokens, np.flatnonzero(starts)[1:])]
        assert sorted(found) == expected
        orders.append(found)
    assert orders[0] != orders[1] != orders[2]
    # Any part of the stream is a part of the whole.
    whole = np.concatenate([stream.read(number * stream.tokens, stream.tokens)[0] for number in range(3)])
    for at in range(0, len(whole) - 50, 17):
        assert list(stream.read(at, 50)[0]) == list(whole[at : at + 50])


def test_batches_are_a_function_of_the_step() -> None:
    stream = Stream("a", _files(*[(9, 1, 2, 3), (9, 4, 5), (9, 6)] * 20), 1)
    loader = Loader([(stream, 1.0)], steps=10, sequences=3, length=8, seed=1)
    batches = [loader.batch(step) for step in range(10)]
    for step in (7, 2, 9) * 50:
        assert torch.equal(loader.batch(step).tokens, batches[step].tokens)
    joined = torch.cat([each.tokens.flatten() for each in batches])
    targets = torch.cat([each.targets.flatten() for each in batches])
    assert torch.equal(joined[1:], targets[:-1])
    for batch in batches:
        begins = batch.tokens == 9
        assert torch.all(batch.positions[begins] == 0)
        assert torch.all(batch.positions[:, 0] == 0)
        assert torch.all((batch.positions[:, 1:] == batch.positions[:, :-1] + 1) | begins[:, 1:])
        assert torch.equal(batch.documents.diff(dim=1).bool(), begins[:, 1:])


def test_mixtures_keep_their_shares_everywhere() -> None:
    streams = [Stream(name, _files((token,) * 5), 1) for token, name in enumerate("abc")]
    loader = Loader(list(zip(streams, (5.0, 3.0, 2.0), strict=True)), steps=50, sequences=4, length=10, seed=1)
    tokens = torch.cat([loader.batch(step).tokens[:, 0] for step in range(50)])
    for token, share in enumerate((0.5, 0.3, 0.2)):
        counts = (tokens == token).cumsum(0)
        assert torch.all((counts - share * torch.arange(1, 201)).abs() <= 1)
    assert [count for _, count in loader.tokens_read(50)] == [1000, 600, 400]


def test_attention_stays_inside_a_document() -> None:
    model = new_model(TINY | {"tieEmbeddings": True}, vocabulary=257, positions=64, end=256, seed=1)
    stream = Stream("a", _files((256, 5, 6, 7, 8), (256, 9, 10), (256, 11, 12, 13)), 3)
    batch = Loader([(stream, 1.0)], steps=1, sequences=2, length=16, seed=1).batch(0)
    packed = model(batch.tokens, attention_mask=document_mask(batch.documents), position_ids=batch.positions).logits
    for row in range(2):
        for document in range(int(batch.documents[row].max()) + 1):
            inside = batch.documents[row] == document
            if inside.any():
                alone = model(batch.tokens[row][inside][None]).logits[0]
                assert torch.allclose(packed[row][inside], alone, atol=1e-5)
