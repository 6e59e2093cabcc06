"""What a job of kind pretrain or continue trains on: its inputs, and the share of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transformers import PreTrainedTokenizerBase

from .errors import TrainerError
from .loader import Loader, Stream
from .schedule import Plan
from .tokens import token_file

if TYPE_CHECKING:
    from .job import Work


def make_loader(work: Work, tokenizer: PreTrainedTokenizerBase, plan: Plan) -> Loader:
    """The batches of a job, from the inputs that are neither measured nor left aside. Errors: EMPTY_INPUT."""
    job, settings = work.job, work.job.settings
    rehearsed = settings.get("rehearse")
    apart = {each["input"] for each in settings["evaluations"]} | ({rehearsed["input"]} if rehearsed else set())
    for name in apart:
        job.inputs_named(name)
    names = list(dict.fromkeys(each.name for each in job.inputs if each.name not in apart))
    if not names:
        raise TrainerError("JOB_INVALID", "The job has no input to train on.")
    weights = {each.name: each.weight for each in job.inputs if each.weight is not None}

    def stream(name: str) -> Stream:
        files = [token_file(work, each, tokenizer, settings["textField"]) for each in job.inputs_named(name)]
        made = Stream(name, files, job.seed)
        if made.tokens == 0:
            raise TrainerError("EMPTY_INPUT", f'Input "{name}" has no documents to train on.')
        return made

    streams = [stream(name) for name in names]
    # Without weights, every source has the share of its tokens.
    sources = [(each, weights.get(each.name, each.tokens if not weights else 1.0)) for each in streams]
    if rehearsed:
        total = sum(weight for _, weight in sources)
        share = rehearsed["share"]
        sources = [(each, weight / total * (1 - share)) for each, weight in sources if share < 1]
        sources += [(stream(rehearsed["input"]), share)] if share > 0 else []
    return Loader(sources, steps=plan.steps, sequences=plan.sequences, length=plan.length, seed=job.seed)
