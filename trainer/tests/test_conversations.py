"""Rows as people have them, and the tokens that they become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_jobs import CHAT_TEMPLATE

from betr_trainer.conversations import ConversationEncoder, LeftOut, read_example, read_pair, read_prompt
from betr_trainer.errors import TrainerError
from betr_trainer.tokenizer import byte_tokenizer, load_tokenizer, train_tokenizer

USER = {"role": "user", "content": "ask"}
SYSTEM = {"role": "system", "content": "be kind"}


def says(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


@pytest.mark.parametrize(
    ("row", "want"),
    [
        ({"prompt": "ask ", "chosen": "yes", "rejected": "no"}, ("ask ", "yes", "no")),
        # The prompt within both answers, as some files repeat it.
        ({"prompt": "ask ", "chosen": "ask yes", "rejected": "ask no"}, ("ask ", "yes", "no")),
        # An answer may begin like the prompt by chance.
        ({"prompt": "ask", "chosen": "asking", "rejected": "no"}, ("ask", "asking", "no")),
        (
            {"prompt": [USER], "chosen": [says("yes")], "rejected": [says("no")]},
            ([USER], [says("yes")], [says("no")]),
        ),
        (
            {"prompt": [USER], "chosen": [USER, says("yes")], "rejected": [USER, says("no")]},
            ([USER], [says("yes")], [says("no")]),
        ),
        # As in UltraFeedback: the prompt as text, the answers as conversations.
        (
            {"prompt": "ask", "chosen": [USER, says("yes")], "rejected": [USER, says("no")], "score_chosen": 10},
            ([USER], [says("yes")], [says("no")]),
        ),
        ({"prompt": [USER], "chosen": "yes", "rejected": "no"}, ([USER], [says("yes")], [says("no")])),
        # The prompt in the answers alone.
        (
            {"chosen": [SYSTEM, USER, says("yes")], "rejected": [SYSTEM, USER, says("no")]},
            ([SYSTEM, USER], [says("yes")], [says("no")]),
        ),
    ],
)
def test_pairs_in_the_shapes_of_files(row: dict[str, Any], want: tuple) -> None:
    assert read_pair(row) == want


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "ask", "chosen": "same", "rejected": "same"}, "the same"),
        ({"prompt": "ask", "chosen": "yes"}, "without rejected"),
        ({"prompt": "ask", "chosen": "yes", "rejected": "  "}, "an empty answer"),
        ({"prompt": "", "chosen": "yes", "rejected": "no"}, "an empty prompt"),
        ({"prompt": "ask", "chosen": "ask", "rejected": "ask no"}, "an empty answer"),
        ({"chosen": "yes", "rejected": "no"}, "without a prompt"),
        ({"chosen": [says("yes")], "rejected": [says("no")]}, "without a prompt"),
        ({"prompt": 7, "chosen": "yes", "rejected": "no"}, "without prompt"),
        ({"prompt": [USER], "chosen": [says("yes"), USER], "rejected": [says("no")]}, "not one message"),
        ({"prompt": [USER], "chosen": [USER], "rejected": [says("no")]}, "not one message"),
        ({"prompt": [{"role": "user"}], "chosen": "yes", "rejected": "no"}, "not text or a list of {role, content}"),
        ({"prompt": [USER], "chosen": [says("")], "rejected": [says("no")]}, "an empty answer"),
    ],
)
def test_pairs_that_cannot_be_used(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(LeftOut, match=reason):
        read_pair(row)


def test_examples_and_prompts() -> None:
    assert read_example({"prompt": "a", "answer": "b"}) == ("a", "b")
    assert read_example({"prompt": "a", "answer": [says("b")]}) == ([{"role": "user", "content": "a"}], [says("b")])
    assert read_example({"messages": [USER, says("b")]}) == ([], [USER, says("b")])
    assert read_prompt({"messages": [USER]}) == [USER]
    with pytest.raises(LeftOut, match="do not end with an answer"):
        read_example({"messages": [USER]})
    with pytest.raises(LeftOut, match="ends with an answer"):
        read_prompt({"messages": [USER, says("b")]})


def test_text_is_joined_before_it_is_tokenized() -> None:
    """A blank belongs to the word after it, so it is the answer's even where the prompt ends with it."""
    tokenizer = train_tokenizer(iter(["the cat sat on the mat"] * 50), 300)
    encoder = ConversationEncoder(tokenizer, 100)

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    end = tokenizer.eos_token_id
    for prompt, answer in (("the cat", " sat"), ("the cat ", "sat")):
        example = encoder.example("1", prompt, answer)
        assert example.ids == [end, *ids("the cat sat"), end]
        ((start, stop),) = example.answers
        assert example.ids[start:stop] == [*ids(" sat"), end]
    assert encoder.prompt("the cat") == [end, *ids("the cat")]
    bare = byte_tokenizer(end=False)
    bare.add_tokens(["xy"])
    with pytest.raises(LeftOut, match="no token of its own"):
        ConversationEncoder(bare, 100).example("1", "x", "y")
    prompt_ids, chosen, rejected = encoder.pair("the cat", " sat", " on")
    assert (prompt_ids, chosen, rejected) == ([end, *ids("the cat")], [*ids(" sat"), end], [*ids(" on"), end])


def test_conversations_by_the_chat_template() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = CHAT_TEMPLATE
    encoder = ConversationEncoder(tokenizer, 200)
    example = encoder.example("1", [], [SYSTEM, USER, says("one"), USER, says("two")])
    text = "<system>be kind</system>\n<user>ask</user>\n<assistant>one</assistant>\n<user>ask</user>\n<assistant>two"
    assert bytes(example.ids).decode() == text + "</assistant>\n"
    assert [bytes(example.ids[start:end]).decode() for start, end in example.answers] == [
        "one</assistant>\n",
        "two</assistant>\n",
    ]
    head, chosen, rejected = encoder.pair([USER], [says("on")], [says("off")])
    # Where answers begin alike, what they share is still the answer's.
    assert bytes(head).decode() == "<user>ask</user>\n<assistant>"
    assert (bytes(chosen), bytes(rejected)) == (b"on</assistant>\n", b"off</assistant>\n")
    with pytest.raises(LeftOut, match="longer than 10 tokens"):
        ConversationEncoder(tokenizer, 10).example("1", [USER], [says("on")])
    tokenizer.chat_template = "{{ raise_exception('no system role') }}"
    with pytest.raises(LeftOut, match="chat template refuses"):
        encoder.prompt([SYSTEM, USER])
    # A template that shortens earlier answers, as those of reasoning models do.
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] if loop.last else m['content'][:1] }}{% endfor %}"
    with pytest.raises(LeftOut, match="changes an earlier turn"):
        encoder.example("1", [], [USER, says("one"), USER, says("two")])
    tokenizer.chat_template = None
    with pytest.raises(TrainerError, match="has no chat template"):
        encoder.prompt([USER])


def test_bytes_without_an_end_of_text(tmp_path: Path) -> None:
    """Models that know the 256 bytes alone have neither a beginning nor an end token."""
    byte_tokenizer(end=False).save_pretrained(tmp_path)
    encoder = ConversationEncoder(load_tokenizer(tmp_path), 100)
    example = encoder.example("1", "4+8=", "12;")
    assert (bytes(example.ids), example.answers) == (b"4+8=12;", [(4, 7)])
