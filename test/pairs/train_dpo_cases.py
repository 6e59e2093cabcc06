"""
What Python makes of selections of pairs: python train_dpo_cases.py CASE ARGUMENT…; the last line of output is JSON.

models FOLDER: makes two tiny models, one/ and two/. references SELECTION MODEL: the log probabilities that TRL
computes for each pair. formats SELECTION…: the columns that datasets finds. training SELECTION MODEL OTHER: what
train_dpo.py does.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

from datasets import load_dataset
from small_jobs import make_model

from betr_trainer.tokenizer import PLAIN_CHAT_TEMPLATE

TINY = {
    "use_cpu": True,
    "bf16": False,
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "max_steps": 10,
    "logging_steps": 1,
    "save_strategy": "no",
    "gradient_checkpointing": False,
    "dataloader_pin_memory": False,
}


def script_of(selection: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_dpo", Path(selection) / "train_dpo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trainer_of(selection: str, model: str, references: str = "file", **training: object) -> object:
    script = script_of(selection)
    config = script.read_config(Path(selection) / "train_dpo.yaml")
    config.update(model=model, references=references, lora=None)
    config["training"].update(TINY, **training)
    return script.make_trainer(config)


def refusal(*arguments: object, **training: object) -> str:
    try:
        trainer_of(*arguments, **training)
    except SystemExit as end:
        return str(end)
    return "accepted"


def run(trainer: object) -> dict:
    """The chosen texts of the first steps, and the losses."""
    seen = []
    compute = trainer.compute_loss

    def watch(model: object, inputs: dict, *rest: object, **more: object) -> object:
        seen.append(trainer.processing_class.decode(inputs["input_ids"][0]))
        return compute(model, inputs, *rest, **more)

    trainer.compute_loss = watch
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"compared": trainer.compared, "seen": seen, "losses": losses}


def models(folder: str) -> dict:
    for seed, name in enumerate(("one", "two")):
        make_model(Path(folder) / name, chat=True, seed=seed)
    return {}


def references(selection: str, model: str) -> dict:
    rows = trainer_of(selection, model, precompute_ref_log_probs=True).train_dataset
    return {row["id"]: [row["ref_chosen_logps"], row["ref_rejected_logps"]] for row in rows}


def formats(*selections: str) -> list:
    found = []
    for selection in selections:
        rows = load_dataset("json", data_files=str(Path(selection) / "train.jsonl"), split="train")
        found.append({"rows": len(rows), "columns": rows.column_names})
    return found


def training(selection: str, model: str, other: str) -> dict:
    return {
        "plain": script_of(selection).PLAIN == PLAIN_CHAT_TEMPLATE,
        "file": run(trainer_of(selection, model, learning_rate=1e-3)),
        "recomputed": run(trainer_of(selection, model, "recompute", learning_rate=1e-3)),
        "random": run(trainer_of(selection, model, train_sampling_strategy="random")),
        "other": refusal(selection, other),
        "shorter": refusal(selection, model, max_length=48),
    }


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
