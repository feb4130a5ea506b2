"""Data, new examples: from gold rows to a marked version, the key kept nowhere, stopping short and going on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.synthesis.recipe import KEY_VARIABLE
from mactuner_core.workspace import Workspace
from tests.core.data.synthesis.scripted_server import Answer, Asked, ScriptedServer, row, scripted_server
from tests.pages.conftest import Open, begin_job, by_key, press, words
from tests.pages.test_data_page import PAGE, figures, fine, rows_of, view

KEY = "sk-secret-of-the-test"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Yield a server that writes three new rows a reply, and nonsense first."""
    numbers = itertools.count()

    def script(number: int, _: Asked) -> Answer:
        rows = [row(next(numbers)) for _ in range(3)]
        return Answer(json.dumps(rows)) if number else Answer("nothing")

    with scripted_server(script) as found:
        yield found


def opened(open_page: Open, url: str, key: str = "") -> AppTest:
    """Open the form and name the endpoint."""
    app = view(open_page(PAGE), "synthesis")
    by_key(app.text_input, "synthesis-address").set_value(url)
    by_key(app.text_input, "synthesis-model").set_value("scripted")
    by_key(app.text_input, "synthesis-key").set_value(key)
    return fine(app.run())


def number(app: AppTest, label: str, value: int) -> None:
    next(field for field in app.number_input if field.label.startswith(label)).set_value(value)


def finish(app: AppTest, workspace: Workspace) -> AppTest:
    """Wait for the newest job and draw the page."""
    newest = jobs.list_jobs(workspace.jobs)[0]
    status = jobs.wait(newest.folder)
    assert status.state == "done", status.error
    return fine(app.run())


def test_from_gold_rows_to_a_marked_version(
    open_page: Open, workspace: Workspace, catalog: Catalog, dataset: DatasetVersion, server: ScriptedServer
) -> None:
    app = opened(open_page, server.url, KEY)
    by_key(app.multiselect, "synthesis-gold").set_value([2, 4])
    number(app, "새 행 수", 6)
    number(app, "동시 요청 수", 1)
    press(app, "예시 쓰기 시작")
    app = finish(fine(app), workspace)
    assert figures(app) == {"받아들인 행": "6 / 6", "거절한 것": "1", "쓴 토큰": "450"}
    assert "올바른 JSON이 아님" in str([list(table.value.iloc[:, 0]) for table in app.table])
    gold = [line["messages"] for line in lines(next((workspace.root / "synthesis").glob("*/gold.jsonl")))]
    rows = rows_of(dataset)
    assert gold == [rows[1]["messages"], rows[3]["messages"]]
    assert set(server.keys) == {KEY}
    press(app, "버전으로 저장")
    version = catalog.dataset("민법-synthetic")
    assert f"{version.id}(으)로 저장했습니다" in fine(app).success[0].value
    saved = [line for split in ("train", "validation") for line in lines(Path(version.path) / f"{split}.jsonl")]
    assert len(saved) == 6
    assert {(line["synthetic"], line["source_model"]) for line in saved} == {(True, "scripted")}
    written = [file for file in workspace.root.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]
    assert not written


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_was_given_is_there_again_but_the_key(open_page: Open, dataset: DatasetVersion) -> None:
    app = opened(open_page, "http://127.0.0.1:9/v1", KEY)
    by_key(app.multiselect, "synthesis-gold").set_value([3]).run()
    number(app, "토큰 예산", 777)
    app.run()
    again = fine(open_page(PAGE))
    assert by_key(again.segmented_control, "data-view").value == "synthesis"
    assert by_key(again.text_input, "synthesis-address").value == "http://127.0.0.1:9/v1"
    assert by_key(again.multiselect, "synthesis-gold").value == [3]
    assert next(field for field in again.number_input if field.label.startswith("토큰 예산")).value == 777
    assert by_key(again.text_input, "synthesis-key").value == ""


@pytest.mark.parametrize(
    ("url", "leaves"),
    [
        ("https://api.example.com/v1", True),
        ("http://192.168.0.7:8000/v1", True),
        ("http://127.0.0.1:8000/v1", False),
        ("http://localhost:11434/v1", False),
        ("http://[::1]:8000/v1", False),
        ("http://[", False),
    ],
)
def test_one_is_warned_when_rows_leave_this_computer(
    open_page: Open, dataset: DatasetVersion, url: str, leaves: bool
) -> None:
    app = opened(open_page, url)
    assert bool([one for one in app.warning if "이 컴퓨터가 아닙니다" in one.value]) is leaves


def test_a_budget_ends_it_and_more_goes_on(
    open_page: Open, workspace: Workspace, dataset: DatasetVersion, server: ScriptedServer
) -> None:
    app = opened(open_page, server.url)
    number(app, "새 행 수", 6)
    number(app, "동시 요청 수", 1)
    number(app, "답변 길이 제한", 100)
    number(app, "토큰 예산", 6000)
    press(app, "예시 쓰기 시작")
    jobs.wait(jobs.list_jobs(workspace.jobs)[0].folder)
    app = fine(open_page(PAGE))
    assert figures(app)["받아들인 행"] == "6 / 6"
    number(app, "전체 행 수", 9)
    app.run()
    press(app, "이어서 하기")
    assert figures(finish(app, workspace))["받아들인 행"] == "9 / 9"


def test_a_running_synthesis_can_be_stopped_and_a_wrong_one_is_explained(
    open_page: Open, dataset: DatasetVersion, workspace: Workspace
) -> None:
    app = opened(open_page, "ftp://somewhere")
    press(app, "예시 쓰기 시작")
    assert "주소가 아닙니다" in words(app)
    by_key(app.text_input, "synthesis-address").set_value("http://127.0.0.1:9/v1")
    number(app, "토큰 예산", 5)
    press(app, "예시 쓰기 시작")
    assert "너무 작습니다" in app.error[0].value
    by_key(app.multiselect, "synthesis-gold").set_value([]).run()
    press(app, "예시 쓰기 시작")
    assert "기준 예시가 없습니다" in app.error[0].value
    assert not jobs.list_jobs(workspace.jobs)


def test_our_own_server_is_offered_first(open_page: Open, dataset: DatasetVersion, workspace: Workspace) -> None:
    job = begin_job(workspace, "serve", "serve-1", "law-Q8_0")
    job.event(kind="ready", url="http://127.0.0.1:8123/v1", models=["law"])
    app = view(open_page(PAGE), "synthesis")
    assert by_key(app.selectbox, "synthesis-endpoint").value == "http://127.0.0.1:8123/v1"
    assert by_key(app.selectbox, "synthesis-model").value == "law"
    assert not [field for field in app.text_input if str(field.key).startswith("synthesis-key")]
    assert not app.warning
