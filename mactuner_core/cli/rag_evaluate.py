"""`mactuner rag evaluate`: how well a collection's search finds what it should, and a model answers from it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from mactuner_core.chat.answer_trial import FIRST_QUESTIONS, trial_as_dict
from mactuner_core.cli.ask import NOT_ASKED, UnverifiedOption
from mactuner_core.cli.ask_documents import check_model
from mactuner_core.cli.options import parse_assignments, with_settings
from mactuner_core.cli.output import JsonOption, emit_json, say, show, show_columns
from mactuner_core.cli.rag import CollectionOption
from mactuner_core.cli.rag_answers import answers_help, leave, show_answers, try_model
from mactuner_core.errors import InputError
from mactuner_core.messages import text
from mactuner_core.rag.config import SearchConfig
from mactuner_core.workspace import Workspace, open_workspace

GRID_COLUMNS = ("chunk_tokens", "overlap_percent", "method", "k", "recall", "mrr", "ndcg", "build_s", "search_ms")


@with_settings(SearchConfig, skip=("top_k", "window"))
def evaluate_collection(
    collection: CollectionOption,
    questions: Annotated[Path, typer.Option("--questions", help=text("rag_cli.questions_help"))],
    grid: Annotated[list[str] | None, typer.Option("--grid", help=text("rag_cli.grid_help"))] = None,
    model: Annotated[str | None, typer.Option("--model", help=text("rag_cli.evaluate_model_help"))] = None,
    answers: Annotated[int | None, typer.Option("--answers", min=1, help=answers_help())] = None,
    allow_unverified: UnverifiedOption = False,
    json: JsonOption = False,
    *,
    settings: dict[str, Any],
) -> None:
    from mactuner_core.rag.collections import open_collection
    from mactuner_core.rag.evaluate import evaluate
    from mactuner_core.rag.question_file import check_documents, hit_matches, read_questions

    workspace = open_workspace()
    if model is None and answers is not None:
        raise InputError("rag_cli.answers_need_model", count=answers)
    if model is not None:
        if grid:
            raise InputError("rag_cli.answers_with_grid", model=model)
        check_model(workspace, model)
    config = SearchConfig.check({"min_score": 0.0, "top_k": 10} | settings)
    asked = read_questions(questions)
    with open_collection(workspace, collection) as opened:
        check_documents(asked, [one.name for one in opened.documents()])
        if grid:
            _grid(workspace, opened, asked, config, _lists(grid), json)
            return
        report = evaluate(
            lambda question: opened.search(question, config), asked, matches=hit_matches, on_progress=_telling()
        ).as_dict()
    found = {"collection": collection, "method": config.method, **report}
    if not json:
        _show(report)
    if model is None:
        if json:
            emit_json(found)
        return
    first = [one.question for one in asked[: answers or FIRST_QUESTIONS]]
    search = {name: value for name, value in settings.items() if name not in NOT_ASKED}
    tried = try_model(workspace, model, collection, first, search, allow_unverified=allow_unverified)
    if json:
        emit_json(found | {"answers": {"model": model, **trial_as_dict(tried)}})
    else:
        show_answers(model, tried)
    leave(tried, len(first))


def _show(report: dict[str, Any]) -> None:
    kinds = {text("rag_cli.all_kinds"): report["all"], **report["kinds"]}
    rows: list[list[object]] = [[text("rag_cli.column_questions"), *(found["questions"] for found in kinds.values())]]
    measures = [name for name in report["all"] if name != "questions"]
    rows += [[name, *(f"{found[name]['mean']:.3f}" for found in kinds.values())] for name in measures]
    show_columns("", list(kinds), rows)


def _grid(
    workspace: Workspace, opened: Any, questions: Any, config: SearchConfig, lists: dict[str, Any], json: bool
) -> None:
    from mactuner_core.rag.grid import GridConfig, best_row, run_grid
    from mactuner_core.rag.question_file import hit_matches
    from mactuner_core.rag.trial import Trials

    wanted = GridConfig.check(lists)
    with tempfile.TemporaryDirectory(prefix="mactuner-") as folder, Trials(workspace, opened, Path(folder)) as trials:
        rows = run_grid(
            wanted,
            questions,
            trials.build,
            lambda trial, method, question, k: trial.search(
                question, config.model_copy(update={"method": method, "top_k": k})
            ),
            matches=hit_matches,
            on_progress=_telling(),
        )
    best = best_row(rows)
    if json:
        emit_json({"collection": opened.name, "rows": [row.as_dict() for row in rows], "best": best.as_dict()})
        return
    show_columns(
        GRID_COLUMNS[0],
        GRID_COLUMNS[1:],
        [[_cell(row.as_dict()[name]) for name in GRID_COLUMNS] for row in rows],
    )
    values = {name: getattr(best, name) for name in ("chunk_tokens", "overlap_percent", "method", "k")}
    show(text("rag_cli.best_row", **values))


def _cell(value: Any) -> str:
    mean = value["mean"] if isinstance(value, dict) else value
    return f"{mean:.3f}" if isinstance(mean, float) else str(mean)


def _lists(assignments: list[str]) -> dict[str, Any]:
    """Return `["chunk_tokens=256,512", …]` as lists."""
    given = parse_assignments(
        [one.replace("=", "=[", 1) + "]" if "=" in one and "[" not in one else one for one in assignments]
    )
    return {name: value if isinstance(value, list) else [value] for name, value in given.items()}


def _telling() -> Callable[[int, int], None]:
    """Return what says on stderr how far it is, when a person looks."""

    def tell(done: int, total: int) -> None:
        if sys.stderr.isatty() and (done == total or done % 20 == 0):
            say(f"  {text('rag_cli.stage_measuring')} {done}/{total}")

    return tell
