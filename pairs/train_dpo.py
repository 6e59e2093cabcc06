"""
Trains a model on the pairs beside this file, easiest first: python train_dpo.py --model MODEL

Settings are in train_dpo.yaml. This needs Python 3.10 with torch, datasets, peft, PyYAML, and trl 1.16 or later. By
default, TRL draws the pairs at random, and it cannot use log probabilities of the reference model that are in the file.
This script trains in the order of the file. It uses the file's log probabilities after comparing some with the model.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
import yaml
from datasets import Dataset, load_dataset
from peft import LoraConfig
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer

HERE = Path(__file__).parent
REFERENCES = ["ref_chosen_logps", "ref_rejected_logps"]
COMPARED = 32
PLAIN = (
    "{{ bos_token }}{% for message in messages %}{% if not loop.first %}{{ '\n\n' }}{% endif %}"
    "{{ message['role'] | capitalize }}: {{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '\n\nAssistant:' }}{% endif %}"
)


class OrderedTrainer(DPOTrainer):
    """TRL's trainer with the file's log probabilities of the reference model."""

    compared = 0

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        """TRL calls this to add the two columns, and fails if they are there already."""
        if not set(REFERENCES) <= set(dataset.column_names):
            return super()._precompute_ref_logps(dataset, name, batch_size)
        some = dataset.select(rows_to_compare(dataset))
        again = super()._precompute_ref_logps(some.remove_columns(REFERENCES), name, batch_size)
        tolerance = 0.02 if self.args.bf16 or self.args.fp16 or self.model.dtype != torch.float32 else 0.001
        refuse_others(some, again, tolerance, self.args.max_length)
        self.compared = len(some)
        return dataset


def rows_to_compare(dataset: Dataset) -> list[int]:
    """The longest rows, which another maximum length cuts, and as many from easy to hard."""
    if len(dataset) <= COMPARED:
        return list(range(len(dataset)))
    sides = [dataset[f"{side}_ids"] for side in ("prompt", "chosen", "rejected")]
    lengths = [len(prompt) + max(len(one), len(other)) for prompt, one, other in zip(*sides, strict=True)]
    half = COMPARED // 2
    longest = sorted(range(len(dataset)), key=lambda row: -lengths[row])[:half]
    spread = [round(part * (len(dataset) - 1) / (half - 1)) for part in range(half)]
    return sorted({*longest, *spread})


def refuse_others(file: Dataset, model: Dataset, tolerance: float, max_length: int | None) -> None:
    """Ends the program if the file's log probabilities are not the model's. `tolerance` is in nats a token."""
    wrong = []
    for before, now in zip(file, model, strict=True):
        for side in ("chosen", "rejected"):
            given, found = before[f"ref_{side}_logps"], now[f"ref_{side}_logps"]
            if not abs(given - found) <= tolerance * (len(before[f"{side}_ids"]) + 10):
                wrong.append((before.get("id"), side, given, found))
    if wrong:
        id, side, given, found = wrong[0]
        raise SystemExit(
            f"The log probabilities in the file are not those of this model: of {2 * len(file)} compared answers, "
            f"{len(wrong)} differ. For the {side} answer of pair {id!r}, the file has {given:.2f}, and the model "
            f"{found:.2f}. They were computed with another model, chat template or maximum length (now {max_length}). "
            "Train that model in that way, or set references: recompute in train_dpo.yaml."
        )


def read_config(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def make_trainer(config: dict[str, Any]) -> OrderedTrainer:
    """The trainer that a configuration describes."""
    if not hasattr(DPOTrainer, "_precompute_ref_logps"):
        raise SystemExit("This script needs trl 1.16 or later, below 2: pip install 'trl>=1.16,<2'")
    if not config.get("model"):
        raise SystemExit("Name the model to train: --model, or model in train_dpo.yaml.")
    rows = load_dataset("json", data_files=str(HERE / config["data"]), split="train")
    if config.get("references") == "recompute" and set(REFERENCES) <= set(rows.column_names):
        rows = rows.remove_columns(REFERENCES)
    tokenizer = AutoTokenizer.from_pretrained(config["model"])
    if config.get("chat_template"):
        template = config["chat_template"]
        tokenizer.chat_template = PLAIN if template == "plain" else (HERE / template).read_text(encoding="utf-8")
    if tokenizer.chat_template is None and not isinstance(rows[0]["prompt"], str):
        raise SystemExit(
            f"{config['model']} has no chat template, and the pairs are conversations. In train_dpo.yaml, set "
            "chat_template to plain, or to a file with a Jinja template."
        )
    half = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    training = {
        "bf16": half,
        "train_sampling_strategy": "sequential",
        "precompute_ref_log_probs": set(REFERENCES) <= set(rows.column_names),
        "output_dir": str(HERE / config["output"]),
        "report_to": "none",
        **config["training"],
    }
    trainer = OrderedTrainer(
        model=config["model"],
        args=DPOConfig(**training),
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=LoraConfig(task_type="CAUSAL_LM", **config["lora"]) if config.get("lora") else None,
    )
    dropped = len(rows) - len(trainer.train_dataset)
    print(
        f"{len(trainer.train_dataset)} pairs in the order of {config['data']}"
        + (f"; TRL dropped {dropped} whose prompt alone fills the maximum length" if dropped else "")
    )
    if trainer.compared:
        print(f"reference log probabilities of the file, compared with the model on {trainer.compared} pairs")
    else:
        print("reference log probabilities are computed by TRL")
    return trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder or the name of a model on the Hugging Face hub")
    parser.add_argument("--output", help="folder for the trained model")
    parser.add_argument("--config", default=HERE / "train_dpo.yaml", type=Path)
    parser.add_argument("--check", action="store_true", help="only prepare the pairs and compare log probabilities")
    options = parser.parse_args()
    config = read_config(options.config)
    config.update({name: value for name in ("model", "output") if (value := getattr(options, name))})
    trainer = make_trainer(config)
    if not options.check:
        trainer.train()
        trainer.save_model()
        print(f"saved in {trainer.args.output_dir}")


if __name__ == "__main__":
    main()
