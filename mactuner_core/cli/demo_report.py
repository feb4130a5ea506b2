"""What the demo prints for a person."""

from __future__ import annotations

from typing import Any

from mactuner_core.cli.export import show_export
from mactuner_core.cli.output import show, show_table
from mactuner_core.format import human_duration
from mactuner_core.messages import current_language, text


def show_report(report: dict[str, Any]) -> None:
    """Show losses, answers, scores, files, verification, speed and the next commands."""
    train = report["train"]
    show()
    show(text("cli.demo_loss", before=f"{train['train_loss_before']:.3f}", after=f"{train['train_loss']:.3f}"))
    show(text("cli.demo_speed", train=f"{train['tokens_per_second']:,.0f}", serve=report["serve"]["tokens_per_second"]))
    show()
    rows = [(_mark(answer), answer["question"], answer["answer"]) for answer in report["answers"]]
    show_table(["cli.demo_set", "cli.question", "cli.answer"], rows)
    scores = [
        (
            text(f"cli.demo_{part}"),
            text(f"cli.demo_who_{who}"),
            f"{figures['exact']}/{figures['total']}",
            f"{figures['chrf']:.1f}",
        )
        for part, both in report["scores"].items()
        for who, figures in both.items()
    ]
    show_table(["cli.demo_set", "cli.model", "cli.exact", "cli.chrf"], scores)
    files = [file | {"verify": check} for file, check in zip(report["export"]["files"], report["verify"], strict=True)]
    show_export({"files": files})
    show(text("cli.demo_done", time=human_duration(report["seconds"], current_language())))
    show(report["note"])
    show()
    show(text("cli.demo_next", run=report["train"]["run"], export=report["export"]["id"]))


def _mark(answer: dict[str, Any]) -> str:
    kind = text("cli.demo_taught" if answer["taught"] else "cli.demo_unseen")
    return f"{kind} {'=' if answer['exact'] else '≠'}"
