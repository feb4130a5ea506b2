"""The lines that the Serve page gives to copy really work: each is taken from the page and run against a real server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mactuner_core.chat.server_process import Server, start_server, stop_server, wait_for_server
from mactuner_core.server.key_file import add_key, key_file
from mactuner_core.workspace import Workspace
from tests.pages.conftest import Open
from tests.serving.conftest import Taught, taught  # noqa: F401 (a fixture)

SERVE = "pages/8_Serve.py"
NAME = """it's "mine": 1"""  # such a name must not break the lines
Begin = Callable[..., Server]


@pytest.fixture
def begin(workspace: Workspace, taught: Taught) -> Iterator[Begin]:  # noqa: F811
    """Return a function that starts a server as the page does and waits until it answers."""
    started: list[Path] = []

    def one(**settings: Any) -> Server:
        job_id = start_server(
            workspace, str(taught.gguf), **{"n_threads": 1, "n_ctx": 2048, "max_tokens": 20} | settings
        )
        started.append(workspace.jobs / job_id)
        return wait_for_server(started[-1])

    yield one
    for folder in started:
        stop_server(folder)


@pytest.fixture
def key(workspace: Workspace) -> str:
    return add_key(key_file(workspace), "me")


def snippets(open_page: Open, language: str) -> dict[str, str]:
    """Return the lines on the page, by program."""
    app = open_page(SERVE, language)
    assert not app.exception
    marks = {
        "openai": "import OpenAI",
        "curl": "curl ",
        "langchain": "langchain_openai",
        "continue": "provider: openai",
    }
    return {name: next(code.value for code in app.code if mark in code.value) for name, mark in marks.items()}


def run(*command: str) -> str:
    """Run a program and return what it wrote; it must end well."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_lines_work_as_they_stand(open_page: Open, begin: Begin, language: str) -> None:
    begin(name=NAME)
    lines = snippets(open_page, language)
    assert run(sys.executable, "-c", lines["openai"]).strip()
    assert run(sys.executable, "-c", lines["langchain"]).strip()
    answer = run("bash", "-c", lines["curl"])
    assert '"content"' in answer
    assert answer.rstrip().endswith("data: [DONE]")


def test_with_keys_the_lines_work_once_the_key_is_put_in(
    open_page: Open, begin: Begin, key: str, workspace: Workspace
) -> None:
    begin(api_key_file=str(key_file(workspace)))
    lines = snippets(open_page, "en")
    assert not any(key in line for line in lines.values())
    assert "invalid_api_key" in run("bash", "-c", lines["curl"])
    lines = {name: line.replace("YOUR_API_KEY", key) for name, line in lines.items()}
    assert run(sys.executable, "-c", lines["openai"]).strip()
    assert run(sys.executable, "-c", lines["langchain"]).strip()
    assert run("bash", "-c", lines["curl"]).rstrip().endswith("data: [DONE]")


def test_the_lines_for_continue_are_yaml_with_the_address_and_the_name(open_page: Open, begin: Begin) -> None:
    server = begin(name=NAME)
    (model,) = yaml.safe_load(snippets(open_page, "ko")["continue"])["models"]
    assert (model["provider"], model["model"], model["apiBase"], model["apiKey"]) == ("openai", NAME, server.url, "-")
