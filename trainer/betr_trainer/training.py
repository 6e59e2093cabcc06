"""
What the kinds that train with transformers' Trainer share (sft, dpo): its settings, events, checkpoints at the job's
interval and on SIGTERM, and smaller batches where the memory is too small. Trainer saves its state as pickles; here it
is saved as the rest of the worker's checkpoints, tensors as safetensors and numbers as JSON.
"""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import accelerate  # noqa: F401 (Trainer needs it, and says so only when it is made.)
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch.utils.data import Sampler, SequentialSampler
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed

from .checkpoint import (
    load_optimizer,
    load_random_state,
    read_state,
    save_optimizer,
    save_random_state,
    write_state,
)
from .errors import TrainerError, is_out_of_memory
from .files import commit_folder
from .flops import Flops
from .result_log import ResultLog
from .speed import Speed

if TYPE_CHECKING:
    from .job import Job, Work

_STATE = "trainer_state.json"
_optimizers = {"adamw": "adamw_torch", "sgd": "sgd", "rmsprop": "rmsprop"}
_schedules = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}


A = TypeVar("A", bound=TrainingArguments)


def make_arguments(kind: type[A], work: Work, rows: int, micro: int, **more: Any) -> A:
    """The arguments of a Trainer for so many training rows, `micro` of them at once on the device."""
    settings = work.job.settings
    steps = count_steps(settings, rows)
    arguments = kind(
        output_dir=str(work.job.folder),
        seed=work.job.seed,
        data_seed=work.job.seed,
        per_device_train_batch_size=micro,
        per_device_eval_batch_size=micro,
        gradient_accumulation_steps=settings["batchSize"] // micro,
        num_train_epochs=settings["epochs"],
        max_steps=settings.get("steps", -1),
        learning_rate=settings["learningRate"],
        optim=_optimizers[settings["optimizer"]],
        lr_scheduler_type=_schedules[settings["schedule"]],
        warmup_steps=math.ceil(settings["warmupShare"] * steps),
        weight_decay=settings["weightDecay"],
        max_grad_norm=settings["gradientClip"],
        bf16=is_half(work),
        use_cpu=work.device.type == "cpu",
        gradient_checkpointing=work.device.type == "cuda",
        dataloader_pin_memory=work.device.type == "cuda",
        remove_unused_columns=False,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **more,
    )
    # With several GPUs in sight, Trainer would spread a batch over them, and a step would see more rows.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def count_steps(settings: dict[str, Any], rows: int) -> int:
    """The steps of a job with so many training rows."""
    return settings.get("steps") or math.ceil(rows / settings["batchSize"]) * settings["epochs"]


def count_passes(settings: dict[str, Any], rows: int) -> float:
    """How often each of so many training rows is seen."""
    return count_steps(settings, rows) / math.ceil(rows / settings["batchSize"])


def is_half(work: Work) -> bool:
    """Whether the job computes in bfloat16."""
    dtype = work.job.settings["dtype"]
    return dtype == "bfloat16" or (dtype == "auto" and work.device.type == "cuda")


def prepare_model(work: Work, model: PreTrainedModel) -> PreTrainedModel | PeftModel:
    """The model to train: without its own dropout, and with new LoRA weights on all projections where asked for."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    lora = work.job.settings["lora"]
    if lora is None:
        return model
    if is_half(work):
        model = model.to(torch.bfloat16)  # The LoRA weights stay in float32.
    set_seed(work.job.seed)
    config = LoraConfig(
        r=lora["r"],
        lora_alpha=lora["alpha"],
        lora_dropout=lora["dropout"],
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(model, config)
    if work.device.type == "cuda":
        # Activation checkpointing passes no gradient through frozen embeddings otherwise.
        model.enable_input_require_grads()
    return model


class JobTrainer(Trainer):
    """A Trainer that works on a job, with results that are ready before the job is in `results`."""

    def __init__(self, *arguments: Any, work: Work, results: ResultLog, **more: Any) -> None:
        self.work, self.results = work, results
        #: The tokens trained on, interrupted runs included.
        self.tokens = self.saved_step = 0
        super().__init__(*arguments, **more)
        self.remove_callback(PrinterCallback)
        self.add_callback(_AfterStep(self))

    def points(self, steps: int) -> set[int]:
        """The steps, of so many, after which `at_point` is called."""
        return set()

    def at_point(self, step: int) -> None:
        """
        Called after each step of `points`, when its checkpoint is saved. After an interruption it may be called for the
        same one again.
        """

    def run(self) -> None:
        """Trains, or goes on from the job's checkpoint."""
        found = self.work.checkpoints.find()
        resumable = found is not None and (found / _STATE).exists()
        # Work before the training, some of it not done again after an interruption, may have drawn random numbers.
        set_seed(self.work.job.seed)
        self.train(resume_from_checkpoint=str(found) if resumable else None)
        if self.saved_step != self.state.global_step:
            self.work.keep(self.save, now=True, step=self.state.global_step)

    def save(self, folder: Path) -> None:
        """Fills the folder of a checkpoint."""
        model = self.accelerator.unwrap_model(self.model)
        model.save_pretrained(folder)
        self.processing_class.save_pretrained(folder)
        save_optimizer(folder, model, self.optimizer)
        save_random_state(folder)
        write_state(folder, {"tokens": self.tokens, "schedule": self.lr_scheduler.state_dict()})
        self.state.save_to_json(str(folder / _STATE))
        self.results.save(folder)
        self.saved_step = self.state.global_step

    def training_step(self, model: torch.nn.Module, inputs: dict[str, Any], *more: Any, **named: Any) -> torch.Tensor:
        self.tokens += int(inputs["attention_mask"].sum())
        return super().training_step(model, inputs, *more, **named)

    def losses(self) -> list[dict[str, float]]:
        """What Trainer logged of each step, those before an interruption included."""
        return [entry for entry in self.state.log_history if "loss" in entry]

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler | None:
        if self.work.job.settings["order"] == "sequential":
            return SequentialSampler(self.train_dataset if train_dataset is None else train_dataset)
        return super()._get_train_sampler(train_dataset)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        folder = Path(checkpoint)
        state = read_state(folder)
        self.tokens = state["tokens"]
        load_optimizer(folder, self.accelerator.unwrap_model(self.model), self.optimizer)
        self.lr_scheduler.load_state_dict(state["schedule"])
        for group, rate in zip(self.optimizer.param_groups, self.lr_scheduler.get_last_lr(), strict=True):
            group["lr"] = rate

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            load_random_state(Path(checkpoint))


