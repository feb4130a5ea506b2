"""Asking a running server about a collection of documents: the answer with its citations and sources."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mactuner_core.chat.server_process import Server
from mactuner_core.chat.talk import Message, Piece, Sampling, chunks_from
from mactuner_core.rag.answer_checks import AnswerCheck, check_answer

JOINT = "+"  # between the names of a model and a collection


@dataclass
class DocumentsAnswer:
    """What the model said, which sources it was given, and which of them it cites, as the server tells them.

    `report` says what was searched for, what had no room, and which cited numbers no source has; `seconds` is the whole answer.
    """

    text: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    citations: list[dict[str, Any]] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    tokens: int = 0
    seconds: float = 0.0

    def take(self, chunk: Any) -> str:
        """Add one chunk of a streamed reply and return the text in it."""
        self.sources += getattr(chunk, "sources", None) or []
        self.report |= getattr(chunk, "rag", None) or {}
        if chunk.usage:
            self.tokens = chunk.usage.completion_tokens
        if not chunk.choices:
            return ""
        delta = chunk.choices[0].delta
        self.citations += getattr(delta, "annotations", None) or []
        piece = str(delta.content or "")
        self.text += piece
        return piece

    def check(self, question: str) -> AnswerCheck:
        """Return the answer held against its sources: their texts, and the names and headings the model saw above them."""
        texts = {one["number"]: "\n".join((one["document"], *one["headings"], one["text"])) for one in self.sources}
        return check_answer(question, self.text, texts)


def names_of(server: Server, collection: str) -> list[str]:
    """Return the names under which a server answers from a collection; none when it does not."""
    if not server.answers_from(collection):
        return []
    ending = f"{JOINT}{collection}"
    if told := [name for name in server.models if name.endswith(ending)]:
        return told
    return [name + ending for name in server.models if JOINT not in name]  # the collection is younger than the server


def ask_documents(
    server: Server,
    name: str,
    messages: Sequence[Message],
    sampling: Sampling,
    on_piece: Piece | None = None,
    *,
    search: Mapping[str, Any] | None = None,
) -> DocumentsAnswer:
    """Ask `name` (MODEL+COLLECTION); `on_piece` sees the answer grow.

    `search` are fields of `rag`, such as top_k; what is left out is as the server has it. Raises InputError with the server's
    reason when it refuses, WorkError when it is gone.
    """
    found = DocumentsAnswer()
    started = time.perf_counter()
    more = {"rag": dict(search)} if search else {}
    for chunk in chunks_from(server, name, messages, sampling, **more):
        if (piece := found.take(chunk)) and on_piece:
            on_piece(piece)
    found.seconds = time.perf_counter() - started
    return found
