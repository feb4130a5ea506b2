"""Following a training run on the terminal to its end, whether it was started or resumed."""

from __future__ import annotations

from mactuner_core.catalog.tables import Run
from mactuner_core.cli.follow import follow
from mactuner_core.cli.output import emit_json, say, show
from mactuner_core.format import human_duration
from mactuner_core.messages import current_language, text
from mactuner_core.workspace import Workspace

SHOWN = ("train_loss_before", "train_loss", "eval_loss_before", "eval_loss", "tokens_per_second")


def follow_run(workspace: Workspace, run: Run, *, detach: bool, json: bool) -> None:
    """Show the progress of a run and what came of it; with `detach` only say that it goes on by itself.

    Raises what made the run fail, typer.Exit(130) when it was stopped.
    """
    if detach:
        if json:
            emit_json({"run": run.id, "job": run.job_id})
        else:
            show(text("cli.detached", run=run.id))
        return
    say(text("cli.training", run=run.id, model=run.config["model"], dataset=run.dataset_id))
    stats = follow(workspace.jobs / run.job_id).result
    if json:
        emit_json({"run": run.id} | stats)
        return
    show(text("cli.trained", run=run.id, time=human_duration(stats["seconds"], current_language())))
    for name in SHOWN:
        if stats.get(name) is not None:
            show(f"{name:>18}  {stats[name]:.4g}")
    if stats.get("fitted"):
        show(text("cli.fitted", **stats["fitted"]))
    if stats.get("stopped_early"):
        show(text("cli.stopped_early", step=stats["weights_step"]))
    show(text("cli.next_export", run=run.id))
