"""
Sampling of continuations, a batch of prompts at a time. Which token is drawn depends on the seed, the prompt's id, the
sample's number and the position, and on nothing else in the batch.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import signature

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from .errors import TrainerError


@dataclass
class Continuation:
    """What was generated after a prompt: token ids without the end-of-text token, and why it ended."""

    prompt: list[int]
    draws: random.Random
    ids: list[int] = field(default_factory=list)
    finish: str | None = None


def draws_of(seed: int, id: str, sample: int) -> random.Random:
    """The uniform numbers of one sample of one prompt, the same in any batch and on any machine."""
    digest = hashlib.sha256(f"{seed}\0{sample}\0{id}".encode()).digest()
    return random.Random(int.from_bytes(digest, "big"))


def draw(logits: Tensor, temperature: float, top_p: float, uniform: Sequence[float]) -> list[int]:
    """
    One token a row from `logits` [rows, vocabulary], by inverting the distribution function at `uniform` [0, 1).
    Temperature 0 takes the likeliest. `top_p` keeps the likeliest tokens that together reach it.
    """
    if temperature == 0:
        return logits.argmax(-1).tolist()
    probabilities = torch.softmax(logits.double() / temperature, -1)
    tokens = None
    if top_p < 1:
        probabilities, tokens = probabilities.sort(dim=-1, descending=True, stable=True)
        reached_before = probabilities.cumsum(-1) - probabilities
        probabilities = probabilities.masked_fill(reached_before >= top_p, 0)
    distribution = probabilities.cumsum(-1)
    if not distribution[:, -1].isfinite().all():
        raise TrainerError("LOSS_NOT_FINITE", "The model's probabilities of the next token are not finite numbers.")
    at = torch.tensor(uniform, dtype=torch.float64, device=logits.device).unsqueeze(-1) * distribution[:, -1:]
    # The first token whose cumulative probability exceeds the draw; rounding must not lead past the last one.
    index = torch.searchsorted(distribution, at, right=True)
    last = (probabilities > 0).cumsum(-1).argmax(-1, keepdim=True)
    index = torch.minimum(index, last)
    return (index if tokens is None else tokens.gather(-1, index)).squeeze(-1).tolist()


@torch.inference_mode()
def continue_batch(
    model: PreTrainedModel,
    batch: Sequence[Continuation],
    *,
    temperature: float,
    top_p: float,
    max_tokens: int,
    ends: set[int],
    is_stopped: Callable[[list[int]], bool] = lambda ids: False,
    check: Callable[[], None] = lambda: None,
) -> None:
    """
    Fills the continuations of a batch. A row ends with a token of `ends`, when `is_stopped` says so of its ids (both
    finish "stop"), or after `max_tokens` ("length"). `check` is called before every token and may raise.
    """
    device = model.device
    width = max(len(row.prompt) for row in batch)
    ids = torch.tensor([[0] * (width - len(row.prompt)) + row.prompt for row in batch], device=device)
    mask = torch.tensor([[0] * (width - len(row.prompt)) + [1] * len(row.prompt) for row in batch], device=device)
    cache = DynamicCache(config=model.config)
    # Transformers 5.24 renamed the argument.
    cached = {"cache" if "cache" in signature(model.forward).parameters else "past_key_values": cache}
    open_rows = list(batch)
    while True:
        check()
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        output = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **cached,
        )
        uniform = [row.draws.random() for row in open_rows]
        for row, token in zip(open_rows, draw(output.logits[:, -1], temperature, top_p, uniform), strict=True):
            if token in ends:
                row.finish = "stop"
                continue
            row.ids.append(token)
            if is_stopped(row.ids):
                row.finish = "stop"
            elif len(row.ids) == max_tokens:
                row.finish = "length"
        going = [index for index, row in enumerate(open_rows) if row.finish is None]
        if not going:
            return
        if len(going) < len(open_rows):
            kept = torch.tensor(going, device=device)
            cache.batch_select_indices(kept)
            mask = mask[kept]
            open_rows = [open_rows[index] for index in going]
        ids = torch.tensor([[row.ids[-1]] for row in open_rows], device=device)
        mask = torch.cat([mask, mask.new_ones(len(open_rows), 1)], 1)
