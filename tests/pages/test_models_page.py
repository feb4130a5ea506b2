"""Models: cards, adding, removing."""

from __future__ import annotations

from pathlib import Path

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model, Run
from mactuner_core.workspace import Workspace
from tests.pages.conftest import Open, by_key, press, words

PAGE = "pages/1_Models.py"


def test_a_model_shows_its_facts_and_what_fits(open_page: Open, model: Model) -> None:
    app = open_page(PAGE)
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["구조"] == "Qwen3"
    assert figures["파라미터"].endswith("k")
    assert "전체 학습 (full)" in words(app)
    assert not app.table
    app.session_state[f"details-{model.id}"] = True
    facts = app.run().table[0].value
    assert dict(zip(facts["항목"], facts["값"], strict=True))["채팅 템플릿"] == "있음"


def test_a_folder_is_added(open_page: Open, catalog: Catalog, tiny_folder: Path) -> None:
    app = open_page(PAGE)
    by_key(app.segmented_control, "models-way").set_value("folder").run()
    by_key(app.text_input, "folder-path").set_value(str(tiny_folder))
    by_key(app.text_input, "folder-name").set_value("내-모델").run()
    press(app, "폴더 추가")
    assert not app.error
    assert catalog.model("내-모델").source == "folder"


def test_a_folder_that_is_no_model_is_explained(open_page: Open, catalog: Catalog, tmp_path: Path) -> None:
    app = open_page(PAGE)
    by_key(app.segmented_control, "models-way").set_value("folder").run()
    by_key(app.text_input, "folder-path").set_value(str(tmp_path)).run()
    press(app, "폴더 추가")
    assert not app.exception
    assert "config.json" in app.error[0].value
    assert not catalog.models()


def test_a_model_is_removed_after_a_yes_and_its_own_folder_stays(
    open_page: Open, catalog: Catalog, model: Model, tiny_folder: Path
) -> None:
    app = open_page(PAGE, "en")
    press(app, "Yes, remove")
    assert not app.error
    assert not catalog.models()
    assert (tiny_folder / "config.json").exists()


def test_a_model_in_use_says_by_what_and_cannot_be_removed(open_page: Open, run: Run) -> None:
    app = open_page(PAGE)
    assert "민법-lora-1" in words(app)
    assert "네, 삭제합니다" not in [button.label for button in app.button]


def test_a_starter_model_is_made_in_a_job(
    open_page: Open, workspace: Workspace, catalog: Catalog, dataset: DatasetVersion
) -> None:
    app = open_page(PAGE)
    by_key(app.text_input, "starter-name").set_value("첫-모델").run()
    press(app, "스타터 모델 만들기")
    assert not app.error
    job = jobs.list_jobs(workspace.jobs)[0]
    assert job.kind == "starter"
    assert jobs.wait(job.folder).state == "done"
    assert catalog.model("첫-모델").dataset_id == dataset.id
    app.run()
    assert {metric.label: metric.value for metric in app.metric}["파라미터"].endswith("M")


def test_a_taken_name_is_explained_before_a_job_starts(
    open_page: Open, workspace: Workspace, dataset: DatasetVersion, model: Model
) -> None:
    app = open_page(PAGE)
    by_key(app.text_input, "starter-name").set_value(model.id).run()
    press(app, "스타터 모델 만들기")
    assert "이미 쓰이고 있습니다" in app.error[0].value
    assert not jobs.list_jobs(workspace.jobs)


def test_a_hub_that_cannot_be_reached_is_explained(open_page: Open, catalog: Catalog) -> None:
    app = open_page(PAGE)
    by_key(app.segmented_control, "models-way").set_value("hub").run()
    by_key(app.text_input, "hub-query").set_value("qwen")
    press(app, "검색")
    assert not app.exception
    assert len(app.error) == 1


def test_a_token_is_written_nowhere(open_page: Open, workspace: Workspace, catalog: Catalog) -> None:
    app = open_page(PAGE)
    by_key(app.segmented_control, "models-way").set_value("hub").run()
    by_key(app.text_input, "hub-token").set_value("hf_verysecret").run()
    press(app, "내려받기")
    job = jobs.list_jobs(workspace.jobs)[0]
    assert job.kind == "hub_download"
    jobs.wait(job.folder)
    files = [file for file in workspace.root.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if b"hf_verysecret" in file.read_bytes()]
    app.run()
    assert not app.exception
    assert len(app.error) == 1  # there is no network here
    assert "hf_verysecret" not in words(app)
