"""The Serve page: what is offered, what needs a yes or a key, what it shows of a server, and what it says of failures."""

from __future__ import annotations

import stat
from typing import Any

import pytest

from mactuner_core import jobs
from mactuner_core.catalog.tables import Export
from mactuner_core.chat.server_process import settings_of
from mactuner_core.jobs import Job
from mactuner_core.server.key_file import add_key, key_file, keys_in
from mactuner_core.workspace import Workspace, write_json
from tests.pages.conftest import Open, begin_job, by_key, press, words
from ui.serve_form import EVERYWHERE

SERVE = "pages/8_Serve.py"
URL = "http://127.0.0.1:8123/v1"
LIVE: dict[str, Any] = {
    "updated_at": 1000.0,
    "models": [{"name": "export-1:F16", "state": "ready", "bytes": 12_300_000}],
    "running": 2,
    "waiting": 1,
    "requests": [
        {"id": "req_a", "model": "export-1:F16", "state": "writing", "age_s": 3.25, "prompt_tokens": 1234, "completion_tokens": 56},
        {"id": "req_b", "model": "export-1:F16", "state": "reading", "age_s": 0.5, "prompt_tokens": 12, "completion_tokens": 0},
        {"id": "req_c", "model": "export-1:F16", "state": "waiting", "age_s": 0.1, "prompt_tokens": 9, "completion_tokens": 0},
    ],
    "tokens_per_second": 1940.4,
    "prompt_tokens_per_second": 5120.0,
    "requests_total": 1200,
    "errors_total": 12,
    "history": [[999.0, 1900.0, 1, 0], [1000.0, 1940.4, 2, 1]],
}  # fmt: skip


def start(workspace: Workspace, job_id: str = "serve-1", *, ready: bool = True, **settings: Any) -> Job:
    """Return the job of a server whose process is this one."""
    job = begin_job(workspace, "serve", job_id, "export-1:F16")
    spec = {"kind": "serve", "title": "export-1:F16", "created_at": 1000.0}
    write_json(job.folder / "spec.json", spec | {"spec": {"model": ["export-1:F16"], "port": 8123, **settings}})
    if ready:
        job.event(kind="ready", url=URL, models=["export-1:F16"], needs_key="api_key_file" in settings)
    return job


def servers(workspace: Workspace) -> list[jobs.JobStatus]:
    return [job for job in jobs.list_jobs(workspace.jobs) if job.kind == "serve"]


def test_without_an_export_the_page_says_what_to_do_first(open_page: Open) -> None:
    app = open_page(SERVE)
    assert "내보낸 모델이 필요합니다" in words(app)
    press(app, "가지고 있는 .gguf 파일 쓰기")
    assert "서버 시작" in [button.label for button in app.button]


def test_the_smallest_good_file_is_chosen_and_the_few_settings_stand_on_top(open_page: Open, export: Export) -> None:
    app = open_page(SERVE)
    assert app.multiselect[0].value == ["export-1:F16"]
    labels = [field.label for field in app.number_input]
    assert labels[:3] == ["컨텍스트 · 토큰", "동시 요청 수 · 개", "포트"]
    assert [expander.label for expander in app.expander] == ["고급 설정"]
    assert not app.exception


def test_a_file_that_failed_its_checks_needs_an_explicit_yes(open_page: Open, export: Export) -> None:
    app = open_page(SERVE)
    app.multiselect[0].set_value(["export-1:F16", "export-1:Q4_K_M"]).run()
    assert "검증에 실패했습니다" in app.warning[0].value
    assert by_key(app.button, "serve-start").disabled
    by_key(app.checkbox, "serve-allow").check().run()
    assert not by_key(app.button, "serve-start").disabled


def test_a_file_that_is_not_there_is_said_before_anything_starts(
    open_page: Open, workspace: Workspace, export: Export
) -> None:
    app = open_page(SERVE, "en")
    by_key(app.text_input, "serve-first-own").set_value("/nowhere/model.gguf").run()
    assert "/nowhere/model.gguf" in app.error[0].value
    assert by_key(app.button, "serve-start").disabled
    assert not servers(workspace)


def test_an_address_for_others_needs_a_key_that_is_shown_once(
    open_page: Open, workspace: Workspace, export: Export
) -> None:
    app = open_page(SERVE)
    by_key(app.selectbox, "serve-first-host").set_value(EVERYWHERE).run()
    assert "키가 필요합니다" in app.warning[0].value
    assert by_key(app.button, "serve-start").disabled
    by_key(app.text_input, "serve-key-name").set_value("지은").run()
    press(app, "키 만들기")
    path = key_file(workspace)
    shown = next(code.value for code in app.code if code.value.startswith("mt-"))
    assert shown not in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not by_key(app.button, "serve-start").disabled
    press(app, "복사했습니다")
    assert not any(code.value == shown for code in app.code)
    assert [key.name for key in keys_in(path)] == ["지은"]
    press(app, "네, 삭제합니다")
    assert not keys_in(path)
    assert by_key(app.button, "serve-start").disabled


