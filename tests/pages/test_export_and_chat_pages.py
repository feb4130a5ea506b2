"""Export: files with their checks. Chat: what may be served, and what needs a yes."""

from __future__ import annotations

import shutil

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Export, ExportFile, Run
from mactuner_core.workspace import COMPLETE, Workspace
from tests.pages.conftest import Open, by_key, press, words

EXPORT, CHAT = "pages/6_Export.py", "pages/4_Chat.py"


def test_an_export_shows_each_check_with_its_figures(open_page: Open, export: Export) -> None:
    app = open_page(EXPORT)
    lines = [element.value for element in app.markdown]
    assert any("material/check" in line and "텍스트 40개" in line for line in lines)
    assert any("material/close" in line and "KL 발산 평균 1.2000" in line for line in lines)
    assert "검증 실패" in words(app)
    assert any(code.value.endswith("exports/export-1") for code in app.code)
    assert "law-F16.gguf" in words(app)


def test_a_finished_run_can_be_exported(open_page: Open, done_run: Run) -> None:
    app = open_page(EXPORT, "en")
    assert by_key(app.selectbox, "export-source").value == f"run:{done_run.id}"
    assert app.multiselect[0].value == ["F16", "Q4_K_M"]
    app.multiselect[0].set_value([]).run()
    assert next(button for button in app.button if button.label == "Export").disabled


def test_an_adapter_run_can_be_exported_as_an_adapter(open_page: Open, workspace: Workspace, done_run: Run) -> None:
    app = open_page(EXPORT, "en")
    form = by_key(app.radio, "export-form")
    assert form.value == "model" and app.multiselect
    form.set_value("adapter").run()
    assert not app.multiselect
    press(app, "Export")
    assert "has no LoRA adapter" in app.error[0].value  # this run's folder is empty, and no job was begun
    assert not [job for job in jobs.list_jobs(workspace.jobs) if job.kind == "export"]
    by_key(app.selectbox, "export-source").set_value(f"model:{done_run.model_id}").run()
    assert not app.radio and app.multiselect  # a base model has no adapter


def test_an_adapter_says_what_it_is_served_with(
    open_page: Open, catalog: Catalog, workspace: Workspace, export: Export, done_run: Run
) -> None:
    folder = workspace.exports / "alone"
    folder.mkdir()
    file = folder / "law-LORA.gguf"
    file.write_bytes(b"GGUF")
    (folder / COMPLETE).touch()
    catalog.add(Export(id="alone", run_id=done_run.id, model_id=done_run.model_id, path=str(folder), job_id="alone"))
    rows = {"bytes": 4, "verified": True, "report": {"passed": True, "checks": []}}
    catalog.add(ExportFile(export_id="alone", quant="LORA", path=str(file), **rows))
    app = open_page(EXPORT, "en")
    assert "An adapter runs on the GGUF file of its base" in app.info[0].value
    assert str(file) not in words(app)

    based = workspace.exports / "based"
    based.mkdir()
    shutil.copy(file, based / "base-Q8_0.gguf")
    (based / COMPLETE).touch()
    catalog.add(Export(id="based", run_id=None, model_id=done_run.model_id, path=str(based), job_id="based"))
    catalog.add(ExportFile(export_id="based", quant="Q8_0", path=str(based / "base-Q8_0.gguf"), **rows))
    app = open_page(EXPORT, "en")
    wanted = f"mactuner serve --model {based / 'base-Q8_0.gguf'} --adapter law={file}"
    assert wanted in [code.value for code in app.code]
    assert not any("law-LORA" in str(option) for option in by_key(open_page(CHAT).selectbox, "chat-model").options)
    assert len(by_key(open_page(CHAT).selectbox, "chat-model").options) == 3


def test_an_export_that_cannot_start_is_explained(open_page: Open, workspace: Workspace, done_run: Run) -> None:
    (workspace.runs / done_run.id / "COMPLETE").unlink()
    app = open_page(EXPORT)
    by_key(app.selectbox, "export-source")  # the base model is left
    assert not app.exception


def test_the_smallest_good_file_is_offered_first(open_page: Open, export: Export) -> None:
    app = open_page(CHAT)
    assert by_key(app.selectbox, "chat-model").value == "export-1:F16"
    assert "서버 시작" in [button.label for button in app.button]


def test_a_file_that_failed_needs_an_explicit_yes(open_page: Open, export: Export) -> None:
    app = open_page(CHAT)
    by_key(app.selectbox, "chat-model").set_value("export-1:Q4_K_M").run()
    assert "검증에 실패했습니다" in app.warning[0].value
    assert next(button for button in app.button if button.label == "서버 시작").disabled
    app.checkbox[0].check().run()
    assert not next(button for button in app.button if button.label == "서버 시작").disabled


def test_a_server_that_cannot_start_says_why(open_page: Open, workspace: Workspace, export: Export) -> None:
    app = open_page(CHAT)
    press(app, "서버 시작")
    job = next(job for job in jobs.list_jobs(workspace.jobs) if job.kind == "serve")
    assert jobs.wait(job.folder).state == "failed"
    app.run()
    assert not app.exception
    assert app.error
