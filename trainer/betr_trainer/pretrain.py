"""
Pretraining (the job kind `pretrain`) and going on from a model (`continue`), in a bare loop.

The learning rate rises to its peak and stays there. Each reading is a branch: the last share of its tokens is read at
a rate that falls to zero, the model is measured, and the constant part goes on from where the branch began. So a
reading at a million tokens is a finished run of a million tokens, and a job has many for little more than the price of
the longest (the "trapezoidal" schedule; Hägele et al., arXiv 2405.18392).

What is computed depends on job.json, the device, the versions and the threads alone: the batches are a function of the
step (loader.py), and a checkpoint holds everything else.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from .checkpoint import link_tree, load_optimizer, read_state, save_optimizer, write_state
from .errors import TrainerError, first_line, is_out_of_memory
from .files import commit_file, commit_folder
from .flops import Flops
from .loader import Batch
from .mixture import make_loader
from .model import check_model, count_parameters, load_model, longest_sequence, make_model, model_folder
from .readings import SCHEMA, Measures, summarize
from .schedule import Branch, Plan, Progress
from .step import Stepper, first_micro_batch, make_optimizer
from .tokenizer import job_tokenizer

if TYPE_CHECKING:
    from .job import Outcome, Work


def run_pretrain(work: Work) -> Outcome:
    """The job kind `pretrain`."""
    job = work.job
    folder = model_folder(job)
    if folder is not None:
        return _start(work, folder, check_model(job, folder))
    tokenizer = job_tokenizer(job, None)
    model = make_model(job, tokenizer)
    return Training(work, model.to(work.device), tokenizer).run(None)


def run_continue(work: Work) -> Outcome:
    """The job kind `continue`: goes on from a checkpoint, with its optimizer's state if the job wants it."""
    resumes = work.job.settings["optimizer"] == "resume"
    folder = model_folder(work.job, trained=not resumes)
    if folder is None:
        raise TrainerError("JOB_INVALID", "A job of kind continue needs a model that exists.")
    return _start(work, folder, check_model(work.job, folder), resumes=resumes)


def _start(work: Work, folder: Path, model_hash: str, *, resumes: bool = False) -> Outcome:
    trust = bool(work.job.data["model"].get("trustModelCode"))
    model = load_model(folder, trust=trust, device=work.device)
    tokenizer = job_tokenizer(work.job, folder, model.get_input_embeddings().weight.shape[0])
    if work.job.settings["sequenceLength"] > longest_sequence(model):
        raise TrainerError(
            "JOB_INVALID", f"The model reads {longest_sequence(model)} tokens at once, fewer than asked."
        )
    training = Training(work, model, tokenizer)
    if resumes and work.checkpoints.find() is None and not load_optimizer(folder, model, training.optimizer):
        work.events.write("warning", message=f"{folder} has no optimizer.safetensors: the optimizer starts anew.")
    return training.run(model_hash)


