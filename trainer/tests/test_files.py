"""Leases, atomic files, seals and events."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from betr_trainer import lease
from betr_trainer.card import seal
from betr_trainer.errors import TrainerError
from betr_trainer.events import Events
from betr_trainer.files import canonical_json, commit_folder, commit_text, recover_folder

_dist = Path(__file__).parents[2] / "dist" / "data" / "files"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.5, "-0.5"),
        (1e-5, "0.00001"),
        (1.5e-6, "0.0000015"),
        (-1e-6, "-0.000001"),
        (1e-7, "1e-7"),
        (1.25e-9, "1.25e-9"),
        (5e-324, "5e-324"),
        (784491526656.0, "784491526656"),
        (2.0**70, "1.1805916207174113e+21"),
        (1e21, "1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (0.1 + 0.2, "0.30000000000000004"),
        (True, "true"),
        (None, "null"),
        ('ü"\n', '"ü\\"\\n"'),
        ({"b": [1, 2.5], "a": {}}, '{"a":{},"b":[1,2.5]}'),
    ],
)
def test_canonical_json_is_that_of_javascript(value: object, text: str) -> None:
    assert canonical_json(value) == text


def test_canonical_json_equals_node() -> None:
    node = _node()
    numbers = [math.ldexp(m, e) for e in range(-80, 90, 3) for m in (1.0, 1.1, 1.9999, 1 / 3)]
    script = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0,'utf8'))))"
    asked = subprocess.run(
        [node, "-e", script], input=json.dumps(numbers), capture_output=True, text=True, check=True, timeout=60
    )
    assert canonical_json(numbers) == asked.stdout


def test_a_seal_covers_everything_else() -> None:
    card = {"b": 1e-5, "a": "x"}
    sealed = {"seal": seal(card), **card}
    assert seal(sealed) == sealed["seal"]
    assert seal({**sealed, "a": "y"}) != sealed["seal"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"

    def write(text: str, fail: bool = False) -> None:
        def fill(new: Path) -> None:
            (new / "a").write_text(text)
            if fail:
                raise OSError(28, "No space left on device")

        commit_folder(folder, fill)

    write("one")
    with pytest.raises(TrainerError, match="No space left to write"):
        write("two", fail=True)
    assert (folder / "a").read_text() == "one"
    write("two")
    assert (folder / "a").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    # A process that was killed after the old folder had moved away, before and after the new one moved in.
    folder.rename(tmp_path / "checkpoint.old")
    (tmp_path / "checkpoint.new").mkdir()
    (tmp_path / "checkpoint.new" / "a").write_text("three")
    recover_folder(folder)
    assert (folder / "a").read_text() == "three"
    shutil.copytree(folder, tmp_path / "checkpoint.old")
    recover_folder(folder)
    assert (folder / "a").read_text() == "three"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    commit_text(path, "one")
    with pytest.raises(UnicodeEncodeError):
        commit_text(path, "\ud800")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_events_survive_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    Events(path).write("start", loss=1.5, flops=math.inf, step=None)
    with path.open("a") as file:
        file.write('{"at": "20')
    Events(path).write("done")
    first, half, last = path.read_text().splitlines()
    assert {key: value for key, value in json.loads(first).items() if key != "at"} == {"event": "start", "loss": 1.5}
    assert half == '{"at": "20'
    assert json.loads(last)["event"] == "done"


def test_long_jobs_write_about_a_thousand_steps(tmp_path: Path) -> None:
    events = Events(tmp_path / "events.jsonl")
    for step in range(1, 50_001):
        events.progress(step, 50_000)
    steps = [json.loads(line)["step"] for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert steps == [*range(1, 101), *range(150, 50_001, 50)]


def test_one_of_many_takes_a_lease(tmp_path: Path) -> None:
    taken: list[lease.Lease] = []

    def take() -> None:
        if (found := lease.take_lease(tmp_path / "lease")) is not None:
            taken.append(found)

    threads = [threading.Thread(target=take) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    assert taken[0].is_ours()
    taken[0].release()
    assert list(tmp_path.iterdir()) == []


def test_a_lost_lease_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lease"
    code = "import os, sys; from betr_trainer.lease import *; take_lease(Path(sys.argv[1])); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
    taken = lease.claim(path)  # At once: its process has ended.
    assert isinstance(taken, lease.Lease)
    # The holder on another machine is lost when its count stands still.
    holder = lease.parse_holder(path.read_text())
    taken.release()
    assert holder is not None
    path.write_text(f"000000000007 0011aabb {json.dumps({**holder, 'host': 'elsewhere'})}\n")
    monkeypatch.setattr(lease, "LOST_SECONDS", 0.3)
    other = lease.claim(path)
    assert isinstance(other, lease.Lease)
    path.unlink()
    assert not other.is_ours()
    other.release()


def test_a_lease_excludes_typescript_and_the_other_way_round(tmp_path: Path) -> None:
    node = _node()
    if not (_dist / "lease.js").is_file():
        pytest.skip("dist/data/files/lease.js is not built")
    path = tmp_path / "lease"
    script = tmp_path / "ask.mjs"
    script.write_text(
        f"import {{ takeLease }} from {json.dumps(str(_dist / 'lease.js'))};\n"
        f"import {{ watchLeases }} from {json.dumps(str(_dist / 'lease-watch.js'))};\n"
        f"import {{ readLiveHolder }} from {json.dumps(str(_dist / 'lease-holder.js'))};\n"
        f"const path = {json.dumps(str(path))};\n"
        "const holder = await readLiveHolder(path);\n"
        "const free = await watchLeases(Infinity).isFree(path);\n"
        "const lease = await takeLease(path, 200);\n"
        "console.log(JSON.stringify({ pid: holder?.pid, free, taken: lease !== undefined }));\n"
        "if (process.argv[2] === 'keep') setTimeout(() => undefined, 30_000); else await lease?.release();\n"
    )
    ours = lease.take_lease(path)
    assert ours is not None
    asked = subprocess.run([node, str(script)], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(asked.stdout) == {"pid": os.getpid(), "free": False, "taken": False}
    ours.release()
    with subprocess.Popen([node, str(script), "keep"], stdout=subprocess.PIPE, text=True) as theirs:
        assert theirs.stdout is not None
        assert json.loads(theirs.stdout.readline())["taken"]
        holder = lease.claim(path)
        assert isinstance(holder, dict)
        assert (holder["pid"], holder["host"]) == (theirs.pid, socket.gethostname())
        theirs.kill()
    taken = lease.claim(path)
    assert isinstance(taken, lease.Lease)
    taken.release()


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    return node
