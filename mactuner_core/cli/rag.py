"""`mactuner rag`: collections of documents, and searching in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mactuner_core.cli.follow import follow
from mactuner_core.cli.options import parse_assignments
from mactuner_core.cli.output import JsonOption, emit_json, say, show, show_table
from mactuner_core.errors import error_from_dict
from mactuner_core.format import human_bytes
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace

NOTHING = 1
SHOWN_CHARACTERS = 300

CollectionOption = Annotated[str, typer.Option("--collection", "-c", help=text("rag_cli.collection_help"))]
CollectionArgument = Annotated[str, typer.Argument(help=text("rag_cli.collection_help"), metavar="COLLECTION")]


def commands() -> typer.Typer:
    """Return the group of commands."""
    from mactuner_core.cli.rag_evaluate import evaluate_collection
    from mactuner_core.cli.rag_search import search
    from mactuner_core.cli.rag_synthesize import synthesize

    group = typer.Typer(no_args_is_help=True)
    for name, function in (
        ("index", index),
        ("search", search),
        ("list", list_all),
        ("info", info),
        ("remove", remove),
        ("evaluate", evaluate_collection),
        ("synthesize", synthesize),
        ("export", export_file),
        ("import", import_file),
        ("models", models),
    ):
        group.command(name, help=text(f"rag_cli.{name}_help"))(function)
    return group


def index(
    collection: CollectionOption,
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH…")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", help=text("rag_cli.set_help"))] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help=text("rag_cli.tag_help"))] = None,
    date: Annotated[str | None, typer.Option("--date", help=text("rag_cli.date_help"))] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help=text("rag_cli.rebuild_help"))] = False,
    detach: Annotated[bool, typer.Option("--detach", help=text("cli.detach_help"))] = False,
    json: JsonOption = False,
) -> None:
    """Index and follow the job; exit code 1 when not one document is in the collection because of it."""
    from mactuner_core.rag.build import IndexRequest, start_indexing

    workspace = open_workspace()
    settings = parse_assignments(assignments or [])
    request = IndexRequest(collection, paths or [], settings, tags or [], date, rebuild)
    job_id = start_indexing(workspace, request)
    if detach:
        _detached(collection, job_id, json)
        return
    result = follow(workspace.jobs / job_id).result
    failed = [one | {"message": error_from_dict(one).text()} for one in result["failed"]]
    if json:
        emit_json({"job": job_id, **result, "failed": failed, "warnings": _said(result["warnings"])})
    else:
        _show_indexed(result, failed)
    got = ("added", "updated", "unchanged", "duplicate")
    if not any(result[state] for state in got) and not (rebuild and result["documents"]):
        raise typer.Exit(NOTHING)


def list_all(json: JsonOption = False) -> None:
    from mactuner_core.rag.collections import list_collections

    workspace = open_workspace()
    found = [_facts_or_problem(workspace, name) for name in list_collections(workspace)]
    if json:
        emit_json(found)
        return
    columns = [f"rag_cli.column_{name}" for name in ("collection", "documents", "chunks", "size", "model")]
    rows = [
        (one["name"], "–", "–", "–", one["error"])
        if "error" in one
        else (
            *(one["name"], one["documents"], one["chunks"], human_bytes(one["bytes"])),
            one["settings"]["embedding_model"],
        )
        for one in found
    ]
    show_table(columns, rows)


def info(collection: CollectionArgument, json: JsonOption = False) -> None:
    from mactuner_core.rag.collections import open_collection

    with open_collection(open_workspace(), collection) as opened:
        facts, documents = opened.facts(), opened.documents()
    facts["warnings"] = _said(facts["warnings"])
    if json:
        emit_json(facts | {"documents": [one.as_dict() | {"warnings": _said(one.warnings)} for one in documents]})
        return
    for key in ("name", "documents", "chunks", "index", "suggested_min_score"):
        show(f"{key:>20}  {facts[key]}")
    show(f"{'size':>20}  {human_bytes(facts['bytes'])}")
    for key, value in facts["settings"].items():
        show(f"{key:>20}  {value}")
    for warning in facts["warnings"]:
        show(warning["message"])
    columns = [f"rag_cli.column_{name}" for name in ("document", "pages", "chunks", "size", "date", "tags")]
    show_table(
        columns,
        [(one.name, one.pages, one.chunks, human_bytes(one.bytes), one.date, ", ".join(one.tags)) for one in documents],
    )
    for one in documents:
        for warning in _said(one.warnings):
            show(f"{one.name}: {warning['message']}")


def remove(
    collection: CollectionArgument,
    document: Annotated[str | None, typer.Option("--document", help=text("rag_cli.document_help"))] = None,
    json: JsonOption = False,
) -> None:
    from mactuner_core.rag.collections import open_collection, remove_collection

    workspace = open_workspace()
    if document is None:
        remove_collection(workspace, collection)
        said = text("rag_cli.removed", name=collection)
    else:
        with open_collection(workspace, collection) as opened:
            document = opened.delete(document).name
        said = text("rag_cli.removed_document", document=document, name=collection)
    if json:
        emit_json({"removed": {"collection": collection, "document": document}})
    else:
        show(said)


def export_file(
    collection: CollectionArgument,
    out: Annotated[Path | None, typer.Option("--out", help=text("rag_cli.out_help"))] = None,
    json: JsonOption = False,
) -> None:
    from mactuner_core.rag.collections import open_collection
    from mactuner_core.rag.transfer import export_collection

    with open_collection(open_workspace(), collection) as opened:
        path = export_collection(opened, out or Path(f"{collection}.collection.zip"))
    size = path.stat().st_size
    if json:
        emit_json({"collection": collection, "path": str(path), "bytes": size})
    else:
        show(text("rag_cli.exported", name=collection, path=path, size=human_bytes(size)))


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    name: Annotated[str | None, typer.Option("--name", help=text("rag_cli.name_help"))] = None,
    json: JsonOption = False,
) -> None:
    from mactuner_core.rag.transfer import import_collection

    with import_collection(open_workspace(), file, name) as opened:
        facts = opened.facts()
    if json:
        emit_json(facts)
    else:
        show(text("rag_cli.imported", **{key: facts[key] for key in ("name", "documents", "chunks")}))


def models(json: JsonOption = False) -> None:
    from mactuner_core.rag.known_models import KNOWN

    if json:
        emit_json([one.as_dict() for one in KNOWN])
        return
    columns = [f"rag_cli.column_{name}" for name in ("model", "languages", "longest", "size", "note")]
    rows = [
        (one.name, ", ".join(one.languages), one.longest, human_bytes(one.download_bytes), text(one.note))
        for one in KNOWN
    ]
    show_table(columns, rows)


def _detached(collection: str, job_id: str, json: bool) -> None:
    if json:
        emit_json({"collection": collection, "job": job_id})
    else:
        show(text("rag_cli.detached", name=collection, job=job_id))


def _facts_or_problem(workspace: Any, name: str) -> dict[str, Any]:
    from mactuner_core.errors import MacTunerError
    from mactuner_core.rag.collections import open_collection

    try:
        with open_collection(workspace, name) as opened:
            return opened.facts()
    except MacTunerError as problem:
        return {"name": name, "error": problem.text()}


def _said(warnings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one | {"message": text(one["code"], None, **one["values"])} for one in warnings]


def _show_indexed(result: dict[str, Any], failed: list[dict[str, Any]]) -> None:
    counts = {state: len(result[state]) for state in ("added", "updated", "unchanged", "duplicate")}
    values: dict[str, Any] = {"name": result["collection"], **counts}
    values |= {key: result[key] for key in ("documents", "chunks")}
    for warning in _said(result["warnings"]):
        say(warning["message"])
    if failed:
        say(text("rag_cli.failed_files", count=len(failed)))
    for one in failed:
        say(f"  {one['name']}: {one['message']}")
    if not result["documents"]:
        show(text("rag_cli.nothing_indexed"))
        return
    show(text("rag_cli.indexed", **values, size=human_bytes(result["bytes"])))
    if result["suggested_min_score"] is not None:
        show(text("rag_cli.suggestion", score=result["suggested_min_score"]))
    show(text("rag_cli.next_search", name=result["collection"]))
