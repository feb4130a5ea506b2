"""The Documents page: empty, from an upload to an index through a real job, searching it, and removing what is in it."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core import jobs
from mactuner_core.rag.build import IndexRequest
from mactuner_core.rag.collections import list_collections, open_collection
from mactuner_core.workspace import Workspace
from tests.pages.conftest import ROOT, Open, by_key, press, words
from tests.rag_samples import index_here
from ui.rag_passages import marked, marked_text

DOCUMENTS = "pages/5_Documents.py"
LEAVE = "# 휴가 규정\n\n연차 휴가는 1년에 15일이며 이듬해 3월까지 이월할 수 있습니다.\n".encode()
BIKES = b"A bicycle may be kept for two hours without a charge. After that every half hour costs one dollar.\n"
QUESTION = "연차 휴가는 며칠인가요?"
MARKED = ":orange-background[연차]"
MANUAL = ROOT / "samples/documents/bike_share_manual_en.pdf"


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    given = [(name, content, "application/octet-stream") for name, content in files]
    by_key(app.file_uploader, "documents-").set_value(given)
    return app.run()


def built(workspace: Workspace, *files: tuple[str, bytes], name: str = "규정", **more: Any) -> None:
    """Index files without the page."""
    folder = workspace.root / "given"
    folder.mkdir(exist_ok=True)
    for file, content in files:
        (folder / file).write_bytes(content)
    paths = [folder / file for file, _ in files]
    assert not index_here(workspace, IndexRequest(name, paths, **more))["failed"]


def search(app: AppTest, question: str) -> AppTest:
    return next(field for field in app.text_input if str(field.key).endswith("-query")).set_value(question).run()


@pytest.mark.parametrize(
    ("language", "said"), [("ko", "아직 문서 모음이 없습니다"), ("en", "There is no collection yet")]
)
def test_without_a_collection_the_page_says_how_to_make_one(
    workspace: Workspace, open_page: Open, language: str, said: str
) -> None:
    app = open_page(DOCUMENTS, language)
    assert said in words(app)
    assert by_key(app.button, "documents-new-build").disabled
    assert not app.exception


def test_an_upload_is_shown_built_by_a_job_and_found(workspace: Workspace, open_page: Open) -> None:
    app = upload(open_page(DOCUMENTS), ("휴가.md", LEAVE), ("broken.pdf", b"%PDF-1.7 nothing"), ("empty.txt", b""))
    assert "1년에 15일" in words(app), "the text of the page is shown before anything is built"
    assert [box.value for box in app.error if "broken" in box.value]
    assert [box.value for box in app.error if "empty" in box.value]
    by_key(app.text_input, "documents-new-name").set_value("규정").run()
    press(app, "색인 만들기")
    job = next(job for job in jobs.list_jobs(workspace.jobs) if job.kind == "rag_index")
    assert jobs.wait(job.folder).state == "done"
    app.run()
    assert {metric.label: metric.value for metric in app.metric}["문서"] == "1"
    assert [box.value for box in app.error if "broken" in box.value], "a bad file is named after the build too"
    app = search(app, QUESTION)
    assert MARKED in words(app)
    by_key(app.button, "documents-hit-1-open").click().run()
    assert not app.exception
    with open_collection(workspace, "규정") as found:
        assert found.document("휴가.md").kind == "markdown"


def test_a_name_that_is_taken_or_cannot_be_one_is_refused(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("bikes.txt", BIKES))
    app = upload(open_page(DOCUMENTS, collection=""), ("휴가.md", LEAVE))
    for name in ("규정", "../x"):
        by_key(app.text_input, "documents-new-name").set_value(name).run()
        press(app, "색인 만들기")
        assert app.error
        assert not app.exception
    assert list_collections(workspace) == ["규정"]


def test_a_pdf_opens_as_a_picture_and_a_high_score_finds_nothing(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("bikes.pdf", MANUAL.read_bytes()))
    app = search(open_page(DOCUMENTS, "en"), "How many docks does a station have?")
    by_key(app.button, "documents-hit-1-open").click().run()
    assert app.get("image")
    assert not app.exception
    next(field for field in app.number_input if str(field.key).endswith("min_score")).set_value(1.0).run()
    search(app, "the weather on Mars")
    assert "No passage reaches" in words(app)


def test_documents_and_collections_are_deleted_after_a_question(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("휴가.md", LEAVE), ("bikes.txt", BIKES))
    app = open_page(DOCUMENTS)
    by_key(app.button, "documents-remove-").click().run()
    with open_collection(workspace, "규정") as found:
        assert len(found.documents()) == 1
    by_key(app.button, "documents-remove-all").click().run()
    assert list_collections(workspace) == []
    assert "아직 문서 모음이 없습니다" in words(app)


def test_without_a_server_the_chat_says_how_to_get_one(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("bikes.txt", BIKES))
    app = open_page(DOCUMENTS, "en")
    assert "No running server answers from this collection" in words(app)
    assert by_key(app.button, "documents-to-serve")


def test_a_folder_and_an_archive_in_it_are_read(workspace: Workspace, open_page: Open, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("bikes.txt", BIKES)
    (tmp_path / "휴가.md").write_bytes(LEAVE)
    app = open_page(DOCUMENTS)
    by_key(app.segmented_control, "documents-new-way").set_value("folder").run()
    by_key(app.text_input, "documents-new-folder").set_value(str(tmp_path)).run()
    assert len(app.table[0].value) == 2
    by_key(app.text_input, "documents-new-folder").set_value(str(tmp_path / "none")).run()
    assert app.error
    assert not app.exception


def test_marks_never_let_a_text_write_markdown() -> None:
    assert marked("a *b* [c](d)", [(3, 4)]) == "a \\*:orange-background[b]\\* \\[c\\](d)"
    assert marked_text("one\ntwo words here", "two  words") == "one  \n:orange-background[two words] here"


def test_a_search_is_narrowed_to_documents_tags_pages_and_days(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("휴가.md", LEAVE), tags=["인사"], date="2024-01-31")
    built(workspace, ("bikes.pdf", MANUAL.read_bytes()), tags=["manual"], date="2026-03-01")
    app = search(open_page(DOCUMENTS), QUESTION)
    assert MARKED in words(app)
    for widgets, part, narrow, wide in (
        ("multiselect", "-only", ["bikes.pdf"], []),
        ("multiselect", "-tags", ["manual"], ["인사"]),
        ("number_input", "-first-2", 2, 1),
        ("date_input", "-after-2024-01-31-2026-03-01", date(2024, 2, 1), date(2024, 1, 31)),
    ):
        one_of(getattr(app, widgets), part).set_value(narrow).run()
        assert MARKED not in words(app), part
        assert "범위 좁히기" in words(app)
        one_of(getattr(app, widgets), part).set_value(wide).run()
        assert MARKED in words(app), part
    assert not app.exception


def test_pages_in_the_wrong_order_are_refused(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("bikes.pdf", MANUAL.read_bytes()))
    app = search(open_page(DOCUMENTS, "en"), "docks")
    one_of(app.number_input, "-first-2").set_value(2)
    one_of(app.number_input, "-last-2").set_value(1).run()
    assert [box.value for box in app.error if "behind the last page" in box.value]
    assert not app.exception


def test_tags_are_kept_and_uploads_go_after_the_build_but_not_the_picture(
    workspace: Workspace, open_page: Open
) -> None:
    app = upload(open_page(DOCUMENTS), ("bikes.pdf", MANUAL.read_bytes()))
    kept = workspace.cache / "uploads"
    assert list(kept.rglob("bikes.pdf"))
    by_key(app.text_input, "documents-new-tags").set_value("manual, 2026,manual").run()
    press(app, "색인 만들기")
    job = next(job for job in jobs.list_jobs(workspace.jobs) if job.kind == "rag_index")
    assert jobs.wait(job.folder).state == "done"
    assert not list(kept.iterdir())
    app = search(app.run(), "How many docks does a station have?")
    assert not by_key(app.file_uploader, "documents-내문서-upload").value
    assert not list(kept.iterdir()), "what is built is not kept again"
    by_key(app.button, "documents-hit-1-open").click().run()
    assert app.get("image")
    with open_collection(workspace, "내문서") as found:
        assert found.document("bikes.pdf").tags == ("manual", "2026")


def test_other_settings_than_those_of_the_collection_are_told_without_flags(
    workspace: Workspace, open_page: Open
) -> None:
    built(workspace, ("휴가.md", LEAVE))
    app = open_page(DOCUMENTS, "en")
    by_key(app.file_uploader, "documents-규정-upload").set_value(("bikes.txt", BIKES, "text/plain"))
    by_key(app.number_input, "documents-규정-chunk_tokens").set_value(128).run()
    press(app, "Build")
    said = "\n".join(box.value for box in app.error)
    assert "Make the whole index anew" in said
    assert "--rebuild" not in said


def test_a_damaged_collection_is_made_anew_by_a_button(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("휴가.md", LEAVE))
    store = next((workspace.collections / "규정").glob("*.db"))
    store.write_bytes(b"no database" * 100)
    app = open_page(DOCUMENTS)
    assert [box.value for box in app.error if "손상" in box.value and "mactuner rag" not in box.value]
    press(app, "색인 다시 만들기")
    job = next(job for job in jobs.list_jobs(workspace.jobs) if not job.ended)
    assert jobs.wait(job.folder).state == "done"
    assert MARKED in words(search(app.run(), QUESTION))


def one_of(widgets: Any, ending: str) -> Any:
    """Return the widget of the search whose key ends so."""
    return next(one for one in widgets if "-search-" in str(one.key) and str(one.key).endswith(ending))
