"""The server as a program: `python -m serving`, its messages, its exit codes, its end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest

from tests.serving.conftest import PAIRS, Taught, ask

ROOT = Path(__file__).parents[2]


@contextmanager
def program(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start `python -m serving` with these arguments; it is killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "serving", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "MACTUNER_LANG": "en", **environment},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for_url(process: subprocess.Popen[str]) -> str:
    """Read stderr until the server says where it is."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if found := re.search(r"Ready: (http://\S+/v1)", line):
            return found[1]
    raise AssertionError("".join(lines))


def ends(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run the program to its end; return the exit code and stderr."""
    with program(*arguments, **environment) as process:
        _, said = process.communicate(timeout=60)
        assert "Traceback" not in said
        return process.returncode, said


def test_end_to_end_with_an_interrupt_while_streaming(taught: Taught) -> None:
    with program("--model", str(taught.gguf), "--port", "0", "--name", "mine", "--n-threads", "1") as process:
        url = wait_for_url(process)
        client = openai.OpenAI(base_url=url, api_key="-", max_retries=0, timeout=60)
        assert "mine" in [model.id for model in client.models.list().data]
        stream = client.chat.completions.create(model="mine", messages=ask("Count"), temperature=0, stream=True)
        first = next(stream)
        process.send_signal(signal.SIGINT)
        text = (first.choices[0].delta.content or "") + "".join(c.choices[0].delta.content or "" for c in stream)
        assert text == PAIRS["Count"]
        client.close()
        out, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert out == ""
        assert "Server stopped." in said
        assert "Traceback" not in said


def test_an_answer_that_takes_too_long_at_the_end_is_ended_with_an_error(taught: Taught) -> None:
    with program("--model", str(taught.gguf), "--port", "0", "--shutdown-s", "0", "--n-threads", "1") as process:
        client = openai.OpenAI(base_url=wait_for_url(process), api_key="-", max_retries=0, timeout=60)
        stream = client.chat.completions.create(
            model="taught-F16", messages=ask("word " * 1000), temperature=2.0, max_tokens=100_000, stream=True
        )
        next(stream)
        process.send_signal(signal.SIGINT)
        try:
            list(stream)
        except openai.APIError as problem:
            assert "stopping" in str(problem)
        client.close()
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in said


def test_sigterm_ends_it_cleanly_too(taught: Taught) -> None:
    with program("--model", str(taught.gguf), "--port", "0") as process:
        wait_for_url(process)
        process.terminate()
        _, said = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGTERM)
        assert "Traceback" not in said


def test_a_port_in_use(taught: Taught) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, said = ends("--model", str(taught.gguf), "--port", port)
    assert code == 2
    assert f"Port {port}" in said
    assert "--port" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "missing.gguf"], "missing.gguf"),
        (["--model", str(ROOT / "README.md")], "GGUF"),
        (["--model", "no-such-export"], "no-such-export"),
        (["--model", "x.gguf", "--host", "0.0.0.0"], "--api-key-file"),  # noqa: S104
        (["--model", "x.gguf", "--port", "99999"], "port"),
        (["--model", "x.gguf", "--n-ctx", "many"], "n_ctx"),
        (["--model", "x.gguf", "--api-key-file", "missing-keys"], "missing-keys"),
        ([], "model"),
        (["--what"], "--what"),
    ],
)
def test_a_wrong_start_is_one_clear_message(arguments: list[str], words: str, tmp_path: Path) -> None:
    code, said = ends(*arguments, MACTUNER_HOME=str(tmp_path / "home"))
    assert code == 2
    assert words in said


def test_a_damaged_file_is_refused(taught: Taught, tmp_path: Path) -> None:
    data = taught.gguf.read_bytes()
    (tmp_path / "cut.gguf").write_bytes(data[: len(data) // 2])
    code, said = ends("--model", str(tmp_path / "cut.gguf"), "--port", "0")
    assert code == 2
    assert "cut.gguf" in said


def test_a_model_without_a_chat_template_is_refused(taught: Taught, tmp_path: Path) -> None:
    data = taught.gguf.read_bytes().replace(b"tokenizer.chat_template", b"tokenizer.chat_nothing_")
    (tmp_path / "plain.gguf").write_bytes(data)
    code, said = ends("--model", str(tmp_path / "plain.gguf"), "--port", "0")
    assert code == 2
    assert "no chat template" in said


def test_variables_set_what_flags_do_not(taught: Taught) -> None:
    code, said = ends("--port", "99999", MACTUNER_SERVE_MODEL="x.gguf", MACTUNER_SERVE_PORT="5")
    assert code == 2
    assert "99999" in said


def test_help_names_every_setting_with_its_range_and_default() -> None:
    with program("--help") as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    for words in ("--model", "--n-ctx", "--n-parallel", "[0 – 65535]", "(default: 8000)", "--api-key-file"):
        assert words in out


def test_the_job_runs_until_it_is_asked_to_stop(taught: Taught, tmp_path: Path) -> None:
    from mactuner_core import jobs
    from mactuner_core.workspace import open_workspace

    workspace = open_workspace(tmp_path / "home")
    job = jobs.start(workspace, "serve", {"model": str(taught.gguf), "port": 0, "n_threads": 1})
    folder = workspace.jobs / job
    ready = threading.Event()
    found: dict[str, object] = {}
    for _ in range(600):
        for event in jobs.events(folder):
            if event.get("kind") == "ready":
                found = event
                ready.set()
        if ready.wait(0.1) or jobs.read(folder).ended:
            break
    assert ready.is_set(), (folder / "log.txt").read_text()
    with openai.OpenAI(base_url=str(found["url"]), api_key="-") as client:
        answer = client.chat.completions.create(model="taught-F16", messages=ask("Say hello"), temperature=0)
    assert answer.choices[0].message.content == PAIRS["Say hello"]
    jobs.request_stop(folder)
    status = jobs.wait(folder)
    assert status.state == "done"
    assert status.result == {"url": found["url"], "models": ["taught-F16"]}


def test_the_job_says_whether_it_has_a_key(taught: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mactuner_core.chat.server_process import start_server, stop_server, wait_for_server
    from mactuner_core.workspace import open_workspace

    monkeypatch.setenv("MACTUNER_SERVE_API_KEYS", "a-key-of-a-person-0123456789")
    workspace = open_workspace(tmp_path / "home")
    folder = workspace.jobs / start_server(workspace, str(taught.gguf))
    try:
        assert wait_for_server(folder).needs_key
    finally:
        stop_server(folder)
