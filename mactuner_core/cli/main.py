"""The entry of `mactuner`: puts the commands together and turns errors into messages and exit codes.

Exit codes: 0 done, 1 could not, 2 the input was wrong, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import os
import sys

import typer

from mactuner_core.cli import ask, demo, doctor, export, models, rag, recommend, runs, serve, train
from mactuner_core.cli import data as data_commands
from mactuner_core.cli.output import emit_json, say
from mactuner_core.errors import InputError, MacTunerError
from mactuner_core.messages import text


def build_app() -> typer.Typer:
    """Return the command line with all its commands."""
    app = typer.Typer(
        name="mactuner",
        help=text("cli.help"),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.command(help=text("cli.doctor_help"))(doctor.doctor)
    app.command(help=text("cli.demo_help"))(demo.demo)
    app.add_typer(models.commands(), name="models", help=text("cli.models_help"))
    app.add_typer(data_commands.commands(), name="data", help=text("cli.data_help"))
    app.command("recommend", help=text("cli.recommend_help"))(recommend.recommend_settings)
    app.command(help=text("cli.train_help"))(train.train)
    app.add_typer(runs.commands(), name="runs", help=text("cli.runs_help"))
    app.command(help=text("cli.ask_help"))(ask.ask)
    app.command(help=text("cli.chat_help"))(ask.chat)
    app.command(help=text("cli.export_help"))(export.export)
    app.add_typer(rag.commands(), name="rag", help=text("rag_cli.help"))
    app.command(help=text("cli.serve_help"), **serve.PASS_THROUGH)(serve.serve)
    app.command(help=text("cli.app_help"))(serve.app)
    return app


def main() -> None:
    """Run the command line; never shows a traceback unless MACTUNER_DEBUG is set."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin starve whatever runs beside them
    try:
        build_app()()
    except MacTunerError as problem:
        _fail(problem.text(), problem.code, 2 if isinstance(problem, InputError) else 1)
    except BrokenPipeError:  # the reader of our output left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as problem:
        if os.environ.get("MACTUNER_DEBUG"):
            raise
        _fail(text("cli.unexpected", reason=f"{type(problem).__name__}: {problem}"), "cli.unexpected", 1)


def _fail(message: str, code: str, exit_code: int) -> None:
    if "--json" in sys.argv:
        emit_json({"error": {"code": code, "message": message}})
    say(message)
    sys.exit(exit_code)
