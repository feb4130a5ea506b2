"""`mactuner runs`: training runs, finished and under way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.catalog.tables import Run
from mactuner_core.cli.output import JsonOption, emit_json, show, show_table
from mactuner_core.errors import error_from_dict
from mactuner_core.jobs import events, read, request_stop, wait
from mactuner_core.messages import text
from mactuner_core.workspace import Workspace, open_workspace


def commands() -> typer.Typer:
    """Return the group of commands."""
    group = typer.Typer(no_args_is_help=True)
    for name, function in (("list", list_runs), ("show", show_run), ("stop", stop), ("logs", logs)):
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
        emit_json(summary | {"metrics": events(workspace.jobs / row.job_id)})
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
