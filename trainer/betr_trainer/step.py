"""One step of training: forward and backward passes over micro-batches, gradients clipped, AdamW."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from transformers import PreTrainedModel

from .loader import Batch, document_mask
from .schedule import Plan

if TYPE_CHECKING:
    from .parallel import Group


def make_optimizer(model: torch.nn.Module, settings: dict[str, Any]) -> torch.optim.AdamW:
    """AdamW; what has one dimension (the norms) does not decay."""
    matrices = [each for each in model.parameters() if each.dim() > 1]
    vectors = [each for each in model.parameters() if each.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": settings["weightDecay"]}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=tuple(settings["betas"]), eps=settings["eps"], fused=True)


def pick_dtype(settings: dict[str, Any], device: torch.device) -> str:
    """The type that matrices are multiplied in; weights and optimizer are float32 always."""
    if device.type != "cuda" or settings["dtype"] == "float32":
        return "float32"
    return "bfloat16" if settings["dtype"] == "bfloat16" or torch.cuda.is_bf16_supported() else "float32"


def first_micro_batch(plan: Plan, vocabulary: int, device: torch.device) -> int:
    """Sequences at once, so that their logits stay below 256 MB on a CPU and 4 GB on a GPU (in float32)."""
    most = 1 << (26 if device.type == "cpu" else 30)
    return max(1, min(plan.sequences, most // (plan.length * vocabulary)))


class Stepper:
    """Reads batches and updates the model."""

    def __init__(
        self, model: PreTrainedModel, optimizer: torch.optim.AdamW, settings: dict[str, Any], group: Group
    ) -> None:
        self.model, self.optimizer, self.group = model, optimizer, group
        self.device = next(model.parameters()).device
        self.dtype = pick_dtype(settings, self.device)
        self._clip = settings["gradientClip"] or math.inf
        self._masks = settings["maskAcrossDocuments"]
        self._forward = torch.compile(model) if settings["compile"] and self.device.type == "cuda" else model

    def read(self, batch: Batch, micro_batch: int) -> torch.Tensor:
        """Forward and backward passes over this process's part of a batch; its share of the mean loss (nats)."""
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        own = batch.every(self.group.size, self.group.rank)
        for first in range(0, len(own.tokens), micro_batch):
            loss = self._loss(own.part(first, first + micro_batch).to(self.device)) / batch.targets.numel()
            loss.backward()
            total += loss.detach()
        return total

    def update(self, total: torch.Tensor, learning_rate: float) -> float:
        """One step of AdamW; returns the mean loss. If that is not finite, nothing was changed."""
        self.group.sum([total, *(each.grad for each in self.model.parameters() if each.grad is not None)])
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._clip)
        if not math.isfinite(norm + total):
            return math.nan
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        return float(total)

    def _loss(self, batch: Batch) -> torch.Tensor:
        masked = (
            {"attention_mask": document_mask(batch.documents), "position_ids": batch.positions} if self._masks else {}
        )
        with torch.autocast(self.device.type, torch.bfloat16) if self.dtype == "bfloat16" else nullcontext():
            logits = self._forward(input_ids=batch.tokens, use_cache=False, **masked).logits
        return F.cross_entropy(logits.float().flatten(0, 1), batch.targets.flatten(), reduction="sum")
