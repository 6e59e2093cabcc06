"""
A lease on work that many processes on many machines may compete for, in the format of betr's data/files/lease.ts: a
file that only one process can create, with a counter that its holder keeps incrementing. A holder is lost if an
observer sees the same count for a while by its own clock, so clocks need not agree; a dead process on the observer's
machine is lost at once. In rare cases two processes hold a lease, so work under one must be safe to do twice.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

BEAT_SECONDS = 2.0
LOST_SECONDS = 60.0
_COUNT_DIGITS = 12


class Lease:
    """A lease that this process holds and keeps beating until `release`."""

    def __init__(self, path: Path, handle: int, beat_seconds: float) -> None:
        self._path, self._handle = path, handle
        self._inode = os.fstat(handle).st_ino
        self._lost = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, args=(beat_seconds,), daemon=True)
        self._thread.start()

    def is_ours(self) -> bool:
        """Whether the lease is still there and this process's."""
        try:
            self._lost = self._lost or os.stat(self._path).st_ino != self._inode
        except FileNotFoundError:
            self._lost = True
        return not self._lost

    def release(self) -> None:
        if self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        if self.is_ours():
            self._path.unlink(missing_ok=True)
        os.close(self._handle)

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _beat(self, beat_seconds: float) -> None:
        count = 0
        while not self._over.wait(beat_seconds):
            if not self.is_ours():
                return
            count += 1
            try:
                # Goes to this holder's file; a process that took over has another one.
                os.pwrite(self._handle, str(count).zfill(_COUNT_DIGITS).encode(), 0)
                os.fsync(self._handle)
            except OSError:
                self._lost = True
                return


def take_lease(path: Path, beat_seconds: float = BEAT_SECONDS) -> Lease | None:
    """Takes the lease at `path`, in an existing folder; None if another process holds it."""
    handle = _create(path)
    return None if handle is None else Lease(path, handle, beat_seconds)


def claim(path: Path) -> Lease | dict[str, Any]:
    """
    Takes the lease at `path`, also from a holder that is lost, waiting to see whether one is. The holder if there is
    one that beats.
    """
    first: str | None = None
    since = time.monotonic()
    while True:
        lease = take_lease(path)
        if lease is not None:
            return lease
        text = _read(path)
        if text is None:
            continue
        holder = parse_holder(text)
        if first is None:
            first, since = text, time.monotonic()
        gone = holder is not None and is_gone(holder)
        if gone or (text == first and time.monotonic() - since > LOST_SECONDS):
            _remove(path, text)
        elif text != first and holder is not None:
            return holder
        time.sleep(0.02 if gone else 0.1)


def parse_holder(text: str) -> dict[str, Any] | None:
    """The holder that a lease's text names; None if it cannot be parsed."""
    try:
        holder = json.loads(text[text.index("{") :])
        return holder if isinstance(holder["pid"], int) and isinstance(holder["host"], str) else None
    except (ValueError, KeyError, TypeError):
        return None


def is_gone(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process on this machine that has ended; its id may have been reused."""
    if holder["host"] != socket.gethostname() or holder.get("space", "") != _process_space():
        return False
    now = _identify(holder["pid"])
    return now is None or now not in (holder.get("process"), f"{holder['pid']} ")


def _create(path: Path) -> int | None:
    """Creates the lease with its content in one step, so that it is never seen empty."""
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "space": _process_space(),
        "process": _identify(os.getpid()) or "",
        "since": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    prepared = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    handle = os.open(prepared, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        # The nonce distinguishes two leases of one process.
        text = f"{'0' * _COUNT_DIGITS} {secrets.token_hex(4)} {json.dumps(holder, separators=(',', ':'))}\n"
        os.write(handle, text.encode())
        os.link(prepared, path)
        return handle
    except FileExistsError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    finally:
        prepared.unlink(missing_ok=True)


def _remove(path: Path, text: str) -> None:
    """
    Removes a lost lease unless it was replaced. A guard lease keeps a second process from then removing the new one.
    """
    guard = path.with_name(f"{path.name}.takeover")
    handle = _create(guard)
    if handle is None:
        holder = parse_holder(_read(guard) or "")
        if holder is not None and is_gone(holder):
            guard.unlink(missing_ok=True)
        return
    try:
        if _read(path) == text:
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)
        guard.unlink(missing_ok=True)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _identify(pid: int) -> str | None:
    """A unique name of a process: its id and start; None if it has ended, even if it is still a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        # The command's name is in parentheses and may contain any character; the state is the first field after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] in "ZX":
            return None
        return f"{pid} {Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {fields[19]}"
    except OSError:
        return f"{pid} {_start_elsewhere(pid)}"


def _start_elsewhere(pid: int) -> str:
    try:
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _process_space() -> str:
    """The namespace of process ids, which containers with the same host name do not share."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
