"""Talking to whatever a person names: a GGUF file or export through the server, a run or a model through transformers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.catalog import Catalog
from mactuner_core.chat.server_process import Server, serving
from mactuner_core.errors import InputError, NotFoundError, WorkError
from mactuner_core.training.base import base_of
from mactuner_core.workspace import Workspace

Message = dict[str, str]
Piece = Callable[[str], None]


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn; temperature 0 is greedy."""

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


@dataclass(frozen=True)
class Answer:
    """What the model said, how many tokens it wrote, and how long the whole answer took in seconds."""

    text: str
    tokens: int
    seconds: float


Talk = Callable[[list[Message], Sampling, Piece | None], Answer]


@contextlib.contextmanager
def talk_to(workspace: Workspace, catalog: Catalog, ref: str, *, allow_unverified: bool = False) -> Iterator[Talk]:
    """Yield a function `(messages, sampling, on_piece)` that answers as the model `ref` does.

    `ref` is a GGUF file, an export (`EXPORT` or `EXPORT:QUANT`), a run (`RUN`), one of its checkpoints (`RUN@STEP`) or a
    base model. Raises NotFoundError, InputError for a run that is not finished.
    """
    if is_served(catalog, ref):
        with serving(workspace, ref, allow_unverified=allow_unverified) as server:
            yield _through_server(server)
    else:
        base = base_of(catalog, ref)
        yield _through_transformers(base.folder, base.adapter)


def is_served(catalog: Catalog, ref: str) -> bool:
    """Tell whether the server answers for `ref`, a GGUF file or an export, and not transformers, for a run or a model.

    Raises NotFoundError naming what is known.
    """
    exports, runs, models = ([row.id for row in rows] for rows in (catalog.exports(), catalog.runs(), catalog.models()))
    if ref.endswith(".gguf") or ref.split(":")[0] in exports:
        return True
    if ref in models or ref.split("@")[0] in runs:
        return False
    known = {"exports": exports, "runs": runs, "models": models}
    raise NotFoundError("chat.no_target", ref=ref, **{name: ", ".join(ids) or "–" for name, ids in known.items()})


def ask_server(server: Server, messages: list[Message], sampling: Sampling, on_piece: Piece | None = None) -> Answer:
    """Ask a server through the openai client; `on_piece` sees the answer grow."""
    started = time.perf_counter()
    pieces: list[str] = []
    tokens = 0
    for chunk in chunks_from(server, server.models[0], messages, sampling):
        if chunk.choices and chunk.choices[0].delta.content:
            pieces.append(chunk.choices[0].delta.content)
            if on_piece:
                on_piece(pieces[-1])
        if chunk.usage:
            tokens = chunk.usage.completion_tokens
    return Answer("".join(pieces), tokens, time.perf_counter() - started)


def chunks_from(
    server: Server, model: str, messages: Sequence[Message], sampling: Sampling, **more: Any
) -> Iterator[Any]:
    """Yield the chunks of a streamed answer; `more` are fields that OpenAI does not have.

    Raises InputError with the server's reason when it refuses, WorkError when it is gone.
    """
    import openai

    client: Any = openai.OpenAI(base_url=server.url, api_key="-", max_retries=0)
    try:
        yield from client.chat.completions.create(
            model=model,
            messages=list(messages),
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
            stream=True,
            stream_options={"include_usage": True},
            extra_body=more or None,
        )
    except openai.APIConnectionError as problem:
        raise WorkError("chat.server_gone", url=server.url) from problem
    except openai.APIError as problem:  # at once, or in the middle of the stream
        raise InputError("chat.refused", reason=_reason(problem)) from problem


def _reason(problem: Any) -> str:
    body = problem.body
    return str(body["message"]) if isinstance(body, dict) and "message" in body else str(problem)


def _through_server(server: Server) -> Talk:
    return lambda messages, sampling, on_piece: ask_server(server, messages, sampling, on_piece)


def _through_transformers(path: Path, adapter: Path | None) -> Talk:
    from mactuner_core.models.generate import answer, load

    loaded = load(path, adapter)

    def talk(messages: list[Message], sampling: Sampling, on_piece: Piece | None) -> Answer:
        found = answer(loaded, messages, sampling.max_tokens, sampling.temperature, sampling.seed)
        if on_piece:
            on_piece(found.text)
        return Answer(found.text, found.tokens, found.seconds)

    return talk
