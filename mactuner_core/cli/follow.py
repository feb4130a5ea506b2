"""Following a job on the terminal: a progress bar with ETA on stderr, Ctrl-C stops the job and keeps what it saved."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from mactuner_core.cli.output import say
from mactuner_core.errors import WorkError, error_from_dict
from mactuner_core.format import human_bytes, human_duration
from mactuner_core.jobs import JobStatus, cancel_on_interrupt, wait
from mactuner_core.messages import current_language, text

INTERRUPTED = 130


def follow(folder: Path) -> JobStatus:
    """Show the job in `folder` until it is done and return its status.

    Raises what made it fail, WorkError when its process vanished, typer.Exit(130) when it was stopped.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=None, note="")
        stages: list[str] = []
        try:
            with cancel_on_interrupt(folder):
                status = wait(folder, lambda status: _draw(progress, task, status, stages))
        except KeyboardInterrupt:
            say(text("jobs.stopped"))
            raise typer.Exit(INTERRUPTED) from None
    return checked(status)


def checked(status: JobStatus) -> JobStatus:
    """Return the status of a job that is done; raises for every other end."""
    if status.state == "failed" and status.error:
        raise error_from_dict(status.error)
    if status.state == "cancelled":
        say(text("jobs.stopped"))
        raise typer.Exit(INTERRUPTED)
    if status.state == "lost":
        raise WorkError("jobs.lost", log=status.folder / "log.txt")
    return status


def _draw(progress: Progress, task: TaskID, status: JobStatus, stages: list[str]) -> None:
    stage = text(status.stage) if status.stage else text(f"jobs.state_{status.state}")
    if progress.disable:  # no terminal: one line a stage
        if status.stage and status.stage not in stages:
            say(f"  {stage}")
            stages.append(status.stage)
        return
    counted = human_bytes if status.kind == "hub_download" else "{:.0f}".format
    note = f"{counted(status.done)}/{counted(status.total)}" if status.total else ""
    if status.eta_s is not None:
        note += "  " + text("cli.remaining", time=human_duration(status.eta_s, current_language()))
    progress.update(task, description=stage, completed=status.done, total=status.total or None, note=note)
