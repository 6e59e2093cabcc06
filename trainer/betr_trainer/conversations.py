"""
Prompts and answers to token ids, for sft, dpo, influence and generate.

A prompt is a string or a list of {role, content}; so is an answer. Strings are joined as they are, messages by the
model's chat template. The end of the answer belongs to it: the end-of-text token after strings, what the chat template
writes after the turn after messages. The beginning-of-text token is there once, where the tokenizer has one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import jinja2
import pyarrow as pa
import pyarrow.parquet as pq
from transformers import PreTrainedTokenizerBase

from .errors import TrainerError
from .tokenizer import prefix_of
from .tokens import open_text

if TYPE_CHECKING:
    from .job import Work

Message = Mapping[str, str]
Turns = str | list[Message]
T = TypeVar("T")


class LeftOut(Exception):
    """A row cannot be used. The message is the reason, without the row's values, so that reasons can be counted."""


@dataclass(frozen=True)
class Example:
    """Token ids, and the spans [from, to) of them that are answers."""

    id: str
    ids: list[int]
    answers: list[tuple[int, int]]

    def answer_tokens(self) -> int:
        return sum(end - start for start, end in self.answers)


def read_rows(
    work: Work, name: str, use: Callable[[str, dict[str, Any]], T], tell: Callable[[str, str], None] | None = None
) -> list[T]:
    """
    What `use` makes of each row (its id and content) of an input, JSON Lines or Parquet. A row without `id` or
    `prompt_id` goes by its number, from 1 on. Rows that cannot be used are left out; an event counts them by reason,
    and `tell` gets the id and the reason of each. Errors: EMPTY_INPUT if none is left, JOB_INVALID if a file cannot be
    read.
    """
    used: list[T] = []
    left_out: defaultdict[str, list[str]] = defaultdict(list)
    seen: set[str] = set()
    for number, row in _rows(work, name):
        id = number
        try:
            if not isinstance(row, dict):
                raise LeftOut("that are no JSON objects")
            id = next((str(row[key]) for key in ("id", "prompt_id") if row.get(key) is not None), number)
            if id in seen:
                raise LeftOut("with the id of an earlier row")
            used.append(use(id, row))
            seen.add(id)
        except LeftOut as reason:
            left_out[str(reason)].append(id)
            if tell is not None:
                tell(id, str(reason))
    told = "; ".join(f"{len(ids)} {reason} ({first_of(ids)})" for reason, ids in left_out.items())
    if not used:
        raise TrainerError("EMPTY_INPUT", f'Input "{name}" has no row that can be used{f": {told}" if told else ""}.')
    if told:
        counts = {reason: len(ids) for reason, ids in left_out.items()}
        work.events.write("warning", message=f'Rows of input "{name}" that are left out: {told}.', values=counts)
    return used


def _rows(work: Work, name: str) -> Iterator[tuple[str, object]]:
    """The rows of an input's files, numbered; None for a line that is no JSON."""
    number = 0
    for each in work.job.inputs_named(name):
        for row in _parquet_rows(each.path) if _is_parquet(each.path) else _json_rows(each.path):
            number += 1
            yield str(number), row