class _AfterStep(TrainerCallback):
    """Trainer logs at the very end of a step: its loss is known, its weights are final."""

    def __init__(self, trainer: JobTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._speed = Speed(state.max_steps)
        self._points = self._trainer.points(state.max_steps)
        self._trainer.saved_step = state.global_step
        self._at_point(state)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        if "loss" not in logs:
            return
        trainer, step = self._trainer, state.global_step
        self._check(logs, step)
        trainer.work.events.progress(
            step,
            state.max_steps,
            loss=logs["loss"],
            learningRate=logs["learning_rate"],
            tokens=trainer.tokens,
            secondsLeft=self._speed.seconds_left(step),
            values={name: logs[name] for name in ("rewards/margins", "rewards/accuracies") if name in logs} or None,
        )
        trainer.work.keep(trainer.save, now=step in self._points, step=step, tokens=trainer.tokens)
        self._at_point(state)

    def _at_point(self, state: Any) -> None:
        if state.global_step in self._points:
            self._trainer.at_point(state.global_step)

    def _check(self, logs: dict[str, float], step: int) -> None:
        """Errors: LOSS_NOT_FINITE. The weights of this step are lost; the checkpoint is older."""
        for what in ("loss", "grad_norm"):
            if not math.isfinite(logs.get(what, 0.0)):
                name = {"loss": "loss", "grad_norm": "gradient's norm"}[what]
                raise TrainerError(
                    "LOSS_NOT_FINITE",
                    f"The {name} is {logs[what]} at step {step}, at learning rate {logs['learning_rate']:g}. The last "
                    "good checkpoint is kept. Lower the learning rate or the gradient clip in a new job.",
                )


T = TypeVar("T", bound=JobTrainer)


def train(work: Work, make: Callable[[int], T], most: int | None = None) -> T:
    """
    Trains with the trainer that `make` makes for so many rows at once on the device: the whole batch, or the largest
    part of it that is at most `most` and fits into the memory; a step sees the same rows either way.
    """
    for micro in batch_parts(work.job.settings["batchSize"]):
        if most is not None and micro > most:
            continue
        reason = None
        try:
            with warnings.catch_warnings():
                # Libraries tell of names that will change; a range of their versions has to do.
                warnings.simplefilter("ignore", FutureWarning)
                trainer = make(micro)
                trainer.run()
            return trainer
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or micro == 1:
                raise
            reason = str(error).splitlines()[0]
        # Outside the handler, where the error's frames no longer hold the memory.
        trainer = None
        gc.collect()
        torch.cuda.empty_cache()
        work.events.write("warning", message=f"{micro} rows at once do not fit into the memory: {reason}")
    raise AssertionError


def batch_parts(batch: int) -> Iterator[int]:
    """The batch size and ever smaller parts that divide it."""
    while True:
        yield batch
        if batch == 1:
            return
        batch //= next(divisor for divisor in range(2, batch + 1) if batch % divisor == 0)


def keep_merged(trainer: JobTrainer) -> None:
    """Of a model with LoRA weights, keeps the whole one, merged, where other jobs and people look for it."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if isinstance(model, PeftModel):

        def save(folder: Path) -> None:
            model.merge_and_unload().save_pretrained(folder)
            trainer.processing_class.save_pretrained(folder)

        kept = trainer.work.job.folder / "checkpoints"
        kept.mkdir(exist_ok=True)
        commit_folder(kept / f"tokens-{trainer.tokens}", save)


def count_flops(job: Job, flops: Flops, trainable: int, tokens: int) -> tuple[float, float]:
    """
    FLOPs of training, with and without embeddings. Frozen weights take part in the forward pass and pass gradients
    on, but have none of their own: 4 instead of 6 each.
    """
    if job.settings["lora"] is None:
        return flops.train(tokens)
    both = [2 * forward + 2.0 * trainable * tokens for forward in flops.read(tokens)]
    return both[0], both[1]
