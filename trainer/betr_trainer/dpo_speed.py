"""What a job on preference pairs will take, from some of its steps on its own pairs."""

from __future__ import annotations

import random
import time
from typing import Any

import torch
from trl.trainer.dpo_trainer import DataCollatorForPreference
from trl.trainer.utils import add_fused_lm_head

from .dpo import (
    answer_log_probabilities,
    count_all_flops,
    count_read_tokens,
    measuring_points,
    most_at_once,
    read_pairs,
    without_mask,
)
from .events import NoEvents
from .flops import Flops
from .job import Job, Work
from .model import count_parameters, job_model, longest_sequence, pick_device
from .tokenizer import job_tokenizer
from .training import batch_parts, count_passes, count_steps, is_half, prepare_model


def measure_dpo(job: Job, steps: int) -> dict[str, Any]:
    """
    Times steps on random batches of the job's pairs, and forward passes over them. `seconds`, `flops` and `steps` are
    of the whole job, its reference and its measurements included.
    """
    torch.set_num_threads(job.limits.get("threads") or torch.get_num_threads())
    settings = job.settings
    work = Work(job, NoEvents(), None, pick_device())
    model, folder, _ = job_model(job, work.device)
    counted = count_parameters(model)
    tokenizer = job_tokenizer(job, folder, model.get_input_embeddings().weight.shape[0])
    read = read_pairs(work, tokenizer, longest_sequence(model))
    add_fused_lm_head(model)
    model = prepare_model(work, model)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-9)
    collate = DataCollatorForPreference(pad_token_id=tokenizer.pad_token_id or 0)
    choices = random.Random(job.seed)
    timed: list[tuple[int, float, float]] = []
    most = most_at_once(work) or settings["batchSize"]
    micro = next(part for part in batch_parts(settings["batchSize"]) if part <= most)
    parts = settings["batchSize"] // micro
    # The first of all allocates.
    for number in range(steps * parts + 1):
        batch = choices.sample(read.pairs, min(micro, len(read.pairs)))
        collated = collate([vars(pair) for pair in batch])
        inputs = {key: value.to(work.device) for key, value in without_mask(collated).items()}
        tokens = sum(pair.tokens() for pair in batch)
        times = [_now(work)]
        with torch.autocast(work.device.type, torch.bfloat16, enabled=is_half(work)):
            chosen, rejected = answer_log_probabilities(model, inputs)
        torch.nn.functional.softplus(-settings["beta"] * (chosen - rejected)).mean().backward()
        if number % parts == 0:
            optimizer.step()
            optimizer.zero_grad()
        times.append(_now(work))
        with torch.no_grad(), torch.autocast(work.device.type, torch.bfloat16, enabled=is_half(work)):
            answer_log_probabilities(model, inputs)
        times.append(_now(work))
        timed.append((tokens, times[1] - times[0], times[2] - times[1]))
    tokens, training, reading = (sum(column) for column in zip(*timed[1:], strict=True))
    a_token, a_read = training / tokens, reading / tokens
    total_steps, passes = count_steps(settings, len(read.pairs)), count_passes(settings, len(read.pairs))
    points = len(measuring_points(settings, total_steps)) if read.measured else 0
    trained_tokens = round(passes * sum(pair.tokens() for pair in read.pairs))
    read_tokens = count_read_tokens(read, points)
    trainable = sum(parameter.numel() for parameter in trained)
    flops = count_all_flops(job, Flops(*counted), trainable, trained_tokens, read_tokens)[0]
    from .measure import peak_memory

    return {
        "secondsPerStep": training / steps,
        "tokensPerSecond": 1 / a_token,
        "peakMemoryMb": peak_memory(work.device) / 1e6,
        "flopsPerToken": flops / (trained_tokens + read_tokens),
        "steps": total_steps,
        "seconds": trained_tokens * a_token + read_tokens * a_read,
        "flops": flops,
        "parameters": counted[0],
        "trainable": trainable,
    }


def _now(work: Work) -> float:
    if work.device.type == "cuda":
        torch.cuda.synchronize(work.device)
    return time.perf_counter()
