"""
Batches for training, as a pure function of the seed and the step: nothing is to be saved, and a job that goes on reads
what it would have read. The documents of a source are shuffled anew for each pass and joined into one stream, which is
cut into sequences: all are full, and every token is predicted once a pass. With several sources, each sequence is of
one of them, in the proportion of their weights.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch

from .tokens import TokenFile


class Stream:
    """The documents of one source, pass after pass without end."""

    def __init__(self, name: str, files: list[TokenFile], seed: int) -> None:
        self.name, self._files, self._seed = name, files, seed
        lengths = [np.diff(file.ends, prepend=0) for file in files]
        starts = [file.ends - length for file, length in zip(files, lengths, strict=True)]
        repeats = np.concatenate([file.repeats for file in files])
        self._lengths = np.repeat(np.concatenate(lengths), repeats)
        self._starts = np.repeat(np.concatenate(starts), repeats)
        of_file = np.repeat(np.arange(len(files), dtype=np.int32), [len(file.ends) for file in files])
        self._of_file = np.repeat(of_file, repeats)
        #: Tokens of a pass, repeated documents as often as they are repeated.
        self.tokens = int(self._lengths.sum())
        #: The order of the pass that was read last belongs to all threads.
        self._lock = Lock()
        self._pass = -1
        self._order = self._ends = np.zeros(0, np.int64)

    def read(self, at: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """`count` tokens from a place of the stream on, and whether each is the first of a document."""
        # A decay branch reads elsewhere while the next batch is read in the background.
        with self._lock:
            return self._read(at, count)

    def _read(self, at: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        tokens, starts = np.empty(count, np.int64), np.zeros(count, bool)
        done = 0
        while done < count:
            number, inside = divmod(at + done, self.tokens)
            self._shuffle(number)
            place = int(np.searchsorted(self._ends, inside, "right"))
            document = self._order[place]
            skip = int(inside - (self._ends[place] - self._lengths[document]))
            taken = min(int(self._lengths[document]) - skip, count - done)
            begin = int(self._starts[document]) + skip
            tokens[done : done + taken] = self._files[self._of_file[document]].tokens[begin : begin + taken]
            starts[done] |= skip == 0
            done += taken
        return tokens, starts

    def _shuffle(self, number: int) -> None:
        if number != self._pass:
            random = np.random.Generator(np.random.Philox(np.random.SeedSequence([self._seed, number])))
            self._order = random.permutation(len(self._lengths))
            self._ends = np.cumsum(self._lengths[self._order])
            self._pass = number


@dataclass(frozen=True)
class Batch:
    """Sequences of a step: what is read, what is to be predicted, and where each token stands in its document."""

    tokens: torch.Tensor
    targets: torch.Tensor
    positions: torch.Tensor
    #: Of each token, the number of its document in the sequence.
    documents: torch.Tensor

    def part(self, first: int, last: int) -> Batch:
        return Batch(*(each[first:last] for each in (self.tokens, self.targets, self.positions, self.documents)))

    def every(self, size: int, first: int) -> Batch:
        """Each `size`th sequence from one on."""
        return Batch(*(each[first::size] for each in (self.tokens, self.targets, self.positions, self.documents)))

    def to(self, device: torch.device) -> Batch:
        parts = (self.tokens, self.targets, self.positions, self.documents)
        return Batch(*(each.to(device, non_blocking=True) for each in parts))


class Loader:
    """The batches of a job."""

    def __init__(
        self, sources: list[tuple[Stream, float]], *, steps: int, sequences: int, length: int, seed: int
    ) -> None:
        self._streams = [stream for stream, _ in sources]
        self._sequences, self._length = sequences, length
        self._source, self._before = _schedule([weight for _, weight in sources], steps * sequences, seed)
        self._ahead: tuple[int, Future[Batch]] | None = None
        self._reader = ThreadPoolExecutor(1, "loader")

    def batch(self, step: int) -> Batch:
        """The batch of a step, while the next one is read in the background."""
        ready = self._ahead[1].result() if self._ahead and self._ahead[0] == step else self.read(step)
        if (step + 1) * self._sequences < len(self._source) + 1:
            self._ahead = (step + 1, self._reader.submit(self.read, step + 1))
        return ready

    def read(self, step: int) -> Batch:
        """The batch of a step."""
        parts = [self._sequence(step * self._sequences + index) for index in range(self._sequences)]
        tokens, starts = (torch.from_numpy(np.stack(each)) for each in zip(*parts, strict=True))
        documents = starts[:, :-1].cumsum(1)
        places = torch.arange(self._length).expand_as(documents)
        begins = torch.where(starts[:, :-1], places, 0).cummax(1).values
        return Batch(tokens[:, :-1], tokens[:, 1:], places - begins, documents)

    def tokens_read(self, steps: int) -> list[tuple[Stream, int]]:
        """The tokens that so many steps read of each source."""
        counts = np.bincount(self._source[: steps * self._sequences], minlength=len(self._streams))
        return [(stream, int(count) * self._length) for stream, count in zip(self._streams, counts, strict=True)]

    def _sequence(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        stream = self._streams[self._source[index]]
        return stream.read(int(self._before[index]) * self._length, self._length + 1)


def _schedule(weights: list[float], sequences: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """
    The source of each sequence, and how many earlier ones are of the same. At each place, every source is within one
    sequence of its share: a reading in the middle of a job sees the mixture too. (So is a shuffle not needed; within a
    source, the documents are shuffled.)
    """
    if len(weights) == 1:
        return np.zeros(sequences, np.int8), np.arange(sequences)
    shares = np.array(weights) / sum(weights)
    source = np.empty(sequences, np.int8)
    before = np.empty(sequences, np.int64)
    counts = np.zeros(len(weights), np.int64)
    for index in range(sequences):
        chosen = int(np.argmax(shares * (index + 1) - counts))
        source[index], before[index] = chosen, counts[chosen]
        counts[chosen] += 1
    return source, before


def document_mask(documents: torch.Tensor) -> torch.Tensor:
    """For each token, which tokens it attends to: the earlier ones of its own document, and itself."""
    length = documents.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool, device=documents.device).tril()
    return ((documents[:, :, None] == documents[:, None, :]) & earlier)[:, None]
