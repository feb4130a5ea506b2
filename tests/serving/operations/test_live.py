"""live.json: what a running server tells the page about itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import openai
import pytest

from mactuner_core import jobs
from mactuner_core.errors import WorkError
from mactuner_core.workspace import open_workspace
from serving.server import serve
from serving.settings import ServeSettings
from tests.serving.conftest import PAIRS, Taught, ask


def test_the_job_tells_how_it_stands_while_it_answers(taught: Taught, tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "home")
    job = jobs.start(workspace, "serve", {"model": str(taught.gguf), "port": 0, "n_threads": 1, "n_parallel": 1})
    folder = workspace.jobs / job
    try:
        ready = wait(lambda: next((one for one in jobs.events(folder) if one.get("kind") == "ready"), None))
        idle = wait(lambda: read(folder))
        assert [(one["name"], one["state"]) for one in idle["models"]] == [("taught-F16", "ready")]
        assert idle["models"][0]["bytes"] > 0
        assert (idle["running"], idle["waiting"], idle["requests"], idle["requests_total"]) == (0, 0, [], 0)
        with openai.OpenAI(base_url=ready["url"], api_key="-", max_retries=0, timeout=60) as client:
            words = ask("secret-words " * 40)
            streams = [
                client.chat.completions.create(
                    model="taught-F16",
                    messages=words,
                    max_tokens=3000,
                    temperature=2,
                    logit_bias=endless(taught),
                    stream=True,
                )
                for _ in range(3)
            ]
            busy = wait(lambda: live if (live := read(folder)) and live["running"] and live["waiting"] else None)
            for stream in streams:
                stream.response.close()
            client.chat.completions.create(model="taught-F16", messages=ask("Say hello"), temperature=0, max_tokens=3)
            with pytest.raises(openai.NotFoundError):
                client.chat.completions.create(model="none", messages=ask("x"))
            done = wait(lambda: live if (live := read(folder)) and live["requests_total"] >= 5 else None)
    finally:
        jobs.request_stop(folder)
        status = jobs.wait(folder)
    assert status.state == "done"
    states = {one["state"] for one in busy["requests"]}
    assert "waiting" in states and states <= {"waiting", "reading", "writing"}
    for one in busy["requests"]:
        assert one["id"].startswith("req_") and one["model"] == "taught-F16"
        assert one["prompt_tokens"] > 40 and one["completion_tokens"] >= 0 and one["age_s"] >= 0
    assert any(point[1] > 0 for point in done["history"])
    assert (done["requests_total"], done["errors_total"]) == (5, 1)  # who leaves makes no error
    assert len(done["history"][0]) == 4
    assert "secret" not in (folder / "live.json").read_text() + json.dumps(busy)
    assert "secret" not in (folder / "log.txt").read_text()


def test_a_live_file_that_cannot_be_written_stops_nobody(taught: Taught) -> None:
    stop, told = threading.Event(), threading.Event()

    def fails(live: dict[str, Any]) -> None:
        told.set()
        raise OSError("the disk is full")

    settings = ServeSettings.check({"model": str(taught.gguf), "port": 0, "n_threads": 1})
    urls: SimpleQueue[str] = SimpleQueue()
    thread = threading.Thread(
        target=lambda: serve(
            settings,
            on_ready=lambda url, models: urls.put(url),
            on_warning=lambda notice: None,
            should_stop=stop.is_set,
            on_live=fails,
        ),
        daemon=True,
    )
    thread.start()
    with openai.OpenAI(base_url=urls.get(timeout=60), api_key="-", max_retries=0, timeout=60) as client:
        assert told.wait(30)
        answer = client.chat.completions.create(model="taught-F16", messages=ask("Say hello"), temperature=0)
    assert answer.choices[0].message.content == PAIRS["Say hello"]
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


def test_what_fails_beside_the_server_ends_it(taught: Taught) -> None:
    def not_ready(url: str, models: list[str]) -> None:
        raise WorkError("serving.engine_failed")

    settings = ServeSettings.check({"model": str(taught.gguf), "port": 0, "n_threads": 1})
    with pytest.raises(WorkError):
        serve(settings, on_ready=not_ready, on_warning=lambda notice: None)


def endless(taught: Taught) -> dict[str, int]:
    """Return the bias with which an answer does not end before its last token."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(taught.folder)
    return {str(tokenizer.convert_tokens_to_ids(one)): -100 for one in tokenizer.all_special_tokens}


def read(folder: Path) -> dict[str, Any] | None:
    """Return what stands in live.json now; whoever reads it never sees half of it."""
    try:
        found: dict[str, Any] = json.loads((folder / "live.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def wait(look: Callable[[], Any]) -> Any:
    """Look until there is something."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came")
