"""A real Streamlit server on a free port and a workspace of its own, and a real browser.

Without a chromium these tests are skipped, except on CI, where they fail.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from mactuner_core import jobs
from mactuner_core.workspace import Workspace

ROOT = Path(__file__).parents[2]
FOLDER = os.environ.get("MACTUNER_SCREENSHOTS")  # where pictures go, when they are taken
HOME = Path(tempfile.gettempdir()) / "mactuner"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 60_000  # for a click to have its effect, on a busy machine
WORK_MS = 600_000  # for a job
expect.set_options(timeout=WAIT_MS)


@dataclass
class Visit:
    """One browser tab and what went wrong in it: requests to other machines, and errors of the page's own code."""

    page: Page
    url: str
    strangers: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        """Go to `path` and wait until the page is drawn."""
        self.page.goto(self.url + path)
        self.settled()
        return self.page

    def settled(self) -> None:
        """Wait until the page's script has ended."""
        drawn = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
        self.page.wait_for_selector("[data-testid=stSidebar] a", timeout=WAIT_MS)
        self.page.wait_for_function(drawn, timeout=WAIT_MS)


def chromium() -> str | None:
    """Return where a chromium is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    return next((found for name in names if (found := shutil.which(name))), mac if Path(mac).exists() else None)


@pytest.fixture(scope="module")  # not longer: while Playwright runs, no other test of this thread can run an event loop
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None and not os.environ.get("CI"):
        pytest.skip("no chromium on this machine: install it (apt-get install chromium) to run the browser tests")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def own_home(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """For pictures, use a folder whose name looks well."""
    if not FOLDER:
        yield own_home
        return
    HOME.mkdir()
    monkeypatch.setenv("MACTUNER_HOME", str(HOME))
    yield HOME
    shutil.rmtree(HOME)


@pytest.fixture
def app_url(workspace: Workspace, tmp_path: Path) -> Iterator[str]:
    """Start the app on an empty workspace; at the end stop it and every job it started."""
    try:
        with running_app(tmp_path / "app.log") as url:
            yield url
    finally:
        for job in jobs.list_jobs(workspace.jobs):
            jobs.kill(job.folder)


@contextlib.contextmanager
def running_app(log: Path) -> Iterator[str]:
    """Start the app and yield its address; its log must be without a traceback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "Home.py", "--server.headless=true"]
    environment = {name: value for name, value in os.environ.items() if name != "MACTUNER_LANG"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--server.port={port}", "--server.address=127.0.0.1"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(url, process, log)
        yield url
        assert "Traceback" not in log.read_text(encoding="utf-8"), log.read_text(encoding="utf-8")[-3000:]
    finally:
        process.terminate()
        process.wait(timeout=120)  # with a browser still connected Streamlit takes its time, more so on busy cores


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8"))


@pytest.fixture
def visit(browser: Browser, app_url: str) -> Iterator[Callable[..., Visit]]:
    """Return a function that opens a fresh browser: its locale and its colours."""
    contexts = []

    def come(locale: str = "ko-KR", colours: str = "light", width: int = 1440, height: int = 1000) -> Visit:
        context = browser.new_context(
            locale=locale,
            color_scheme=colours,  # type: ignore[arg-type]
            viewport={"width": width, "height": height},
            device_scale_factor=1,
        )
        contexts.append(context)
        found = Visit(context.new_page(), app_url)
        found.page.set_default_timeout(WAIT_MS)
        home = (app_url, "data:", "blob:")
        found.page.on("request", lambda request: _stranger(found, request.url, home))
        found.page.on("pageerror", lambda error: found.errors.append(str(error)))
        return found

    yield come
    for context in contexts:
        context.close()


def _stranger(found: Visit, url: str, home: tuple[str, ...]) -> None:
    if not url.startswith(home):
        found.strangers.append(url)