def test_a_name_that_no_key_can_have_is_explained(open_page: Open, workspace: Workspace, export: Export) -> None:
    app = open_page(SERVE)
    by_key(app.selectbox, "serve-first-host").set_value(EVERYWHERE).run()
    by_key(app.text_input, "serve-key-name").set_value("두 단어").run()
    press(app, "키 만들기")
    assert "두 단어" in app.error[0].value
    assert not key_file(workspace).exists()


def test_a_wrong_setting_is_said_and_nothing_starts(open_page: Open, workspace: Workspace, export: Export) -> None:
    app = open_page(SERVE, "en")
    by_key(app.text_area, "serve-first-cors_origin").set_value("chat.example/path").run()
    press(app, "Start the server")
    assert any("chat.example/path" in element.value for element in app.markdown)
    assert any("marked above" in error.value for error in app.error)
    assert not servers(workspace)


def test_a_server_that_cannot_start_says_why_and_keeps_the_settings(
    open_page: Open, workspace: Workspace, export: Export
) -> None:
    app = open_page(SERVE)
    by_key(app.number_input, "serve-first-n_parallel").set_value(7).run()
    press(app, "서버 시작")
    (job,) = servers(workspace)
    assert settings_of(job.folder)["n_parallel"] == 7
    assert jobs.wait(job.folder).state == "failed"
    app = open_page(SERVE, server=job.id)
    assert app.error
    assert "Traceback" not in app.error[0].value
    assert by_key(app.number_input, f"serve-{job.id}-n_parallel").value == 7
    assert not app.exception


def test_a_server_is_shown_with_its_requests_and_figures(open_page: Open, workspace: Workspace, export: Export) -> None:
    job = start(workspace)
    write_json(job.folder / "live.json", LIVE)
    app = open_page(SERVE)
    seen = words(app)
    assert "켜진 서버 1개" in seen
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures == {"초당 토큰": "1,940", "답하는 중": "2", "요청": "1,200", "오류": "12"}
    (table,) = app.table
    assert list(table.value["상태"]) == ["답하는 중", "읽는 중", "대기 중"]
    assert list(table.value["프롬프트"]) == ["1,234", "12", "9"]
    assert URL in [code.value for code in app.code]
    assert "12 MB" in seen or "12.3 MB" in seen
    assert "line two" in seen
    assert "진행 중인 답변이 2개" in seen


@pytest.mark.parametrize("content", [None, b"", b'{"running": 3, "requ', b"[]", b'{"running": "many"}', b"\xff\xfe"])
def test_a_torn_or_missing_file_of_figures_breaks_nothing(
    open_page: Open, workspace: Workspace, content: bytes | None
) -> None:
    job = start(workspace)
    if content is not None:
        (job.folder / "live.json").write_bytes(content)
    app = open_page(SERVE, "en")
    assert {metric.label: metric.value for metric in app.metric}["Answering"] == "0"
    assert "No request at the moment." in words(app)
    assert not app.exception and not app.error


def test_what_was_last_readable_stays_while_the_file_is_torn(open_page: Open, workspace: Workspace) -> None:
    job = start(workspace)
    write_json(job.folder / "live.json", LIVE)
    app = open_page(SERVE)
    (job.folder / "live.json").write_bytes(b'{"running"')
    app.run()
    assert {metric.label: metric.value for metric in app.metric}["답하는 중"] == "2"


def test_stop_asks_first_and_gives_running_answers_their_time(open_page: Open, workspace: Workspace) -> None:
    job = start(workspace, shutdown_s=40)
    app = open_page(SERVE)
    assert "진행 중인 답변은 없습니다" in words(app)
    assert not job.stop_requested()
    press(app, "네, 중지합니다")
    assert job.stop_requested()
    assert '"grace_s": 45' in (job.folder / "stop.json").read_text(encoding="utf-8")


def test_several_servers_are_listed_and_one_is_looked_at(open_page: Open, workspace: Workspace, export: Export) -> None:
    start(workspace, "serve-1")
    start(workspace, "serve-2", ready=False)
    app = open_page(SERVE, server="serve-2")
    (pills,) = [group for group in app.button_group if str(group.key).startswith("serve-switch")]
    assert pills.value == "serve-2"
    assert "서버가 모델을 읽고 있습니다" in words(app)
    pills.set_value("serve-1").run()
    assert URL in [code.value for code in app.code]
    press(app, "서버 추가")
    assert "서버 시작" in [button.label for button in app.button]


def test_the_chat_page_leaves_servers_with_keys_alone(open_page: Open, workspace: Workspace, export: Export) -> None:
    add_key(key_file(workspace), "me")
    start(workspace, api_key_file=str(key_file(workspace)))
    app = open_page("pages/4_Chat.py")
    assert "서버 시작" in [button.label for button in app.button]
    app = open_page(SERVE)
    assert "요청에 API 키가 필요합니다." in words(app)
    assert any("YOUR_API_KEY" in code.value for code in app.code)


def test_the_snippets_hold_the_address_and_the_name(open_page: Open, workspace: Workspace) -> None:
    start(workspace)
    app = open_page(SERVE, "en")
    assert [tab.label for tab in app.tabs] == ["openai (Python)", "curl", "LangChain", "Open WebUI", "Continue"]
    texts = [code.value for code in app.code if URL in code.value and "export-1:F16" in code.value]
    assert len(texts) == 4  # Open WebUI asks for the address alone
