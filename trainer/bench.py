"""
The speed of a job of kind `pretrain` beside a bare PyTorch loop that trains the same model on tokens that are there
already, in turns, and the memory of each at its peak, in a process of its own.

python trainer/bench.py [--model 1m|4m|14m] [--threads 2] [--rounds 7] [--seconds 4] [--json]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TQDM_DISABLE", "1")

import torch
import torch.nn.functional as F

from betr_trainer.events import Events
from betr_trainer.job import Work, read_job
from betr_trainer.lease import take_lease
from betr_trainer.measure import peak_memory
from betr_trainer.model import count_parameters, make_model, pick_device
from betr_trainer.pretrain import Training
from betr_trainer.tokenizer import load_tokenizer, train_tokenizer

#: 1.3, 4.2 and 13.8 million parameters with 4,096 tokens.
MODELS = {
    "1m": {"hidden": 128, "layers": 4, "heads": 4, "keyValueHeads": 4, "mlp": 344},
    "4m": {"hidden": 256, "layers": 4, "heads": 4, "keyValueHeads": 4, "mlp": 688},
    "14m": {"hidden": 384, "layers": 7, "heads": 6, "keyValueHeads": 6, "mlp": 1024},
}
LENGTH, SEQUENCES, VOCABULARY = 512, 16, 4096


def write_job(root: Path, size: str, threads: int) -> Path:
    """A job on made-up documents of 20 to 800 words."""
    draw = random.Random(0)
    syllables = [first + second for first in "bcdfghklmnprstvz" for second in ("a", "e", "i", "o", "u", "an", "er")]
    lexicon = ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(8000)]
    texts = [" ".join(draw.choices(lexicon, k=draw.randint(20, 800))) for _ in range(2000)]
    train_tokenizer(iter(texts), VOCABULARY).save_pretrained(root / "tokenizer")
    train = root / "train.jsonl"
    train.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    folder = root / "job"
    folder.mkdir()
    job = {
        "version": 1,
        "kind": "pretrain",
        "model": {"new": MODELS[size]},
        "tokenizer": {"folder": "../tokenizer"},
        "inputs": [
            {"name": "train", "path": "../train.jsonl", "sha256": hashlib.sha256(train.read_bytes()).hexdigest()}
        ],
        "settings": {
            "tokens": 10**9,
            "sequenceLength": LENGTH,
            "batchTokens": SEQUENCES * LENGTH,
            "learningRate": 1e-3,
        },
        "limits": {"threads": threads},
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return folder


def worker(folder: Path) -> tuple[Callable[[], object], int]:
    """A step of the job, and the parameters of its model."""
    lease = take_lease(folder / "lease")
    assert lease is not None
    job = read_job(folder)
    work = Work(job, Events(folder / "events.jsonl"), lease, pick_device())
    tokenizer = load_tokenizer(folder.parent / "tokenizer")
    training = Training(work, make_model(job, tokenizer).to(work.device), tokenizer)
    return lambda: training.step(None), count_parameters(training.model)[0]


def bare(folder: Path) -> Callable[[], object]:
    """A step of the bare loop: no documents, no masks, no events, no checkpoints."""
    device = pick_device()
    tokenizer = load_tokenizer(folder.parent / "tokenizer")
    model = make_model(read_job(folder), tokenizer).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    ids = torch.randint(len(tokenizer), (SEQUENCES, LENGTH + 1), device=device)
    bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            logits = model(ids[:, :-1], use_cache=False).logits
        F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def rate(step: Callable[[], object], seconds: float) -> float:
    """Tokens a second of steps for at least so long."""
    started, steps = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds or steps == 0:
        step()
        steps += 1
        if torch.cuda.is_available():
            torch.cuda.synchronize()
    return steps * SEQUENCES * LENGTH / elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=MODELS, default="1m")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.peak:
        which, folder = options.peak
        step = worker(Path(folder))[0] if which == "worker" else bare(Path(folder))
        for _ in range(5):
            step()
        print(peak_memory(pick_device()) / 1e6)
        return
    with tempfile.TemporaryDirectory() as root:
        folder = write_job(Path(root), options.model, options.threads)
        sys.stdout, shown = open(os.devnull, "w"), sys.stdout  # noqa: SIM115 (the events of the job)
        ours, parameters = worker(folder)
        theirs = bare(folder)
        pairs = []
        for number in range(options.rounds + 1):
            turn = (ours, theirs) if number % 2 else (theirs, ours)
            rates = {step: rate(step, options.seconds) for step in turn}
            pairs.append((rates[ours], rates[theirs]))
        del pairs[0]  # Both allocate.
        sys.stdout = shown
        (folder / "lease").unlink(missing_ok=True)
        command = [sys.executable, __file__, "--model", options.model, "--threads", str(options.threads), "--peak"]
        memory = {
            which: float(
                subprocess.run(
                    [*command, which, str(folder)], capture_output=True, text=True, check=True
                ).stdout.split()[-1]
            )
            for which in ("worker", "bare")
        }
    shares = sorted(mine / other for mine, other in pairs)
    report = {
        "model": options.model,
        "parameters": parameters,
        "threads": options.threads,
        "device": str(pick_device()),
        "workerTokensPerSecond": round(statistics.median(mine for mine, _ in pairs)),
        "bareTokensPerSecond": round(statistics.median(other for _, other in pairs)),
        "share": round(statistics.median(shares), 3),
        "shares": [round(share, 3) for share in shares],
        "workerPeakMb": round(memory["worker"]),
        "barePeakMb": round(memory["bare"]),
    }
    if options.json:
        print(json.dumps(report))
        return
    print(f"{parameters / 1e6:.1f}M parameters, {report['device']}, {options.threads} threads, {len(pairs)} pairs")
    print(f"worker     {report['workerTokensPerSecond']:>9,} tokens/s   peak {report['workerPeakMb']:,} MB")
    print(f"bare loop  {report['bareTokensPerSecond']:>9,} tokens/s   peak {report['barePeakMb']:,} MB")
    print(f"the worker reaches {report['share']:.1%} of the bare loop ({shares[0]:.1%} to {shares[-1]:.1%})")


if __name__ == "__main__":
    main()
