"""`mactuner serve` and `mactuner app`: hand over to the server's and to Streamlit's own command lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import typer

from mactuner_core.errors import WorkError
from mactuner_core.messages import text

ROOT = Path(__file__).parents[2]
PASS_THROUGH: dict[str, Any] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
    "add_help_option": False,
}


def serve(context: typer.Context) -> None:
    _become([sys.executable, "-m", "serving", *context.args])


def app(
    port: int = typer.Option(8501, min=0, max=65535, help=text("cli.app_port_help")),
    browser: bool = typer.Option(True, help=text("cli.app_browser_help")),
) -> None:
    home = ROOT / "Home.py"
    if not home.is_file():
        raise WorkError("cli.no_app", path=home)
    options = ["--server.address=127.0.0.1", f"--server.port={port}", f"--server.headless={not browser}".lower()]
    _become([sys.executable, "-m", "streamlit", "run", str(home), *options], folder=ROOT)


def _become(command: list[str], folder: Path | None = None) -> None:
    """Put `command` in this process's place, so that signals and the exit code are its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    if sys.platform == "win32":
        sys.exit(subprocess.run(command, env=environment, cwd=folder, check=False).returncode)
    if folder:
        os.chdir(folder)
    os.execvpe(command[0], command, environment)  # noqa: S606 (no shell is wanted)
