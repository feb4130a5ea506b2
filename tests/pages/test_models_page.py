"""Models: cards, adding, removing, what is recommended and what is on the disk."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model, Run
from mactuner_core.models import hub_cache
from mactuner_core.models.recommended import recommended
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


@pytest.fixture
def zipped(tiny_folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "upload.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in tiny_folder.iterdir():
            archive.write(file, f"내-모델/{file.name}")
        archive.writestr("내-모델/README.md", "x")
    return path


def test_a_zip_is_uploaded_and_says_what_was_left(open_page: Open, catalog: Catalog, zipped: Path) -> None:
    app = open_page(PAGE)
    by_key(app.segmented_control, "models-way").set_value("zip").run()
    by_key(app.file_uploader, "zip-upload").set_value(("upload.zip", zipped.read_bytes(), "application/zip")).run()
    press(app, "풀어서 추가")
    assert not app.error
    assert catalog.model("내-모델").source == "zip"
    assert "README.md" in words(app)


def test_a_zip_that_is_none_is_explained(open_page: Open, catalog: Catalog) -> None:
    app = open_page(PAGE, "en")
    by_key(app.segmented_control, "models-way").set_value("zip").run()
    by_key(app.file_uploader, "zip-upload").set_value(("upload.zip", b"no archive", "application/zip")).run()
    press(app, "Unpack and add")
    assert "cannot be unpacked" in app.error[0].value
    assert not catalog.models()


def test_a_recommended_model_is_picked_with_its_terms(open_page: Open) -> None:
    app = open_page(PAGE)
    by_key(app.segmented_control, "models-view").set_value("recommended").run()
    shown = words(app)
    for entry in recommended():
        assert entry.why["ko"] in shown
    assert "상업적 이용 금지" in shown and "조건부 상업적 이용" in shown
    refused = by_key(app.button, "choose-LGAI-EXAONE/EXAONE-3.5-2.4B-Instruct")
    assert refused.disabled
    by_key(app.button, "choose-kakaocorp/kanana-1.5-2.1b").click().run()
    assert not app.exception
    assert by_key(app.text_input, "hub-repository").value == "kakaocorp/kanana-1.5-2.1b-instruct-2505"


def test_the_page_says_that_the_hub_is_switched_off(open_page: Open) -> None:
    app = open_page(PAGE)  # the tests run with HF_HUB_OFFLINE
    assert "HF_HUB_OFFLINE" in app.info[0].value
    by_key(app.segmented_control, "models-way").set_value("hub").run()
    by_key(app.segmented_control, "models-view").set_value("search").run()
    closed = {button.label: button.disabled for button in app.button}
    assert closed["검색"] and closed["내려받기"] and closed["먼저 살펴보기"]


def test_what_is_on_the_disk_can_be_added_and_deleted(
    open_page: Open, workspace: Workspace, catalog: Catalog, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = workspace.root / "hf"
    snapshot = cache / "models--tiny--model" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    for file in tiny_folder.iterdir():
        (snapshot / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(hub_cache, "cache_folder", lambda: cache)
    app = open_page(PAGE)
    by_key(app.segmented_control, "models-view").set_value("disk").run()
    assert not app.exception and not app.error
    by_key(app.button, "add-tiny/model").click().run()
    assert catalog.model("model").name == "tiny/model"
    assert "목록에 있음: model" in words(app)
    assert not [button for button in app.button if str(button.key).startswith("delete-tiny")]
    catalog.remove_model("model")
    by_key(app.run().button, "delete-tiny/model").click().run()
    assert not app.exception and not app.error
    assert not snapshot.exists()
