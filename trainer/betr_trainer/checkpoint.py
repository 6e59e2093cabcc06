"""
The newest good checkpoint of a job: `checkpoint/`, a folder with a Hugging Face model, its optimizer's state, and
state.json. It is replaced as a whole, so a kill or a full disk leaves the one before. Tensors are safetensors, the
rest is JSON: nothing in a checkpoint is code.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from .errors import TrainerError
from .files import commit_folder, commit_text, recover_folder

if TYPE_CHECKING:
    from .job import Job


class Checkpoints:
    """Saves and finds a job's checkpoint."""

    def __init__(self, job: Job) -> None:
        self.folder = job.folder / "checkpoint"
        self._job = job
        self._started = time.monotonic()
        self._resumed, self._seconds_before = 0, 0.0

    def begin(self) -> tuple[int, float]:
        """
        Call once, before work. Returns how often the job was resumed, and its seconds up to its checkpoint. Errors:
        JOB_INVALID if the checkpoint is of another job.json.
        """
        recover_folder(self.folder)
        found = self.find()
        if found is not None:
            stamp = read_state(found, "stamp.json")
            if stamp["job"] != self._job.sha256:
                raise TrainerError(
                    "JOB_INVALID",
                    f"{found} is of another job.json, so this one has changed since. Copy job.json into an empty "
                    "folder, or restore it.",
                )
            self._resumed, self._seconds_before = stamp["resumed"] + 1, stamp["seconds"]
            self._write_stamp(found)
        return self._resumed, self._seconds_before

    def find(self) -> Path | None:
        """The folder of the newest checkpoint; None if there is none."""
        return self.folder if self.folder.is_dir() else None

    def save(self, fill: Callable[[Path], object]) -> None:
        """Makes what `fill` writes into the folder it gets the newest checkpoint. Errors: DISK_FULL."""

        def write(folder: Path) -> None:
            fill(folder)
            self._write_stamp(folder)

        commit_folder(self.folder, write)

    def _write_stamp(self, folder: Path) -> None:
        seconds = self._seconds_before + time.monotonic() - self._started
        stamp = {"job": self._job.sha256, "resumed": self._resumed, "seconds": round(seconds, 3)}
        commit_text(folder / "stamp.json", json.dumps(stamp))


def write_state(folder: Path, state: dict[str, Any], name: str = "state.json") -> None:
    """Writes the numbers and words of a checkpoint."""
    (folder / name).write_text(json.dumps(state), encoding="utf-8")


def read_state(folder: Path, name: str = "state.json") -> dict[str, Any]:
    """Reads what `write_state` wrote. Errors: JOB_INVALID if it is damaged."""
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainerError("JOB_INVALID", f"{folder / name} is damaged: {error}. Remove {folder}.") from error


def save_optimizer(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """
    Writes an optimizer's state as optimizer.safetensors, by the parameters' names: `exp_avg.NAME`, `exp_avg_sq.NAME`
    and so on, and one `step`.
    """
    tensors: dict[str, torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            if key == "step":
                tensors["step"] = torch.as_tensor(value, dtype=torch.float32).detach().cpu().reshape(1)
            elif torch.is_tensor(value):
                tensors[f"{key}.{name}"] = value.detach().cpu().contiguous()
    if tensors:
        save_file(tensors, folder / "optimizer.safetensors")


def load_optimizer(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> bool:
    """Loads what `save_optimizer` wrote; False if the folder has none. Errors: JOB_INVALID if it does not fit."""
    path = folder / "optimizer.safetensors"
    if not path.exists():
        return False
    tensors = load_file(path)
    step = tensors.pop("step", torch.zeros(1)).reshape(())
    parameters = dict(model.named_parameters())
    state: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        slot, _, name = key.partition(".")
        if name not in parameters or value.shape != parameters[name].shape:
            raise TrainerError("JOB_INVALID", f"{path} is not of this model: {key} does not fit.")
        state.setdefault(name, {})[slot] = value.to(parameters[name].device)
    for name, slots in state.items():
        on_device = any(group.get("fused") or group.get("capturable") for group in optimizer.param_groups)
        its_step = step.clone().to(parameters[name].device) if on_device else step.clone()
        optimizer.state[parameters[name]] = {"step": its_step, **slots}
    return True


def save_random_state(folder: Path) -> None:
    """Writes the state of torch's random numbers, of the CPU and of every GPU."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda{index}": state for index, state in enumerate(torch.cuda.get_rng_state_all())}
    save_file(states, folder / "random.safetensors")


def load_random_state(folder: Path) -> None:
    """Loads what `save_random_state` wrote."""
    states = load_file(folder / "random.safetensors")
    torch.set_rng_state(states.pop("cpu"))
    if states and torch.cuda.is_available() and torch.cuda.device_count() == len(states):
        torch.cuda.set_rng_state_all([states[f"cuda{index}"] for index in range(len(states))])


def link_tree(source: Path, target: Path) -> None:
    """Copies a folder of files that are never written to again, by links where the disk has them."""
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_file():
            try:
                (target / entry.name).hardlink_to(entry)
            except OSError:
                shutil.copyfile(entry, target / entry.name)
