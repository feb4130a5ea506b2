"""Jobs as real processes: they end, fail, stop, get killed, and the folder alone tells which."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mactuner_core import jobs
from mactuner_core.errors import error_from_dict
from mactuner_core.jobs.status import read
from mactuner_core.workspace import Workspace

KINDS = ("count", "refuse", "break_down", "until_stopped", "deaf", "save_slowly")


@pytest.fixture(autouse=True)
def test_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the job processes know the kinds of `handlers.py`, through Python's own start-up hook."""
    names = {kind: f"tests.core.jobs.handlers:{kind}" for kind in KINDS}
    hook = f"from mactuner_core.jobs.kinds import HANDLERS\nHANDLERS.update({names!r})\n"
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.path.append({str(Path.cwd())!r})\n{hook}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def wait_for_state(folder: Path, state: str) -> None:
    limit = time.monotonic() + 30
    while read(folder).state != state:
        assert time.monotonic() < limit, f"{read(folder)}\n{(folder / 'log.txt').read_text()}"
        time.sleep(0.02)


def test_a_job_reports_and_returns_its_result(workspace: Workspace) -> None:
    folder = workspace.jobs / jobs.start(workspace, "count", {"to": 5}, title="Counting")
    status = jobs.wait(folder)
    assert status.state == "done"
    assert status.result["counted"] == 5
    assert status.title == "Counting"
    assert status.share == 1.0
    assert [event["number"] for event in jobs.events(folder)] == [1, 2, 3, 4, 5]


def test_an_error_crosses_the_process_in_both_languages(workspace: Workspace) -> None:
    status = jobs.wait(workspace.jobs / jobs.start(workspace, "refuse", {}))
    assert status.state == "failed"
    assert status.error is not None
    error = error_from_dict(status.error)
    assert "../x" in error.text("en") and "../x" in error.text("ko")
    assert error.text("en") != error.text("ko")


def test_a_bug_names_the_log(workspace: Workspace) -> None:
    status = jobs.wait(workspace.jobs / jobs.start(workspace, "break_down", {}))
    assert status.state == "failed" and status.error is not None
    assert "RuntimeError: a bug" in error_from_dict(status.error).text()
    assert "a bug" in (status.folder / "log.txt").read_text()


def test_stop_asks_first(workspace: Workspace) -> None:
    folder = workspace.jobs / jobs.start(workspace, "until_stopped", {})
    wait_for_state(folder, "running")
    jobs.request_stop(folder)
    assert jobs.wait(folder).state == "cancelled"


def test_a_job_that_does_not_listen_ends_after_the_grace_time(workspace: Workspace) -> None:
    folder = workspace.jobs / jobs.start(workspace, "deaf", {})
    wait_for_state(folder, "running")
    jobs.request_stop(folder, grace_s=0.5)
    assert read(folder).state == "stopping"
    assert jobs.wait(folder).state == "cancelled"


def test_a_job_that_says_how_long_saving_takes_gets_that_long(workspace: Workspace) -> None:
    folder = workspace.jobs / jobs.start(workspace, "save_slowly", {})
    wait_for_state(folder, "running")
    limit = time.monotonic() + 20
    while read(folder).eta_s != 7.5:  # the work's own estimate, not a quarter done so three quarters left
        assert time.monotonic() < limit
        time.sleep(0.02)
    jobs.request_stop(folder, grace_s=0.1)
    assert jobs.wait(folder).state == "cancelled"
    assert (folder / "saved").exists()


def test_a_killed_process_is_lost_not_running(workspace: Workspace) -> None:
    folder = workspace.jobs / jobs.start(workspace, "deaf", {})
    wait_for_state(folder, "running")
    pid = read(folder).pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_for_state(folder, "lost")


def test_sigterm_stops_as_if_asked(workspace: Workspace) -> None:
    folder = workspace.jobs / jobs.start(workspace, "until_stopped", {})
    wait_for_state(folder, "running")
    pid = read(folder).pid
    assert pid
    os.kill(pid, signal.SIGTERM)
    assert jobs.wait(folder).state == "cancelled"


def test_a_killed_job_takes_its_children_along(workspace: Workspace) -> None:
    folder = workspace.jobs / jobs.start(workspace, "deaf", {})
    wait_for_state(folder, "running")
    jobs.kill(folder)
    assert read(folder).state == "cancelled"


def test_a_job_outlives_its_starter(workspace: Workspace) -> None:
    program = (
        "from mactuner_core import jobs\nfrom mactuner_core.workspace import open_workspace\n"
        "print(jobs.start(open_workspace(), 'until_stopped', {}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    folder = workspace.jobs / done.stdout.strip()
    wait_for_state(folder, "running")
    jobs.request_stop(folder)
    assert jobs.wait(folder).state == "cancelled"


def test_secrets_go_into_the_environment_and_nowhere_else(workspace: Workspace) -> None:
    secret = "s3cr3t-token-value"
    folder = workspace.jobs / jobs.start(workspace, "count", {"to": 1}, secrets={"SECRET_FOR_TEST": secret})
    assert jobs.wait(folder).result["secret"] == "s"
    for file in folder.iterdir():
        assert secret not in file.read_text(), file


def written(folder: Path, **parts: object) -> Path:
    folder.mkdir()
    for name, content in parts.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_states_follow_from_the_folder_alone(tmp_path: Path) -> None:
    spec = {"kind": "train", "title": "t", "created_at": time.time(), "spec": {}}
    old = spec | {"created_at": time.time() - 3600}
    me = {"pid": os.getpid(), "create_time": psutil.Process().create_time()}
    other_start = me | {"create_time": 1.0}
    running = {"state": "running"}
    assert read(written(tmp_path / "a", spec=spec)).state == "queued"
    assert read(written(tmp_path / "b", spec=old)).state == "lost"
    assert read(written(tmp_path / "c", spec=old, process=me, status=running)).state == "running"
    assert read(written(tmp_path / "d", spec=old, process=other_start, status=running)).state == "lost"
    assert read(written(tmp_path / "e", spec=old, process=me, status=running, stop={})).state == "stopping"
    assert read(written(tmp_path / "f", spec=old, process=other_start, status={"state": "done"})).state == "done"
    assert read(tmp_path / "nothing").state == "lost"


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"step": 1}\n{"step": 2}\n{"st\xec\x95')
    assert [event["step"] for event in jobs.events(tmp_path)] == [1, 2]


def test_a_zombie_is_not_alive(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    created = psutil.Process(process.pid).create_time()
    limit = time.monotonic() + 10
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < limit:
        time.sleep(0.01)
    job = written(tmp_path / "z", spec={"created_at": 0}, process={"pid": process.pid, "create_time": created})
    assert read(job).state == "lost"
    process.wait()
