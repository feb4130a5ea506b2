"""Running the command line in this process, as a person would type it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from mactuner_core.cli.main import main
from tests.commands import Finished as Outcome

Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    def run_command(*arguments: object) -> Outcome:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["mactuner", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run_command
