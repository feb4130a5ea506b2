"""A run on the Training page in every state, from written figures: nothing here trains."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Export, Run
from mactuner_core.errors import NotFoundError, WorkError
from mactuner_core.jobs import Job
from mactuner_core.training import checkpoints, metrics
from mactuner_core.workspace import Workspace, write_json
from tests.pages.conftest import Open, by_key, press, words

PAGE = "pages/3_Training.py"


def add_checkpoint(run: Run, step: int, eval_loss: float | None = None) -> None:
    folder = checkpoints.folder_of(Path(run.path), step)
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(bytes(2_000_000))
    checkpoints.mark_whole(folder, step=step, epoch=step / 16, train_loss=0.5, eval_loss=eval_loss, more={})


def lose(workspace: Workspace, run: Run) -> None:
    """Let the process of the run be gone without a word."""
    (workspace.jobs / run.job_id / "process.json").write_text('{"pid": 1, "create_time": 0}', encoding="utf-8")


def report(run: Run, *events: dict[str, Any]) -> None:
    for event in events:
        metrics.append(Path(run.path), **event)


def labels_of(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def primary(app: AppTest) -> list[str]:
    return [button.label for button in app.button if button.proto.type == "primary" and button.label != "네, 멈춥니다"]


def chart(app: AppTest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    return found


def test_a_run_that_waits_shows_empty_axes_and_no_error(open_page: Open, workspace: Workspace, run: Run) -> None:
    folder = workspace.jobs / run.job_id
    folder.mkdir()
    write_json(folder / "spec.json", {"kind": "train", "title": run.id, "created_at": time.time(), "spec": {}})
    app = open_page(PAGE)
    assert not app.exception
    assert not app.error
    assert "아직 저장된 체크포인트가 없습니다" in words(app)
    assert chart(app)["layer"][1]["encoding"]["y"]["scale"] == {"domain": [0, 8]}
    assert chart(app)["layer"][1]["encoding"]["x"]["scale"]["domain"] == [
        0,
        96,
    ]  # 128 rows in batches of 4, three times


def test_a_run_at_work_shows_speed_time_left_machine_and_what_happened(open_page: Open, job: Job, run: Run) -> None:
    report(
        run,
        {"kind": "metrics", "step": 20, "loss": 0.5, "tokens_per_second": 1800.0, "seconds_per_step": 0.25},
        {"kind": "system", "step": 20, "memory_bytes": 1.5e9, "cpu_percent": 91.0},
        {"kind": "fit", "batch_size": 2, "gradient_accumulation": 2},
        {"kind": "resumed", "step": 12},
    )
    app = open_page(PAGE)
    figures = {metric.label: metric for metric in app.metric}
    assert figures["학습 손실"].value == "0.5000"
    assert figures["검증 손실"].delta == "최저 3.250"
    assert figures["초당 토큰"].delta == "스텝당 0.2초"
    assert figures["남은 시간"].value.endswith("초")
    assert "20스텝: 메모리가 모자라 배치를 반으로 줄였습니다. 이제 배치 2, 누적 2" in words(app)
    assert "12스텝의 체크포인트에서" not in words(app)
    assert "12스텝: 이 스텝의 체크포인트에서 이어서 학습했습니다" in words(app)
    assert any("1.5 GB" in bar.proto.text for bar in app.get("progress"))
    assert "이어서 학습" not in labels_of(app)
    assert app.query_params["run"] in (run.id, [run.id])  # a reload and a second tab find it again


def test_the_answers_to_the_test_prompts_stand_side_by_side_newest_first(open_page: Open, job: Job, run: Run) -> None:
    for step, said in ((4, "네 네"), (8, "열아홉"), (12, "만 19세입니다")):
        answers = [{"prompt": "몇 살이 성년?", "answer": said}, {"prompt": "둘째?", "answer": ""}]
        report(run, {"kind": "samples", "step": step, "answers": answers})
    app = open_page(PAGE)
    table = app.table[0].value
    assert list(table.columns) == ["질문", "12스텝", "8스텝", "4스텝"]
    assert list(table["12스텝"]) == ["만 19세입니다", "(빈 답변)"]
    by_key(app.selectbox, "samples-prompt").set_value(0).run()
    assert list(app.table[0].value["답변"]) == ["만 19세입니다", "열아홉", "네 네"]


@pytest.mark.parametrize(
    ("view", "axis"), [("accuracy", "토큰 정확도"), ("memory", "메모리 (GB)"), ("processor", "CPU (%)")]
)
def test_the_chart_shows_what_is_chosen(open_page: Open, job: Job, view: str, axis: str) -> None:
    app = open_page(PAGE)
    by_key(app.segmented_control, "chart-view").set_value(view).run()
    assert not app.exception
    assert chart(app)["layer"][1]["encoding"]["y"]["title"] == axis


def test_only_a_run_on_pairs_offers_how_often_it_prefers(open_page: Open, job: Job, run: Run) -> None:
    assert "선호" not in by_key(open_page(PAGE).segmented_control, "chart-view").options
    report(run, {"kind": "metrics", "step": 20, "loss": 0.5, "preferred_share": 0.75})
    app = open_page(PAGE)
    by_key(app.segmented_control, "chart-view").set_value("preferred").run()
    assert not app.exception
    assert chart(app)["layer"][1]["encoding"]["y"]["title"] == "선호 답변이 더 유리해진 쌍의 비율"


def test_a_run_that_is_stopping_can_be_ended_at_once(open_page: Open, job: Job) -> None:
    jobs.request_stop(job.folder)
    assert "바로 끝내기" in labels_of(open_page(PAGE))


@pytest.mark.parametrize(
    ("state", "said"),
    [("cancelled", "학습을 중지했습니다"), ("failed", "오류로 학습이 멈췄습니다"), ("lost", "갑자기 끊겼습니다")],
)
def test_a_run_that_broke_off_offers_to_go_on_and_does_nothing_by_itself(
    open_page: Open, workspace: Workspace, job: Job, run: Run, state: str, said: str
) -> None:
    add_checkpoint(run, 10)
    if state == "lost":
        lose(workspace, run)
    else:
        error = WorkError("jobs.out_of_memory").as_dict() if state == "failed" else None
        job.finish(state, error=error)
    before = sorted(path.name for path in workspace.jobs.iterdir())
    app = open_page(PAGE, "ko", run=run.id)
    assert not app.exception
    text = words(app)
    assert said in text
    assert "마지막 온전한 체크포인트는 **10스텝**" in text
    assert "그 뒤의 2스텝은 다시 학습합니다" in text
    assert primary(app) == ["이어서 학습"]
    assert (state == "failed") == any("메모리가 부족" in error.value for error in app.error)
    assert sorted(path.name for path in workspace.jobs.iterdir()) == before


def test_a_run_without_a_whole_checkpoint_can_only_start_anew(
    open_page: Open, workspace: Workspace, job: Job, run: Run
) -> None:
    checkpoints.folder_of(Path(run.path), 10).mkdir(parents=True)  # not whole
    lose(workspace, run)
    app = open_page(PAGE, "ko", run=run.id)
    assert "온전한 체크포인트가 없어" in words(app)
    assert primary(app) == ["새로 시작"]


def test_a_resume_that_is_refused_says_why(open_page: Open, workspace: Workspace, job: Job, run: Run) -> None:
    add_checkpoint(run, 10)
    lose(workspace, run)
    app = press(open_page(PAGE, "ko", run=run.id), "이어서 학습")
    assert any("identity.json" in error.value for error in app.error)


def test_checkpoints_are_listed_newest_first_with_the_best_marked_and_one_is_deleted_after_asking(
    open_page: Open, workspace: Workspace, job: Job, run: Run
) -> None:
    add_checkpoint(run, 4, 2.0)
    add_checkpoint(run, 8, 2.5)
    job.finish("cancelled")
    app = open_page(PAGE, "ko", run=run.id)
    table = next(table.value for table in app.table if "에포크" in table.value)
    assert list(table["스텝"]) == ["8", "★ 4 (최고)"]
    assert list(table["검증 손실"]) == ["2.5000", "2.0000"]
    assert list(table["크기"]) == ["2.0 MB", "2.0 MB"]
    press(app, "네, 2.0 MB 삭제합니다")
    assert [one.step for one in checkpoints.all_of(Path(run.path))] == [4]
    assert "유일한 체크포인트" in words(app)


def test_a_checkpoint_leads_to_a_new_run_and_to_an_export(open_page: Open, job: Job, run: Run) -> None:
    add_checkpoint(run, 8)
    write_json(checkpoints.folder_of(Path(run.path), 8) / "adapter_config.json", {})
    job.finish("cancelled")
    app = press(open_page(PAGE, "ko", run=run.id), "여기서 새 학습")
    assert not app.error
    assert by_key(app.selectbox, "train-model").value == f"{run.id}@8"
    app = press(open_page(PAGE, "ko", run=run.id), "내보내기")
    assert by_key(app.selectbox, "export-source").value == f"run:{run.id}@8"


def test_a_result_that_is_not_the_best_checkpoint_is_said(open_page: Open, done_run: Run) -> None:
    add_checkpoint(done_run, 8, 2.5)
    stats = json.loads((Path(done_run.path) / "training_stats.json").read_text(encoding="utf-8"))
    write_json(Path(done_run.path) / "training_stats.json", stats | {"weights_step": 12, "steps": 12})
    assert "마지막인 12스텝의 가중치" in words(open_page(PAGE, "ko", run=done_run.id))


def test_a_finished_run_leads_on_and_shows_its_card(open_page: Open, done_run: Run) -> None:
    card = "---\nlicense: mit\n---\n# 민법 모델\n"
    (Path(done_run.path) / "README.md").write_text(card, encoding="utf-8")
    add_checkpoint(done_run, 8, 2.5)
    app = open_page(PAGE, "ko", run=done_run.id)
    assert not app.exception
    assert "**8.100 → 0.420**" in words(app)
    assert "가장 좋은 체크포인트: **8스텝**, 검증 손실 2.5000" in words(app)
    assert "# 민법 모델" in words(app)
    assert "license" not in words(app)
    assert primary(app) == ["다음: 내보내기"]


def test_a_run_that_was_exported_leads_to_the_chat(open_page: Open, export: Export) -> None:
    assert primary(open_page(PAGE, "ko", run=str(export.run_id))) == ["다음: 대화하기"]


@pytest.fixture
def two_runs(catalog: Catalog, workspace: Workspace, done_run: Run) -> list[Run]:
    """Return the finished run and a better one with another learning rate."""
    folder = workspace.runs / "민법-lora-2"
    folder.mkdir()
    config = done_run.config | {"learning_rate": 3e-4, "use_dora": True}
    second = Run(
        id=folder.name, model_id=done_run.model_id, dataset_id=done_run.dataset_id, method="lora",
        path=str(folder), config=config, job_id="train-2",
    )  # fmt: skip
    catalog.add(second)
    write_json(folder / "training_stats.json", {"train_loss": 0.3, "eval_loss": 2.5, "tokens_per_second": 900.0})
    for step in (1, 2):
        metrics.append(folder, kind="metrics", step=step, loss=5.0 / step, eval_loss=3.0)
    return [done_run, second]


def test_runs_are_compared_in_one_chart_and_by_the_settings_that_differ(open_page: Open, two_runs: list[Run]) -> None:
    app = open_page(PAGE, "ko", run=two_runs[0].id)
    names = next(table.value for table in app.table if "최대 메모리" in table.value)["학습 실행"]
    assert list(names) == ["★ 민법-lora-2 (최고)", "민법-lora-1"]
    by_key(app.pills, "compared").set_value([run.id for run in two_runs]).run()
    assert not app.exception
    spec = json.loads(app.get("vega_lite_chart")[-1].proto.spec)
    assert set(spec["layer"][1]["encoding"]["color"]["scale"]["domain"]) == {run.id for run in two_runs}
    table = app.table[-1].value
    assert list(table["설정"]) == ["학습률 (learning rate)", "DoRA"]
    assert list(table["민법-lora-2"]) == ["0.0003", "켬"]


def test_a_run_is_removed_after_asking(open_page: Open, catalog: Catalog, two_runs: list[Run]) -> None:
    app = open_page(PAGE, "ko", run=two_runs[0].id)
    by_key(app.selectbox, "run-to-open").set_value(two_runs[1].id).run()
    press(app, "네, 삭제합니다")
    assert not Path(two_runs[1].path).exists()
    with pytest.raises(NotFoundError):
        catalog.run(two_runs[1].id)


def test_a_run_that_was_exported_is_not_removed(open_page: Open, export: Export) -> None:
    app = open_page(PAGE, "ko", run=str(export.run_id))
    assert "export-1" in words(app)
    assert "네, 삭제합니다" not in labels_of(app)


def test_a_long_run_does_not_slow_the_page(open_page: Open, job: Job, run: Run) -> None:
    """A hundred thousand lines are read once; what is added later is all that is read of them again."""
    line = '{"kind": "metrics", "step": %d, "loss": 0.5, "learning_rate": 0.0001, "grad_norm": 1.0}\n'
    with (Path(run.path) / metrics.FILE).open("a", encoding="utf-8") as file:
        file.writelines(line % step for step in range(100_000))
    app = open_page(PAGE)
    started = os.times().user
    app.run()
    assert os.times().user - started < 3.0  # a page without a long run takes 0.6 s here
    report(run, {"kind": "metrics", "step": 100_001, "loss": 0.25})
    app.run()
    assert {metric.label: metric.value for metric in app.metric}["학습 손실"] == "0.2500"
