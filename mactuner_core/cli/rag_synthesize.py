"""`mactuner rag synthesize`: questions with their sources, written by a model from a collection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mactuner_core.cli.follow import follow
from mactuner_core.cli.options import with_settings
from mactuner_core.cli.output import JsonOption, emit_json, say, show, show_table
from mactuner_core.cli.rag import NOTHING, CollectionOption
from mactuner_core.messages import text
from mactuner_core.rag.pair_recipe import PairRecipe
from mactuner_core.workspace import open_workspace


@with_settings(PairRecipe)
def synthesize(
    collection: CollectionOption,
    documents: Annotated[
        list[str] | None, typer.Option("--document", help=text("rag_cli.synthesize_document_help"))
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help=text("rag_cli.synthesize_out_help"))] = None,
    detach: Annotated[bool, typer.Option("--detach", help=text("cli.detach_help"))] = False,
    json: JsonOption = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Write questions and follow the job; exit code 1 when the folder holds not one afterwards."""
    from mactuner_core.rag.pair_job import start_writing  # with numpy

    workspace = open_workspace()
    recipe = PairRecipe.check(settings)
    folder = (out or Path(f"{collection}-questions")).expanduser().resolve()
    job_id = start_writing(workspace, collection, recipe, folder, documents or [])
    if detach:
        if json:
            emit_json({"collection": collection, "job": job_id, "folder": str(folder)})
        else:
            show(text("rag_cli.synthesize_detached", name=collection, job=job_id, folder=folder))
        return
    say(text("rag_cli.synthesizing", count=recipe.count, name=collection, model=recipe.model, folder=folder))
    try:
        result = follow(workspace.jobs / job_id).result
    except BaseException:
        if folder.is_dir():
            say(text("rag_cli.synthesized_kept", folder=folder))
        raise
    if json:
        emit_json({"collection": collection, "model": recipe.model, **result})
    else:
        _show(collection, result)
    if not result["accepted"]:
        raise typer.Exit(NOTHING)


def _show(collection: str, result: dict[str, Any]) -> None:
    values = {name: result[name] for name in ("accepted", "wanted", "requests", "tokens", "path")}
    show(text("rag_cli.synthesized", **values))
    reasons = [(count, text(code, None, **result["first"][code])) for code, count in result["refused"].items()]
    if reasons:
        show_table(["synthesis.column_count", "synthesis.column_reason"], reasons)
    if result["stopped_by"] != "count":
        show(text(f"rag_cli.synthesized_{result['stopped_by']}"))
    if result["accepted"]:
        show(text("rag_cli.synthesized_next", name=collection, path=result["path"]))
