"""`mactuner runs`: training runs, finished and under way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.catalog.tables import Run
from mactuner_core.cli.output import JsonOption, emit_json, say, show, show_columns, show_table
from mactuner_core.cli.run_end import follow_run
from mactuner_core.errors import error_from_dict
from mactuner_core.format import human_bytes
from mactuner_core.jobs import read, request_stop, wait
from mactuner_core.messages import text
from mactuner_core.training import checkpoints, metrics
from mactuner_core.training.checkpoints import Checkpoint
from mactuner_core.training.compare import differences, scores
from mactuner_core.training.removing import remove_run
from mactuner_core.training.resume import resume_training
from mactuner_core.workspace import Workspace, open_workspace


def commands() -> typer.Typer:
    """Return the group of commands."""
    group = typer.Typer(no_args_is_help=True)
    for name, function in (
        ("list", list_runs),
        ("show", show_run),
        ("stop", stop),
        ("resume", resume),
        ("logs", logs),
        ("checkpoints", list_checkpoints),
        ("compare", compare),
        ("remove", remove),
    ):
        group.command(name, help=text(f"cli.runs_{name}_help"))(function)
    return group


def list_runs(json: JsonOption = False) -> None:
    workspace = open_workspace()
    found = [_summary(workspace, run) for run in open_catalog(workspace).runs()]
    if json:
        emit_json(found)
        return
    rows = [(r["run"], r["state"], r["model"], r["dataset"], r["method"], r.get("train_loss", "")) for r in found]
    show_table(["cli.id", "cli.state", "cli.model", "cli.dataset", "cli.method", "cli.train_loss"], rows)


def show_run(run: str, json: JsonOption = False) -> None:
    workspace = open_workspace()
    row = open_catalog(workspace).run(run)
    summary = _summary(workspace, row) | {"path": row.path, "config": row.config}
    if json:
        emit_json(summary | {"metrics": metrics.read(Path(row.path))})
        return
    for key, value in summary.items():
        show(f"{key:>18}  {value}")


def stop(run: str, json: JsonOption = False) -> None:
    workspace = open_workspace()
    folder = workspace.jobs / open_catalog(workspace).run(run).job_id
    request_stop(folder)
    state = wait(folder).state
    if json:
        emit_json({"run": run, "state": state})
    else:
        show(text(f"jobs.state_{state}"))


def logs(run: str, json: JsonOption = False) -> None:
    workspace = open_workspace()
    path = workspace.jobs / open_catalog(workspace).run(run).job_id / "log.txt"
    content = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    if json:
        emit_json({"run": run, "log": content})
    else:
        show(content)


def resume(
    run: str,
    checkpoint: Annotated[int | None, typer.Option(min=1, help=text("cli.checkpoint_help"))] = None,
    detach: Annotated[bool, typer.Option("--detach", help=text("cli.detach_help"))] = False,
    json: JsonOption = False,
) -> None:
    workspace = open_workspace()
    catalog = open_catalog(workspace)
    found = checkpoints.find(Path(catalog.run(run).path), checkpoint)
    resumed = resume_training(workspace, catalog, run, found.step)
    say(text("cli.resumed", run=run, step=found.step))
    follow_run(workspace, resumed, detach=detach, json=json)


def list_checkpoints(
    run: str,
    delete: Annotated[int | None, typer.Option(min=1, help=text("cli.delete_checkpoint_help"))] = None,
    json: JsonOption = False,
) -> None:
    folder = Path(open_catalog(open_workspace()).run(run).path)
    if delete is not None:
        gone = checkpoints.delete(folder, delete)
        if not json:
            show(text("cli.checkpoint_deleted", step=gone.step, size=human_bytes(gone.bytes)))
            return
    found = checkpoints.all_of(folder)
    if json:
        emit_json([_checkpoint(checkpoint) for checkpoint in found])
        return
    columns = ["cli.step", "cli.epoch", "cli.train_loss", "cli.eval_loss", "cli.size", "cli.best"]
    rows = [
        (
            c.step,
            f"{c.epoch:.2f}",
            _number(c.train_loss),
            _number(c.eval_loss),
            human_bytes(c.bytes),
            "✓" if c.best else "",
        )
        for c in found
    ]
    show_table(columns, rows)


def compare(runs: list[str], json: JsonOption = False) -> None:
    catalog = open_catalog(open_workspace())
    found = [catalog.run(name) for name in runs]
    settings, figures = differences(found), scores(found)
    if json:
        emit_json({"runs": runs, "settings": settings, "scores": figures})
        return
    for title, rows in (("cli.setting", settings), ("cli.score", figures)):
        show_columns(text(title), runs, [(name, *map(_cell, values)) for name, values in rows.items()])


def remove(run: str, json: JsonOption = False) -> None:
    workspace = open_workspace()
    gone = remove_run(workspace, open_catalog(workspace), run)
    if json:
        emit_json({"removed": gone.id})
    else:
        show(text("cli.run_removed", run=gone.id))


def _checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    names = ("step", "epoch", "train_loss", "eval_loss", "bytes", "best", "created_at")
    return {name: getattr(checkpoint, name) for name in names}


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _summary(workspace: Workspace, run: Run) -> dict[str, Any]:
    status = read(workspace.jobs / run.job_id)
    summary: dict[str, Any] = {
        "run": run.id,
        "state": status.state,
        "model": run.model_id,
        "dataset": run.dataset_id,
        "method": run.method,
        "progress": round(status.share, 3),
        "created_at": f"{run.created_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    figures = ("train_loss", "eval_loss", "tokens_per_second", "seconds")
    summary |= {name: status.result[name] for name in figures if status.result.get(name) is not None}
    if status.error:
        summary["error"] = error_from_dict(status.error).text()
    if Path(run.path).exists():
        summary["bytes"] = sum(file.stat().st_size for file in Path(run.path).rglob("*") if file.is_file())
    return summary