def _is_parquet(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"PAR1"


def _parquet_rows(path: Path) -> Iterator[object]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise TrainerError("JOB_INVALID", f"{path} cannot be read: {error}.") from error


def _json_rows(path: Path) -> Iterator[object]:
    try:
        with open_text(path) as lines:
            for line in lines:
                if line.strip():
                    try:
                        yield json.loads(line)
                    except ValueError:
                        yield None
    except (OSError, EOFError) as error:
        raise TrainerError("JOB_INVALID", f"{path} cannot be read: {error}.") from error


def first_of(ids: list[str]) -> str:
    """The first few ids, for a message."""
    return f"{'id' if len(ids) == 1 else 'ids'} {', '.join(ids[:3])}{', …' if len(ids) > 3 else ''}"


class ConversationEncoder:
    """Writes prompts and answers as token ids. Rows longer than `longest` tokens are left out; pairs may be longer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, longest: int) -> None:
        self._tokenizer, self._longest = tokenizer, longest
        self._prefix = prefix_of(tokenizer)

    def prompt(self, prompt: Turns) -> list[int]:
        """A prompt, up to where the answer begins."""
        if isinstance(prompt, str):
            return self._check(self._prefix + self._ids(prompt))
        return self._check(self._ids(self._write(prompt, add_generation_prompt=True)))

    def example(self, id: str, prompt: Turns, answer: Turns) -> Example:
        """A prompt and its answer; of messages without a prompt, every turn of the assistant is an answer."""
        if not prompt:
            return self._conversation(id, answer)
        head, whole = self._head(prompt), self._whole(prompt, answer)
        return Example(id, self._check(whole), [(self._start(head, whole), len(whole))])

    def pair(self, prompt: Turns, chosen: Turns, rejected: Turns) -> tuple[list[int], list[int], list[int]]:
        """The tokens of a prompt and of its two answers."""
        head, wholes = self._head(prompt), [self._whole(prompt, answer) for answer in (chosen, rejected)]
        start = min(self._start(head, whole) for whole in wholes)
        return wholes[0][:start], wholes[0][start:], wholes[1][start:]

    def _conversation(self, id: str, messages: list[Message]) -> Example:
        whole = self._ids(self._write(messages))
        spans: list[tuple[int, int]] = []
        for at, message in enumerate(messages):
            if message["role"] == "assistant":
                end = len(self._ids(self._write(messages[: at + 1])))
                head = self._ids(self._write(messages[:at], add_generation_prompt=True))
                start = self._start(head, whole)
                if whole[start:end] != self._ids(self._write(messages[: at + 1]))[start:]:
                    raise LeftOut("in which the chat template changes an earlier turn")
                spans.append((start, end))
        return Example(id, self._check(whole), spans)

    def _head(self, prompt: Turns) -> list[int]:
        if isinstance(prompt, str):
            # Trailing blanks belong to the answer: tokenizers join a blank with the word after it.
            return self._prefix + self._ids(prompt.rstrip(" "))
        return self._ids(self._write(prompt, add_generation_prompt=True))

    def _whole(self, prompt: Turns, answer: Turns) -> list[int]:
        if not isinstance(prompt, str):
            return self._ids(self._write([*prompt, *answer]))
        end = self._tokenizer.eos_token or ""
        return self._prefix + self._ids(prompt + answer + ("" if answer.endswith(end) else end))

    def _start(self, head: list[int], whole: list[int]) -> int:
        """Where the answer begins: where the tokens differ from those of the prompt alone."""
        if len(whole) < 2:
            raise LeftOut("whose answer has no token of its own")
        start = 0
        while start < min(len(head), len(whole) - 1) and head[start] == whole[start]:
            start += 1
        return max(start, 1)  # The first token of all has no probability.

    def _check(self, ids: list[int]) -> list[int]:
        if len(ids) > self._longest:
            raise LeftOut(f"longer than {self._longest} tokens")
        return ids

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    def _write(self, messages: list[Message], **options: bool) -> str:
        if self._tokenizer.chat_template is None:
            raise TrainerError(
                "TOKENIZER_MISMATCH",
                "The model's tokenizer has no chat template, so messages cannot be written for it. Set chatTemplate to "
                '"plain" (in betr: --chat-template plain) or to a template, write prompts and answers as strings, or '
                "name a model with a chat template.",
            )
        try:
            return self._tokenizer.apply_chat_template(messages, tokenize=False, **options)
        except (jinja2.TemplateError, ValueError, TypeError):
            raise LeftOut("that the model's chat template refuses") from None


def read_prompt(row: Mapping[str, Any]) -> Turns:
    """The prompt of a row {prompt} or {messages}, for generation."""
    prompt = _read_turns(row.get("messages", row.get("prompt")), "prompt")
    if isinstance(prompt, list) and prompt[-1]["role"] == "assistant":
        raise LeftOut("whose prompt ends with an answer")
    return prompt


def read_pair(row: Mapping[str, Any]) -> tuple[Turns, Turns, Turns]:
    """
    Turns, chosen and rejected of a preference pair. Files repeat the prompt within the answers, or have it there
    alone: both are taken off.
    """
    if row.get("tools"):
        raise LeftOut("with tools, which are not supported")
    chosen, rejected = _read_turns(row.get("chosen"), "chosen"), _read_turns(row.get("rejected"), "rejected")
    if chosen == rejected:
        raise LeftOut("whose chosen and rejected answers are the same")
    if row.get("prompt") is None:
        if isinstance(chosen, str) or isinstance(rejected, str):
            raise LeftOut("without a prompt")
        shared = 0
        while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
            shared += 1
        prompt: Turns = chosen[:shared]
        if not prompt:
            raise LeftOut("without a prompt")
    else:
        prompt = _read_turns(row["prompt"], "prompt")
    if isinstance(chosen, list) or isinstance(rejected, list) or isinstance(prompt, list):
        prompt = _as_messages(prompt, "user")
        chosen, rejected = (_answer_turns(prompt, _as_messages(answer, "assistant")) for answer in (chosen, rejected))
    elif chosen.startswith(prompt) and rejected.startswith(prompt):
        chosen, rejected = chosen[len(prompt) :], rejected[len(prompt) :]
    if not chosen or not rejected:
        raise LeftOut("with an empty answer")
    return prompt, chosen, rejected


def read_example(row: Mapping[str, Any]) -> tuple[Turns, Turns]:
    """Turns and answer of a row {prompt, answer} or {messages}; of messages, everything is the answer's."""
    if row.get("messages") is not None:
        messages = _read_turns(row["messages"], "messages")
        if isinstance(messages, str) or messages[-1]["role"] != "assistant":
            raise LeftOut("whose messages do not end with an answer")
        return [], messages
    prompt, answer = _read_turns(row.get("prompt"), "prompt"), _read_turns(row.get("answer"), "answer")
    if isinstance(prompt, list) or isinstance(answer, list):
        prompt = _as_messages(prompt, "user")
        return prompt, _answer_turns(prompt, _as_messages(answer, "assistant"))
    return prompt, answer


def _read_turns(value: object, name: str) -> Turns:
    """A string or a list of messages; anything else, and an empty one, is refused."""
    if isinstance(value, str):
        if not value.strip():
            raise LeftOut(f"with an empty {name}" if name in ("prompt", "messages") else "with an empty answer")
        return value
    if not isinstance(value, list) or not value:
        raise LeftOut(f"without {name}")
    for message in value:
        if not isinstance(message, dict) or not all(isinstance(message.get(key), str) for key in ("role", "content")):
            raise LeftOut(f"whose {name} is not text or a list of {{role, content}}")
    if not value[-1]["content"].strip():
        raise LeftOut("with an empty answer")
    return [{"role": message["role"], "content": message["content"]} for message in value]


def _as_messages(value: Turns, role: str) -> list[Message]:
    return [{"role": role, "content": value}] if isinstance(value, str) else value


def _answer_turns(prompt: list[Message], answer: list[Message]) -> list[Message]:
    """The answer without the prompt that may stand in front of it."""
    turns = answer[len(prompt) :] if answer[: len(prompt)] == prompt else answer
    if len(turns) != 1 or turns[0]["role"] != "assistant":
        raise LeftOut("whose answer is not one message of the assistant after the prompt")
    return turns