class Training:
    """A job of kind pretrain or continue, from its first step, or its checkpoint, to its outcome."""

    def __init__(self, work: Work, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        settings = work.job.settings
        self.work, self.job, self.model, self.tokenizer = work, work.job, model, tokenizer
        self.plan = Plan(settings)
        self.optimizer = make_optimizer(model, settings)
        self.stepper = Stepper(model, self.optimizer, settings, work.group)
        self.loader = make_loader(work, tokenizer, self.plan)
        self.measures = Measures(work, tokenizer, longest_sequence(model))
        self.flops = Flops(*count_parameters(model))
        self.progress = Progress(micro_batch=first_micro_batch(self.plan, len(tokenizer), work.device))
        self._clock, self._rate = time.monotonic(), 0.0
        if settings["dtype"] == "bfloat16" and self.stepper.dtype != "bfloat16":
            work.events.write("warning", message="bfloat16 is for GPUs; on this device the job computes in float32.")

    def run(self, model_hash: str | None) -> Outcome:
        """Trains, measures, and returns the outcome. Errors: LOSS_NOT_FINITE, OUT_OF_MEMORY, DISK_FULL, EMPTY_INPUT."""
        if (found := self.work.checkpoints.find()) is not None:
            self._load(found)
            self.progress = Progress(**read_state(found))
        for branch in self.plan.branches:
            if self.progress.branch is None and self._is_measured(branch):
                continue
            if self.progress.branch in (None, branch.end):
                self._read_branch(branch)
        return self._outcome(model_hash)

    def _read_branch(self, branch: Branch) -> None:
        progress = self.progress
        if progress.branch is None:
            if progress.step > branch.start:
                raise TrainerError(
                    "JOB_INVALID",
                    f"{self._reading_path(branch)} is gone. Remove {self.work.checkpoints.folder} to begin anew.",
                )
            while progress.step < branch.start:
                self.step(None)
            if branch.start < branch.end:
                self._keep(now=True)
                progress.branch = branch.end
        while progress.step < branch.end:
            self.step(branch)
        self._keep(now=True)
        if not self._is_measured(branch) and self.work.group.is_first:
            self._measure(branch)
        self.work.group.wait()
        if progress.branch is not None:
            if branch is not self.plan.branches[-1]:
                self._load(self.work.checkpoints.folder / "trunk")
                self.work.group.wait()
            progress.step, progress.branch = branch.start, None

    def step(self, branch: Branch | None) -> None:
        """
        Reads a batch, trains on it, tells of it, and saves where that is due. Errors: LOSS_NOT_FINITE, DISK_FULL, those
        of `Work.keep`.
        """
        progress, step = self.progress, self.progress.step
        rate = self.plan.learning_rate(step, branch)
        torch.manual_seed((self.job.seed * 1_000_003 + step) % (1 << 63))  # For models with dropout.
        batch = self.loader.batch(step)
        while (total := self._read(batch)) is None:
            self._halve()
        loss = self.stepper.update(total, rate)
        if not math.isfinite(loss):
            raise TrainerError(
                "LOSS_NOT_FINITE",
                f"The loss is not finite at step {step + 1} with learning rate {rate:g}. The checkpoint of before is "
                "kept. Plan the job with a lower learning rate.",
                step=step + 1,
                learningRate=rate,
            )
        progress.step += 1
        progress.steps_done += 1
        self._tell(loss, rate, branch)
        self._keep()

    def _read(self, batch: Batch) -> torch.Tensor | None:
        """The loss of a batch; None if it did not fit into the memory of some process, but a smaller part may."""
        total, told = None, None
        try:
            total = self.stepper.read(batch, self.progress.micro_batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            told = first_line(error)
        if not self.work.group.largest(int(total is None)):
            return total
        if self.progress.micro_batch == 1:
            raise TrainerError(
                "OUT_OF_MEMORY", f"One sequence does not fit into memory: {told or 'in another process'}."
            )
        return None

    def _halve(self) -> None:
        """Halves what goes through the model at once; the tokens of a step stay the same."""
        self.progress.micro_batch = (self.progress.micro_batch + 1) // 2
        self.optimizer.zero_grad(set_to_none=True)
        if self.work.device.type == "cuda":
            torch.cuda.empty_cache()
        count = self.progress.micro_batch
        self.work.events.write(
            "warning",
            code="OUT_OF_MEMORY",
            step=self.progress.step + 1,
            message=f"Out of memory: from now on {count} sequences at once; the tokens of a step stay the same.",
        )

    def _tell(self, loss: float, rate: float, branch: Branch | None) -> None:
        progress, now = self.progress, time.monotonic()
        speed = self.plan.batch_tokens / max(now - self._clock, 1e-9)
        self._rate, self._clock = (0.9 * self._rate + 0.1 * speed if self._rate else speed), now
        left = self.plan.steps_left(progress.step, branch) * self.plan.batch_tokens
        self.work.events.progress(
            progress.step,
            self.plan.steps,
            tokens=progress.step * self.plan.batch_tokens,
            loss=loss,
            learningRate=rate,
            tokensPerSecond=round(self._rate, 1),
            flops=self.flops.train(progress.steps_done * self.plan.batch_tokens)[0],
            secondsLeft=round(left / self._rate, 1),
            values=None if branch is None else {"reading": branch.end * self.plan.batch_tokens},
        )

    def _measure(self, branch: Branch) -> None:
        """Measures the model and writes the rows of a reading."""
        tokens = branch.end * self.plan.batch_tokens
        rows = self.measures.measure(
            self.model,
            tokens=tokens,
            step=branch.end,
            decayed=branch.start < branch.end,
            autocast=self.stepper.dtype == "bfloat16",
            check=self.work.check,
        )
        if self.job.settings["keepReadings"]:
            commit_folder(self.job.folder / "checkpoints" / f"tokens-{tokens}", self._save_model)
        path = self._reading_path(branch)
        path.parent.mkdir(exist_ok=True)
        commit_file(path, partial(pq.write_table, rows))
        self.work.events.write(
            "reading",
            step=branch.end,
            steps=self.plan.steps,
            tokens=tokens,
            flops=self.flops.train(tokens)[0],  # Of a run that ends here.
            values=summarize(rows),
        )
        self._clock = time.monotonic()

    def _is_measured(self, branch: Branch) -> bool:
        return self.work.group.from_first(self._reading_path(branch).exists)

    def _reading_path(self, branch: Branch) -> Path:
        """The rows of a reading, until all are in result.parquet. The name ties them to this job.json."""
        return self.work.parts / f"{self.job.sha256[:16]}-{branch.end}.parquet"

    def _keep(self, *, now: bool = False) -> None:
        progress = self.progress
        if self.work.keep(self._save, now=now, step=progress.step, tokens=progress.step * self.plan.batch_tokens):
            self._clock = time.monotonic()

    def _save(self, folder: Path) -> None:
        self._save_model(folder)
        save_optimizer(folder, self.model, self.optimizer)
        write_state(folder, asdict(self.progress))
        if self.progress.branch is not None:
            before = self.work.checkpoints.folder
            link_tree(before / "trunk" if (before / "trunk").is_dir() else before, folder / "trunk")

    def _save_model(self, folder: Path) -> None:
        self.model.save_pretrained(folder, max_shard_size="1000GB")
        self.tokenizer.save_pretrained(folder)

    def _load(self, folder: Path) -> None:
        saved = load_model(folder, trust=bool(self.job.data["model"].get("trustModelCode")))
        self.model.load_state_dict(saved.state_dict())
        load_optimizer(folder, self.model, self.optimizer)

    def _outcome(self, model_hash: str | None) -> Outcome:
        from .job import Outcome

        tokens = self.plan.steps * self.plan.batch_tokens
        trained = self.progress.steps_done * self.plan.batch_tokens
        read = self.loader.tokens_read(self.plan.steps)
        sources = [
            {"name": stream.name, "tokens": stream.tokens, "read": count, "passes": count / stream.tokens}
            for stream, count in read
        ]
        evaluated = self.flops.read(self.measures.tokens * len(self.plan.branches))

        def write(path: Path) -> int:
            tables = [pq.read_table(self._reading_path(branch)) for branch in self.plan.branches]
            table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
            pq.write_table(table, path)
            return table.num_rows

        every, without = self.flops.train(trained)
        return Outcome(
            write,
            model_hash,
            self.stepper.dtype,
            self.flops.parameters,
            self.flops.parameters_without_embeddings,
            every,
            without,
            tokens,
            sources[0]["passes"],
            {
                # A reading's own run is 6 N D of its tokens; `flops` counts every step, those of branches too.
                "tokensTrained": trained,
                "flopsOfMeasuring": evaluated[0],
                "sources": sources,
                "microBatch": self.progress.micro_batch,
            },
        )
