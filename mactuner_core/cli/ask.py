"""`mactuner ask` and `mactuner chat`: one question, or a conversation, with a GGUF file, an export, a run or a model."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.chat.talk import Sampling, Talk, talk_to
from mactuner_core.cli.ask_documents import answer_from
from mactuner_core.cli.options import with_settings
from mactuner_core.cli.output import JsonOption, emit_json, say, show
from mactuner_core.errors import InputError, MacTunerError
from mactuner_core.format import human_duration
from mactuner_core.messages import current_language, text
from mactuner_core.rag.config import SearchConfig
from mactuner_core.workspace import open_workspace

ModelOption = Annotated[str, typer.Option(help="GGUF | EXPORT[:QUANT] | RUN[@STEP] | MODEL")]
SystemOption = Annotated[str | None, typer.Option(help=text("cli.system_help"))]
TokensOption = Annotated[int, typer.Option(min=1, max=32768, help=text("cli.max_tokens_help"))]
TemperatureOption = Annotated[float, typer.Option(min=0.0, max=2.0, help=text("cli.temperature_help"))]
TopPOption = Annotated[float, typer.Option(min=0.0, max=1.0)]
SeedOption = Annotated[int | None, typer.Option(min=0)]
UnverifiedOption = Annotated[bool, typer.Option("--allow-unverified", help=text("cli.allow_unverified_help"))]
DocumentsOption = Annotated[str | None, typer.Option("--collection", "-c", help=text("rag_cli.ask_collection_help"))]
NOT_ASKED = ("mmr", "mmr_lambda", "rerank_model", "candidates")  # settings of a search that a request cannot give


@with_settings(SearchConfig, skip=NOT_ASKED)
def ask(
    question: Annotated[str, typer.Argument()],
    model: ModelOption,
    collection: DocumentsOption = None,
    system: SystemOption = None,
    max_tokens: TokensOption = 512,
    temperature: TemperatureOption = 0.0,
    top_p: TopPOption = 1.0,
    seed: SeedOption = None,
    allow_unverified: UnverifiedOption = False,
    json: JsonOption = False,
    *,
    settings: dict[str, Any],
) -> None:
    if not question.strip():
        raise InputError("cli.empty_question")
    if settings and collection is None:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in settings)
        raise InputError("rag_cli.without_collection", options=options)
    messages = [*_start(system), {"role": "user", "content": question}]
    workspace, sampling = open_workspace(), Sampling(max_tokens, temperature, top_p, seed)
    if collection is not None:
        answer_from(
            workspace, model, collection, messages, sampling, settings, allow_unverified=allow_unverified, json=json
        )
        return
    with talk_to(workspace, open_catalog(workspace), model, allow_unverified=allow_unverified) as talk:
        answer = talk(messages, sampling, None if json else _write)
    if json:
        emit_json({"answer": answer.text, "tokens": answer.tokens, "seconds": round(answer.seconds, 3), "model": model})
        return
    show()
    time = human_duration(answer.seconds, current_language())
    say(text("cli.answered", tokens=answer.tokens, time=time))


def chat(
    model: ModelOption,
    system: SystemOption = None,
    max_tokens: TokensOption = 512,
    temperature: TemperatureOption = 0.7,
    top_p: TopPOption = 0.95,
    seed: SeedOption = None,
    allow_unverified: UnverifiedOption = False,
) -> None:
    workspace = open_workspace()
    sampling = Sampling(max_tokens, temperature, top_p, seed)
    with talk_to(workspace, open_catalog(workspace), model, allow_unverified=allow_unverified) as talk:
        say(text("cli.chat_hello"))
        _converse(talk, _start(system), sampling)


def _converse(talk: Talk, messages: list[dict[str, str]], sampling: Sampling) -> None:
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "").strip()
        except (EOFError, KeyboardInterrupt):
            return
        if line in ("/exit", "/quit", "/끝"):
            return
        if not line:
            continue
        question = {"role": "user", "content": line}
        try:
            answer = talk([*messages, question], sampling, _write)
        except MacTunerError as problem:
            say(problem.text())
            continue
        show()
        messages += [question, {"role": "assistant", "content": answer.text}]


def _start(system: str | None) -> list[dict[str, str]]:
    return [{"role": "system", "content": system}] if system else []


def _write(piece: str) -> None:
    sys.stdout.write(piece)
    sys.stdout.flush()
