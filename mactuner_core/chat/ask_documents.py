"""Asking a running server about a collection of documents: the answer with its citations and sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mactuner_core.chat.server_process import Server
from mactuner_core.chat.talk import Message, Piece, Sampling
from mactuner_core.errors import InputError, WorkError
from mactuner_core.server.settings_rag import ALL

JOINT = "+"  # between the names of a model and a collection


@dataclass
class DocumentsAnswer:
    """What the model said, which sources it was given, and which of them it cites, as the server tells them."""

    text: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    citations: list[dict[str, Any]] = field(default_factory=list)


def names_of(server: Server, collection: str) -> list[str]:
    """Return the names under which a server answers from a collection; none when it does not."""
    asked = server.settings.get("collection") or []
    if collection not in asked and ALL not in asked:
        return []
    ending = f"{JOINT}{collection}"
    if told := [name for name in server.models if name.endswith(ending)]:
        return told
    return [name + ending for name in server.models if JOINT not in name]  # the collection is younger than the server


def ask_documents(
    server: Server, name: str, messages: Sequence[Message], sampling: Sampling, on_piece: Piece | None = None
) -> DocumentsAnswer:
    """Ask `name` (MODEL+COLLECTION); `on_piece` sees the answer grow.

    Raises InputError with the server's reason when it refuses, WorkError when it is gone.
    """
    import openai

    client: Any = openai.OpenAI(base_url=server.url, api_key="-", max_retries=0)
    found = DocumentsAnswer()
    try:
        stream = client.chat.completions.create(
            model=name, messages=list(messages), max_tokens=sampling.max_tokens, temperature=sampling.temperature, stream=True
        )  # fmt: skip
        for chunk in stream:
            found.sources += getattr(chunk, "sources", None) or []
            if not chunk.choices:
                continue
            delta = chunk.choices[0].delta
            found.citations += getattr(delta, "annotations", None) or []
            if delta.content:
                found.text += delta.content
                if on_piece:
                    on_piece(delta.content)
    except openai.APIStatusError as problem:
        body = problem.body
        reason = body["message"] if isinstance(body, dict) and "message" in body else problem
        raise InputError("chat.refused", reason=reason) from problem
    except openai.APIConnectionError as problem:
        raise WorkError("chat.server_gone", url=server.url) from problem
    return found
