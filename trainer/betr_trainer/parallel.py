"""
Several processes that train one model (`accelerate launch`, torchrun): each reads its part of every batch, gradients
are summed, and the first process alone claims the job, writes and measures. Alone, every function here does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from .errors import FirstFailed

T = TypeVar("T")
#: The others wait while the first one measures.
_patience = timedelta(days=1)


class Group:
    """The processes of a job."""

    def __init__(self) -> None:
        self.size = self.count()
        self.rank = int(os.environ.get("RANK", "0")) if self.size > 1 else 0
        if self.size > 1 and not dist.is_initialized():
            if torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=_patience)

    @staticmethod
    def count() -> int:
        """How many processes the launcher has started."""
        return int(os.environ.get("WORLD_SIZE", "1"))

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` returns in the first process. Errors: FirstFailed in the others if it fails there."""
        if self.size == 1:
            return make()
        answer: list[Any] = [None, False]
        try:
            if self.is_first:
                answer = [make(), True]
        finally:
            dist.broadcast_object_list(answer)
        if not answer[1]:
            raise FirstFailed
        return answer[0]

    def largest(self, value: int) -> int:
        """The largest value of all processes."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], device=_device())
        dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return int(tensor.item())

    def sum(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replaces tensors by their sums over all processes."""
        if self.size > 1:
            for tensor in tensors:
                dist.all_reduce(tensor)

    def wait(self) -> None:
        """Returns when every process has come here."""
        if self.size > 1:
            dist.barrier()


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"
