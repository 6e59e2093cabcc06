"""
The model of a job: a new one of a given size, a folder, or another job's checkpoint. Weights come as safetensors only,
and no code of a model runs, unless the job names its folder as trusted. Nothing is fetched from a network.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from .errors import TrainerError, first_line
from .files import sha256_file

if TYPE_CHECKING:
    from .job import Job

#: What a model's folder is made of; its hash is over these.
_hashed = ("config.json", "generation_config.json", "special_tokens_map.json", "vocab.json", "merges.txt")
_pickles = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.msgpack", "*.h5")


def hash_folder(folder: Path) -> str:
    """SHA-256 over the lines "NAME SHA256" of a folder's weights, config and tokenizer, sorted by name."""
    names = {path.name for pattern in ("*.safetensors", "tokenizer*.json") for path in folder.glob(pattern)}
    names |= {name for name in _hashed if (folder / name).is_file()}
    names.discard("optimizer.safetensors")
    names.discard("random.safetensors")
    lines = "".join(f"{name} {sha256_file(folder / name)}\n" for name in sorted(names))
    return hashlib.sha256(lines.encode()).hexdigest()


def pick_device() -> torch.device:
    """The GPU of this process if there is one, otherwise the CPU."""
    import os

    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def model_folder(job: Job, *, trained: bool = True) -> Path | None:
    """
    The folder of the job's model; None if it is a new one. Of another job, that is the model of its last reading, or,
    unless `trained`, the one before the learning rate fell, which training can go on from. Errors: INPUT_MISSING.
    """
    spec = job.data["model"]
    if "new" in spec:
        return None
    folder = job.path(spec.get("folder") or spec["checkpoint"])
    if "checkpoint" in spec:
        kept = sorted((folder / "checkpoints").glob("tokens-*"), key=lambda path: int(path.name.split("-")[1]))
        constant = folder / "checkpoint" / "trunk"
        if trained:
            folder = kept[-1] if kept else folder / "checkpoint"
        else:
            folder = constant if constant.is_dir() else folder / "checkpoint"
    if not (folder / "config.json").is_file():
        raise TrainerError("INPUT_MISSING", f"No model in {folder}: it has no config.json.")
    return folder


def check_model(job: Job, folder: Path) -> str:
    """
    Checks that a model's folder is what the job was written for and safe to load. Returns its hash. Errors:
    MODEL_UNSAFE, INPUT_CHANGED.
    """
    spec = job.data["model"]
    if not spec.get("trustModelCode"):
        check_safe(folder)
    found = hash_folder(folder)
    if spec.get("sha256") not in (None, found):
        raise TrainerError(
            "INPUT_CHANGED",
            f"The model in {folder} has changed since the job was written: its hash is {found}, job.json says "
            f"{spec['sha256']}. Restore it, or write the job again under another name.",
        )
    return found


def check_safe(folder: Path) -> None:
    """Errors: MODEL_UNSAFE if a model's folder has weights as pickles only, or needs code of its own."""
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for pattern in _pickles for path in folder.glob(pattern))
        what = f"as {pickles[0]}, which can run code when it is read" if pickles else "in no file that can be read"
        raise TrainerError(
            "MODEL_UNSAFE",
            f"The weights in {folder} are {what}. Save them as safetensors, or set trustModelCode beside the folder.",
        )
    for name in ("config.json", "tokenizer_config.json"):
        path = folder / name
        if path.is_file() and "auto_map" in json.loads(path.read_text(encoding="utf-8")):
            raise TrainerError(
                "MODEL_UNSAFE",
                f"{path} asks to run the model's own code. Set trustModelCode beside the folder if you trust it.",
            )


def load_model(folder: Path, *, trust: bool = False, device: torch.device | None = None) -> PreTrainedModel:
    """Loads a model in float32. Errors: MODEL_UNSAFE, JOB_INVALID if it cannot be loaded."""
    if not trust:
        check_safe(folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=None if trust else True,
            trust_remote_code=trust,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise TrainerError("JOB_INVALID", f"The model in {folder} cannot be loaded: {first_line(error)}") from error
    return model.to(device or torch.device("cpu"))


def job_model(job: Job, device: torch.device, *, trained: bool = True) -> tuple[PreTrainedModel, Path, str]:
    """The existing model that a job names, its folder and its hash. Errors: those of the functions above."""
    folder = model_folder(job, trained=trained)
    if folder is None:
        raise TrainerError("JOB_INVALID", f"A job of kind {job.kind} needs a model that exists.")
    found = check_model(job, folder)
    return load_model(folder, trust=bool(job.data["model"].get("trustModelCode")), device=device), folder, found


def new_model(spec: dict[str, Any], *, vocabulary: int, positions: int, end: int, seed: int) -> PreTrainedModel:
    """
    A new Llama-style model with random weights; those depend on its size and the seed alone, as they are drawn on the
    CPU. Errors: JOB_INVALID.
    """
    if spec["hidden"] % (2 * spec["heads"]) or spec["heads"] % spec["keyValueHeads"]:
        raise TrainerError(
            "JOB_INVALID",
            f"hidden ({spec['hidden']}) must be an even multiple of heads ({spec['heads']}), and heads a multiple of "
            f"keyValueHeads ({spec['keyValueHeads']}).",
        )
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=spec["hidden"],
        intermediate_size=spec["mlp"],
        num_hidden_layers=spec["layers"],
        num_attention_heads=spec["heads"],
        num_key_value_heads=spec["keyValueHeads"],
        max_position_embeddings=positions,
        tie_word_embeddings=spec["tieEmbeddings"],
        bos_token_id=end,
        eos_token_id=end,
        # No padding token: its embedding would get no gradient.
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).float()


def count_parameters(model: PreTrainedModel) -> tuple[int, int]:
    """The parameters of a model, with and without its embeddings; tied ones count once."""
    tables = {model.get_input_embeddings(), model.get_output_embeddings()} - {None}
    embeddings = {id(table.weight): table.weight.numel() for table in tables}
    every = {id(parameter): parameter.numel() for parameter in model.parameters()}
    total = sum(every.values())
    return total, total - sum(embeddings.values())


def longest_sequence(model: PreTrainedModel) -> int:
    """The most tokens that a model reads at once."""
    return int(getattr(model.config, "max_position_embeddings", None) or 2048)


def read_config(folder: Path) -> Any:
    """A model's config, without its weights."""
    return AutoConfig.from_pretrained(folder, local_files_only=True)


def make_model(job: Job, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """The new model of a job."""
    return new_model(
        job.data["model"]["new"],
        vocabulary=len(tokenizer),
        positions=job.settings["sequenceLength"],
        end=tokenizer.eos_token_id,
        seed=job.seed,
    )
