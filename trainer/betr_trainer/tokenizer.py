"""
Tokenizers: a model's own, a new byte-level BPE trained on documents (the job kind `tokenizer`), and the named one
`bytes`, whose tokens are the 256 bytes. New ones put the end-of-text token before each text, so that its first token
has a probability too, and every reader of the folder does the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from .errors import TrainerError, first_line
from .model import hash_folder

if TYPE_CHECKING:
    from .job import Job, Outcome, Work

END_OF_TEXT = "<|endoftext|>"

#: The chat template `plain`: "User: ...", an empty line, "Assistant: ...", and the end-of-text token after an answer.
PLAIN_CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if not loop.first %}{{ '\n\n' }}{% endif %}"
    "{{ message['role'] | capitalize }}: {{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '\n\nAssistant:' }}{% endif %}"
)


def byte_tokenizer(*, end: bool = True) -> PreTrainedTokenizerBase:
    """
    The tokenizer `bytes`: a byte is its own token, and 256 is the end-of-text token. `end=False` is for models that
    know the 256 bytes alone.
    """
    order = [letter for _, letter in sorted(_byte_letters().items())]
    bpe = Tokenizer(models.BPE(vocab={letter: byte for byte, letter in enumerate(order)}, merges=[]))
    return _finish(bpe, end=end)


def train_tokenizer(texts: Iterator[str], vocabulary: int) -> PreTrainedTokenizerBase:
    """A byte-level BPE of so many tokens, the end-of-text token among them."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return _finish(bpe, end=True)


def _finish(bpe: Tokenizer, *, end: bool) -> PreTrainedTokenizerBase:
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    if not end:
        return PreTrainedTokenizerFast(tokenizer_object=bpe)
    bpe.add_special_tokens([END_OF_TEXT])
    bpe.post_processor = processors.TemplateProcessing(
        single=f"{END_OF_TEXT} $A",
        pair=f"{END_OF_TEXT} $A $B",
        special_tokens=[(END_OF_TEXT, bpe.token_to_id(END_OF_TEXT))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=END_OF_TEXT, eos_token=END_OF_TEXT, pad_token=END_OF_TEXT
    )


def _byte_letters() -> dict[int, str]:
    """The letter that byte-level BPE writes for each byte: itself where it can be seen, otherwise from U+0100 on."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in seen}
    for byte in range(256):
        if byte not in letters:
            letters[byte] = chr(256 + len(letters) - len(seen))
    return letters


def load_tokenizer(folder: Path, *, trust: bool = False) -> PreTrainedTokenizerBase:
    """Loads a folder's tokenizer. Errors: INPUT_MISSING."""
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=trust)
    except (OSError, ValueError, KeyError) as error:
        raise TrainerError("INPUT_MISSING", f"No tokenizer can be loaded from {folder}: {first_line(error)}") from error


def job_tokenizer(job: Job, model: Path | None, rows: int | None = None) -> PreTrainedTokenizerBase:
    """
    The tokenizer that a job names, otherwise that of its model's folder. `rows` is the size of the model's embeddings.
    Errors: JOB_INVALID, INPUT_MISSING, INPUT_CHANGED, TOKENIZER_MISMATCH.
    """
    spec = job.data.get("tokenizer")
    trust = bool(job.data.get("model", {}).get("trustModelCode"))
    if spec is None:
        if model is None:
            raise TrainerError("JOB_INVALID", 'A new model needs a tokenizer: set "tokenizer" to "bytes" or a folder.')
        tokenizer = load_tokenizer(model, trust=trust)
    elif spec == "bytes":
        tokenizer = byte_tokenizer(end=rows is None or rows > 256)
    else:
        folder = job.path(spec["folder"])
        found = hash_folder(folder)
        if spec.get("sha256") not in (None, found):
            raise TrainerError(
                "INPUT_CHANGED",
                f"The tokenizer in {folder} has changed since the job was written: its hash is {found}, job.json says "
                f"{spec['sha256']}. Restore it, or write the job again under another name.",
            )
        tokenizer = load_tokenizer(folder, trust=trust)
    if spec is not None and model is not None:
        _check_same(tokenizer, model, trust)
    if rows is not None and len(tokenizer) > rows:
        raise TrainerError(
            "TOKENIZER_MISMATCH",
            f"The tokenizer has {len(tokenizer)} tokens and the model knows {rows}: it is of another model.",
        )
    template = job.settings.get("chatTemplate")
    if template is not None:
        tokenizer.chat_template = PLAIN_CHAT_TEMPLATE if template == "plain" else template
    return tokenizer


def _check_same(tokenizer: PreTrainedTokenizerBase, model: Path, trust: bool) -> None:
    """Errors: TOKENIZER_MISMATCH if a model's folder has another tokenizer."""
    if not any(model.glob("tokenizer*.json")):
        return
    own = load_tokenizer(model, trust=trust).get_vocab()
    given = tokenizer.get_vocab()
    if own != given:
        differing = next((token for token in given if own.get(token) != given[token]), "")
        raise TrainerError(
            "TOKENIZER_MISMATCH",
            f"The job's tokenizer ({len(given)} tokens) is not that of the model in {model} ({len(own)} tokens): "
            f"token {differing!r} has another number. Leave out the tokenizer to use the model's own.",
        )


def prefix_of(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """What a tokenizer puts before each text: its beginning token, or nothing."""
    end = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    at = next((i for i in range(len(whole)) if whole[i : i + len(end)] == end), 0)
    return whole[:at]


def run_tokenizer(work: Work) -> Outcome:
    """The job kind `tokenizer`: trains one on the documents of its inputs, and saves it in the job's folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from .files import commit_folder
    from .job import Outcome
    from .tokens import read_documents

    settings = work.job.settings
    read = 0

    def texts() -> Iterator[str]:
        nonlocal read
        for each in work.job.inputs:
            for document in read_documents(each.path, settings["textField"]):
                work.check()
                if read >= settings["bytes"]:
                    return
                read += len(document.text.encode())
                yield document.text

    tokenizer = train_tokenizer(texts(), settings["vocabulary"])
    if read == 0:
        raise TrainerError("EMPTY_INPUT", "The inputs have no text to train a tokenizer on.")
    if len(tokenizer) < settings["vocabulary"]:
        work.events.write(
            "warning",
            message=f"{read} bytes of text give {len(tokenizer)} tokens, fewer than the {settings['vocabulary']} asked "
            "for.",
        )
    folder = work.job.folder / "tokenizer"
    commit_folder(folder, lambda new: tokenizer.save_pretrained(str(new)))
    table = pa.table({"tokens": [len(tokenizer)], "bytes": [read], "sha256": [hash_folder(folder)]})

    def write(path: Path) -> int:
        pq.write_table(table, path)
        return 1

    return Outcome(write)
