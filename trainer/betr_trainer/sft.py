"""
Job kind sft: trains a model on prompts with answers, or on conversations. The loss is over the answers' tokens alone,
those that end an answer included; each token of a batch counts the same. The loop is transformers' Trainer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from transformers import TrainingArguments

from .conversations import ConversationEncoder, Example, read_example, read_rows
from .flops import Flops
from .model import count_parameters, job_model, longest_sequence
from .result_log import ResultLog
from .tokenizer import job_tokenizer
from .training import JobTrainer, count_flops, is_half, keep_merged, make_arguments, prepare_model, train

if TYPE_CHECKING:
    from .job import Outcome, Work

_IGNORED = -100


def collate(examples: Sequence[Example]) -> dict[str, Tensor]:
    """A batch, padded at its end; labels are the answers' tokens."""
    width = max(len(example.ids) for example in examples)
    ids, mask = torch.zeros(2, len(examples), width, dtype=torch.long)
    labels = torch.full_like(ids, _IGNORED)
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        mask[row, : len(example.ids)] = 1
        for start, end in example.answers:
            labels[row, start:end] = ids[row, start:end]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def run_sft(work: Work) -> Outcome:
    """The job kind `sft`: one row a step."""
    from .job import Outcome

    job = work.job
    loaded, folder, model_hash = job_model(job, work.device)
    every, without = count_parameters(loaded)
    tokenizer = job_tokenizer(job, folder, loaded.get_input_embeddings().weight.shape[0])
    encoder = ConversationEncoder(tokenizer, min(job.settings["maxLength"], longest_sequence(loaded)))
    examples = read_rows(work, "examples", lambda id, row: encoder.example(id, *read_example(row)))
    results = ResultLog(work)

    def make(micro: int) -> JobTrainer:
        nonlocal loaded
        model, loaded = loaded or job_model(job, work.device)[0], None
        return JobTrainer(
            model=prepare_model(work, model),
            args=make_arguments(TrainingArguments, work, len(examples), micro),
            train_dataset=examples,
            data_collator=collate,
            processing_class=tokenizer,
            work=work,
            results=results,
        )

    trainer = train(work, make)
    trainable = sum(each.numel() for each in trainer.model.parameters() if each.requires_grad)
    keep_merged(trainer)
    rows = [
        {"step": each["step"], "epoch": each["epoch"], "loss": each["loss"], "learning_rate": each["learning_rate"]}
        for each in trainer.losses()
    ]
    return Outcome(
        lambda path: _write(path, rows),
        model_hash,
        "bfloat16" if is_half(work) else "float32",
        every,
        without,
        *count_flops(job, Flops(every, without), trainable, trainer.tokens),
        trainer.tokens,
        float(job.settings["epochs"]),
    )


def _write(path: Path, rows: list[dict[str, float]]) -> int:
    columns = [("step", pa.int64()), ("epoch", pa.float64()), ("loss", pa.float64()), ("learning_rate", pa.float64())]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(columns)), path)
    return len(rows)
