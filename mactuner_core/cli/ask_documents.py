"""`mactuner ask --collection`: an answer from documents, and the sources it cites."""

from __future__ import annotations

import sys
from typing import Any

from mactuner_core.catalog import open_catalog
from mactuner_core.chat.ask_documents import DocumentsAnswer, ask_documents, names_of
from mactuner_core.chat.server_process import serving
from mactuner_core.chat.talk import Message, Sampling, is_served
from mactuner_core.cli.output import emit_json, say, show
from mactuner_core.errors import InputError
from mactuner_core.format import human_duration
from mactuner_core.messages import current_language, text
from mactuner_core.rag.answer_findings import findings_of
from mactuner_core.rag.config import SearchConfig
from mactuner_core.workspace import Workspace


def answer_from(
    workspace: Workspace,
    model: str,
    collection: str,
    messages: list[Message],
    sampling: Sampling,
    search: dict[str, Any],
    *,
    allow_unverified: bool,
    json: bool,
) -> None:
    """Ask a GGUF file or an export about a collection and show the answer with its sources; `search` are settings of it.

    Raises NotFoundError for an unknown collection or model, InputError for a run or a base model.
    """
    from mactuner_core.rag.collections import open_collection  # with numpy

    SearchConfig.check(search)
    open_collection(workspace, collection).close()
    check_model(workspace, model)
    with serving(workspace, model, collection=collection, allow_unverified=allow_unverified) as server:
        name = names_of(server, collection)[0]
        found = ask_documents(server, name, messages, sampling, None if json else _write, search=search)
    check = found.check(messages[-1]["content"])
    if json:
        emit_json(as_json(found) | {"check": check.as_dict(), "model": model, "collection": collection})
        return
    show()
    show_sources(found)
    if found.sources or not check.passed:
        show(" · ".join(one.text() for one in findings_of(check)))
    say(text("cli.answered", tokens=found.tokens, time=human_duration(found.seconds, current_language())))


def check_model(workspace: Workspace, model: str) -> None:
    """Raise NotFoundError for an unknown model, InputError for a run or a base model: documents need a server."""
    if not is_served(open_catalog(workspace), model):
        raise InputError("chat.documents_need_file", ref=model)


def as_json(found: DocumentsAnswer) -> dict[str, Any]:
    """Return an answer as JSON-ready data: what `ask` has without documents, and where it comes from."""
    return {
        "answer": found.text,
        "tokens": found.tokens,
        "seconds": round(found.seconds, 3),
        "sources": found.sources,
        "citations": found.citations,
        **{name: found.report.get(name) for name in ("query", "left_out", "unknown_citations")},
    }


def show_sources(found: DocumentsAnswer) -> None:
    """Print the cited sources with their quotes, then the others by name."""
    show()
    if not found.sources:
        show(text("rag_cli.no_sources"))
        return
    cited = {one["number"] for one in found.citations}
    for source in found.sources:
        if source["number"] in cited:
            show(text("rag_cli.source", **_place(source)))
        quotes = [one for one in found.citations if one["number"] == source["number"]]
        for page, quote in dict.fromkeys((one["page"], " ".join(one["quote"].split())) for one in quotes):
            show(text("rag_cli.quote", page=page, quote=quote))
    others = [source for source in found.sources if source["number"] not in cited]
    if others:
        listed = "; ".join(text("rag_cli.source", **_place(source)) for source in others)
        show(text("rag_cli.not_cited", sources=listed))


def _place(source: dict[str, Any]) -> dict[str, Any]:
    first, last = source["page"], source["last_page"]
    pages = str(first) if first == last else f"{first}–{last}"
    return {
        "number": source["number"],
        "document": source["document"],
        "page": pages,
        "score": f"{source['score']:.2f}",
    }


def _write(piece: str) -> None:
    sys.stdout.write(piece)
    sys.stdout.flush()
