"""The Models page against the stand-in of the Hub: search, facts, download, token, going on, and no network.

The app runs in a process of its own, because huggingface_hub reads its settings when it is imported.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.models.hub_download import start_download
from mactuner_core.workspace import Workspace
from tests.core.models.conftest import folder, hub  # noqa: F401 (fixtures)
from tests.core.models.hub_server import HubServer

Walk = Callable[..., None]
BEGIN = """
from pathlib import Path
from streamlit.testing.v1 import AppTest
from tests.pages.conftest import by_key, press, words
app = AppTest.from_file("Home.py", default_timeout=180)
app.query_params["lang"] = "ko"
app.run().switch_page("pages/1_Models.py")
app.query_params["lang"] = "ko"
app.run()
assert not app.exception
def way(name): return by_key(app.segmented_control, "models-way").set_value(name).run()
def view(name): return by_key(app.segmented_control, "models-view").set_value(name).run()
"""


@pytest.fixture
def walk(hub: HubServer) -> Walk:  # noqa: F811
    """Return a function that opens the page and runs a few lines on it."""

    def go(lines: str) -> None:
        done = subprocess.run([sys.executable, "-c", BEGIN + lines], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]

    return go


def test_nothing_is_asked_of_the_hub_before_a_click(hub: HubServer, walk: Walk) -> None:  # noqa: F811
    walk("way('hub')\nview('search')\nview('recommended')\nview('disk')\nassert not app.error")
    assert not hub.asked


def test_a_search_with_filters_and_the_facts_of_a_model(hub: HubServer, walk: Walk) -> None:  # noqa: F811
    walk("""
view("search")
by_key(app.text_input, "hub-query").set_value("tiny")
by_key(app.toggle, "hub-korean").set_value(True)
by_key(app.selectbox, "hub-size").set_value("1b")
press(app, "검색")
assert not app.error, app.error
table = app.dataframe[0].value
assert list(table["모델"]) == ["tiny/model"], table
assert table["여기서 가능"][0] == "전체, LoRA, QLoRA"
way("hub")
by_key(app.text_input, "hub-repository").set_value("big/gated").run()
press(app, "먼저 살펴보기")
facts = app.table[0].value
facts = dict(zip(facts["항목"], facts["값"]))
assert facts["파라미터"] == "7.0B" and facts["접근"] == "동의·토큰 필요", facts
assert "huggingface.co/big/gated" in app.warning[0].value
by_key(app.text_input, "hub-repository").set_value("with/code").run()
assert not app.table  # the facts of another model are not shown
press(app, "먼저 살펴보기")
assert "trust\\_remote\\_code" in app.error[0].value or "trust_remote_code" in app.error[0].value
assert next(button for button in app.button if button.label == "내려받기").disabled
by_key(app.text_input, "hub-repository").set_value("some/missing").run()
press(app, "먼저 살펴보기")
assert "some/missing" in app.error[0].value
""")
    assert hub.searched["num_parameters"] == ["max:1000M"]
    assert "ko" in hub.searched["filter"]


def test_a_token_is_written_nowhere(
    hub: HubServer,  # noqa: F811
    walk: Walk,
    workspace: Workspace,
    catalog: Catalog,
) -> None:
    walk("""
way("hub")
by_key(app.text_input, "hub-repository").set_value("tiny/model")
by_key(app.text_input, "hub-token").set_value("hf_verysecret").run()
way("starter")
way("hub")
assert by_key(app.text_input, "hub-token").value == "hf_verysecret"  # kept while one looks elsewhere
press(app, "내려받기")
assert not app.exception and not app.error
assert "hf_verysecret" not in words(app)
""")
    job = jobs.list_jobs(workspace.jobs)[0]
    assert jobs.wait(job.folder).state == "done"
    assert catalog.model("model").name == "tiny/model"
    assert ("/api/models/tiny/model", "Bearer hf_verysecret") in hub.asked
    files = [file for file in workspace.root.rglob("*") if file.is_file()]
    assert not [file for file in files if b"hf_verysecret" in file.read_bytes()]


def test_a_stopped_download_goes_on_from_the_page(hub: HubServer, walk: Walk, workspace: Workspace) -> None:  # noqa: F811
    hub.faults.piece_s = 0.05
    first = workspace.jobs / start_download(workspace, "tiny/model")
    while hub.sent < 600_000 and not jobs.read(first).ended:
        pass
    jobs.request_stop(first)
    assert jobs.wait(first).state == "cancelled"
    hub.faults.piece_s = 0.0
    walk("""
press(app, "이어서 내려받기")
assert not app.exception and not app.error
""")
    assert jobs.wait(jobs.list_jobs(workspace.jobs)[0].folder).state == "done"
    assert hub.ranges[-1] and hub.ranges[-1].startswith("bytes=")


def test_without_a_network_the_page_offers_the_disk(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    walk("""
view("search")
press(app, "검색")
assert len(app.error) == 1, app.error
app.run()
assert "디스크" in app.info[0].value
by_key(app.segmented_control, "models-view").set_value("recommended").run()
by_key(app.button, "choose-Qwen/Qwen3-1.7B").click().run()
assert not app.error  # known to be offline: not asked again by itself
""")
