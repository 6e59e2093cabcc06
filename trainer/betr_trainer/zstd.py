"""Zstandard files of one or many frames. One that ends inside a frame is an error; the library would just end."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

import zstandard

_read_bytes = 1 << 20


class ZstdFile(io.RawIOBase):
    """The content of a Zstandard file. Errors: OSError if it is damaged or cut short."""

    def __init__(self, file: IO[bytes]) -> None:
        self._chunks = _decompress(file)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        taken = min(len(buffer), len(self._rest))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken


def _decompress(file: IO[bytes]) -> Iterator[bytes]:
    # As large a window as `zstd --long=31` makes.
    context = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    frame = None
    while data := file.read(_read_bytes):
        while data:
            frame = frame or context.decompressobj()
            try:
                yield frame.decompress(data)
            except zstandard.ZstdError as error:
                raise OSError(f"damaged Zstandard data ({error})") from error
            data = b""
            if frame.eof:
                data, frame = frame.unused_data, None
    if frame is not None:
        raise OSError("the Zstandard data ends in the middle of a frame")
