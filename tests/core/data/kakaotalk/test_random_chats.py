"""Whatever is said, by whomever, comes back as it was written, in every layout."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mactuner_core.data.kakaotalk.parse import parse
from mactuner_core.data.text_file import TextFile
from tests.core.data.kakaotalk.writers import NAMES, WRITERS, random_chat


@pytest.mark.parametrize("returns", [False, True], ids=["LF", "CRLF"])
@pytest.mark.parametrize("layout", WRITERS)
def test_random_chats_come_back(layout: str, returns: bool) -> None:
    for seed in range(30):
        said = random_chat(random.Random(seed), NAMES)
        text = WRITERS[layout](said)
        chat = parse(TextFile(Path("chat"), text.replace("\n", "\r\n") if returns else text, "utf-8", ""))
        read = [(message.time, message.sender, message.text) for message in chat.messages]
        assert read == said, f"seed {seed}"
        lines = text.split("\n")
        assert all(
            message.text.split("\n")[0] in lines[message.line - 1].replace('""', '"') for message in chat.messages
        )
        assert layout.startswith(chat.layout.name)
        assert not chat.problems
        assert list(chat.messages) == [chat.messages[number] for number in range(len(chat.messages))]
