"""The answers of `mactuner rag evaluate --model`: asked through a server, checked, and shown with what is wrong."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import Any

import typer

from mactuner_core.chat.answer_trial import FIRST_QUESTIONS, TriedAnswer, shares_of, try_answers
from mactuner_core.chat.ask_documents import DocumentsAnswer, ask_documents, names_of
from mactuner_core.chat.server_process import serving
from mactuner_core.chat.talk import Sampling
from mactuner_core.cli.output import say, show, show_columns
from mactuner_core.messages import text
from mactuner_core.workspace import Workspace

STOPPED = 130
NO_ANSWER = 1


def answers_help() -> str:
    """Return the help of `--answers` with its default."""
    return f"{text('rag_cli.answers_help')} · default {FIRST_QUESTIONS}"


def try_model(
    workspace: Workspace,
    model: str,
    collection: str,
    questions: Sequence[str],
    search: dict[str, Any],
    *,
    allow_unverified: bool,
) -> list[TriedAnswer]:
    """Ask a model about a collection and return the checked answers; after Ctrl-C those that are there."""
    tried: list[TriedAnswer] = []
    with serving(workspace, model, collection=collection, allow_unverified=allow_unverified) as server:
        name = names_of(server, collection)[0]

        def ask(question: str) -> DocumentsAnswer:
            return ask_documents(server, name, [{"role": "user", "content": question}], Sampling(), search=search)

        with contextlib.suppress(KeyboardInterrupt):
            for one in try_answers(questions, ask):
                tried.append(one)
                if sys.stderr.isatty():
                    say(f"  {text('rag_cli.answering')} {len(tried)}/{len(questions)}")
    return tried


def show_answers(model: str, tried: Sequence[TriedAnswer]) -> None:
    """Print the shares, then each question whose answer did not pass, with the reasons."""
    answered = sum(one.problem is None for one in tried)
    title = text("rag_cli.answers_of", model=model, answered=answered, asked=len(tried))
    show()
    show(title)
    rows = [[text(f"rag_check.share_{name}"), share] for name, share in shares_of(tried).items()]
    show_columns("", [text("rag_cli.column_answers")], rows)
    wrong = [one for one in tried if not one.passed]
    if wrong:
        show(text("rag_cli.answers_not_passed", count=len(wrong)))
    for one in wrong:
        show(f"- {one.question}")
        for reason in one.reasons():
            show(f"    {text('rag_cli.not_answered', reason=reason) if one.problem else reason}")


def leave(tried: Sequence[TriedAnswer], wanted: int) -> None:
    """End with exit code 130 when it was stopped, with 1 when not one question was answered."""
    if len(tried) < wanted:
        say(text("rag_cli.answers_stopped", done=len(tried), total=wanted))
        raise typer.Exit(STOPPED)
    if all(one.problem for one in tried):
        raise typer.Exit(NO_ANSWER)
