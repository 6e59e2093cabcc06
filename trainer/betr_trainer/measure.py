"""`--measure`: how fast a job would train and how much memory it takes, on random tokens and without touching it."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch

from .errors import TrainerError
from .flops import Flops
from .job import Job, read_job
from .loader import Batch
from .model import count_parameters, job_model, pick_device
from .parallel import Group
from .schedule import Plan
from .step import Stepper, first_micro_batch, make_optimizer
from .tokenizer import job_tokenizer


def measure(folder: Path, steps: int) -> dict[str, Any]:
    """
    Seconds a step (the median of so many), tokens a second, FLOPs a token, and the memory at its peak; of jobs on
    pairs, also what the whole job takes. Errors: JOB_INVALID for a job of another kind.
    """
    job = read_job(folder)
    if job.kind == "dpo":
        from .dpo_speed import measure_dpo

        return measure_dpo(job, steps)
    if job.kind not in ("pretrain", "continue"):
        raise TrainerError("JOB_INVALID", f"Jobs of kind {job.kind} cannot be timed; pretrain, continue and dpo can.")
    torch.set_num_threads(job.limits.get("threads") or torch.get_num_threads())
    device, plan = pick_device(), Plan(job.settings)
    model = _new(job).to(device) if "new" in job.data["model"] else job_model(job, device)[0]
    vocabulary = model.get_input_embeddings().weight.shape[0]
    stepper = Stepper(model, make_optimizer(model, job.settings), job.settings, Group())
    micro_batch = first_micro_batch(plan, vocabulary, device)
    places = torch.arange(plan.length).expand(plan.sequences, -1)
    seconds = []
    for _ in range(steps + 1):
        tokens = torch.randint(vocabulary, (plan.sequences, plan.length + 1))
        # Documents of 256 tokens.
        batch = Batch(tokens[:, :-1], tokens[:, 1:], places % 256, places // 256)
        started = time.perf_counter()
        stepper.update(stepper.read(batch, micro_batch), plan.learning_rate(0, None))
        seconds.append(time.perf_counter() - started)
    # The first step allocates.
    middle = sorted(seconds[1:] or seconds)[len(seconds[1:]) // 2]
    return {
        "secondsPerStep": middle,
        "tokensPerSecond": plan.batch_tokens / middle,
        "peakMemoryMb": peak_memory(device) / 1e6,
        "flopsPerToken": Flops(*count_parameters(model)).train(1)[0],
    }


def _new(job: Job) -> torch.nn.Module:
    from .model import new_model

    return new_model(
        job.data["model"]["new"],
        vocabulary=_vocabulary(job),
        positions=job.settings["sequenceLength"],
        end=0,
        seed=job.seed,
    )


def _vocabulary(job: Job) -> int:
    """The size of the job's tokenizer; if another job is yet to train that one, what the other job asks for."""
    spec = job.data.get("tokenizer")
    if isinstance(spec, dict) and not job.path(spec["folder"]).is_dir():
        planned = job.path(spec["folder"]).parent / "job.json"
        if planned.is_file():
            settings = json.loads(planned.read_text(encoding="utf-8")).get("settings", {})
            return int(settings.get("vocabulary", 4096))
    return len(job_tokenizer(job, None))


def peak_memory(device: torch.device) -> float:
    """Bytes that this process has taken at most: of the GPU, or of the machine."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
