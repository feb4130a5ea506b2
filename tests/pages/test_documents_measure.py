"""The Documents page: measuring the search with a file of questions, and a collection as one file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core.rag.collections import list_collections, open_collection
from mactuner_core.workspace import Workspace
from tests.pages.conftest import Open, by_key, press, words
from tests.pages.test_documents_page import BIKES, DOCUMENTS, LEAVE, MARKED, QUESTION, built, search
from ui import rag_grid, rag_transfer

QUESTIONS = """question,document,kind
연차 휴가는 며칠인가요?,휴가.md,한국어
How long may a bicycle be kept without a charge?,bikes.txt,English
"""


def asked(app: AppTest, content: str, name: str = "questions.csv") -> AppTest:
    by_key(app.file_uploader, "documents-measure-").set_value((name, content.encode(), "text/csv"))
    return app.run()


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def test_without_questions_the_page_shows_what_a_file_of_them_looks_like(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("휴가.md", LEAVE))
    app = open_page(DOCUMENTS)
    assert "question,document,page" in words(app)
    assert "휴가.md,1" in words(app)
    assert by_key(app.button, "documents-measure-규정-measure").disabled
    assert by_key(app.button, "documents-measure-규정-grid").disabled


def test_questions_are_measured_and_settings_compared(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("휴가.md", LEAVE), ("bikes.txt", BIKES))
    app = asked(open_page(DOCUMENTS), QUESTIONS)
    press(app, "측정하기")
    assert metrics(app)["재현율@5"] == "1.00"
    assert metrics(app)["MRR"] == "1.00"
    assert not app.get("vega_lite_chart") and not app.get("arrow_vega_lite_chart")
    by_key(app.button_group, "documents-measure-규정-grid-sizes").set_value([128, 256]).run()
    press(app, "비교하기")
    assert metrics(app)["MRR"] == "1.00", "the first result stays"
    assert "권하는 설정" in "\n".join(str(box.value) for box in app.success)
    (chart,) = app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")
    assert '"recall"' in chart.proto.spec
    assert len(app.table[-1].value) == 24, "three methods, four k, two sizes"
    assert len([one for one in app.download_button if "결과 저장" in one.label]) == 2
    by_key(app.button_group, "documents-measure-규정-grid-methods").set_value([]).run()
    assert by_key(app.button, "documents-measure-규정-grid").disabled
    assert not app.exception
    assert list_collections(workspace) == ["규정"], "nothing of the trials is left"
    assert not [path for path in workspace.root.iterdir() if path.name.startswith(".new-")]


def test_what_was_not_found_is_listed(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("휴가.md", LEAVE), ("bikes.txt", BIKES))
    app = asked(
        open_page(DOCUMENTS, "en"), "question,document,text\nWho won?,휴가.md,nothing of the kind stands here\n"
    )
    press(app, "Measure")
    assert metrics(app)["Recall@5"] == "0.00"
    assert "Who won?" in words(app)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("question,document\nWho?,other.pdf\n", "other.pdf"),
        ("question,document\nWho?,\n", "questions.csv, line 2"),
        ("just words", "questions.csv"),
    ],
)
def test_a_file_that_is_no_use_is_told_by_its_name(
    workspace: Workspace, open_page: Open, content: str, said: str
) -> None:
    built(workspace, ("휴가.md", LEAVE))
    app = asked(open_page(DOCUMENTS, "en"), content)
    (error,) = (box.value for box in app.error)
    assert said in error.replace("\\", "")
    assert "rag list" not in error
    assert str(workspace.root) not in error
    assert by_key(app.button, "documents-measure-규정-measure").disabled


def test_large_collections_are_not_cut_anew_here(
    workspace: Workspace, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag_grid, "MOST_CHUNKS", 0)
    built(workspace, ("휴가.md", LEAVE))
    app = open_page(DOCUMENTS)
    assert not [one for one in app.button_group if str(one.key).endswith("-grid-sizes")]
    assert "청크 0개까지" in words(app)


def test_a_collection_leaves_and_comes_back_as_one_file(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("휴가.md", LEAVE))
    content = rag_transfer.packed(workspace, "규정")
    assert "collection.json" in zipfile.ZipFile(io.BytesIO(content)).namelist()
    app = open_page(DOCUMENTS)
    assert [one.label for one in app.download_button if "파일 하나로 저장" in one.label]
    app = open_page(DOCUMENTS, collection="")
    by_key(app.file_uploader, "documents-import-file").set_value(("규정.collection.zip", content, "application/zip"))
    press(app.run(), "가져오기")
    assert "이미 있습니다" in "\n".join(box.value for box in app.error), "its own name is taken"
    by_key(app.text_input, "documents-import-name").set_value("사본").run()
    press(app, "가져오기")
    assert list_collections(workspace) == ["규정", "사본"]
    assert MARKED in words(search(app, QUESTION))
    assert not app.exception


def test_a_large_collection_is_written_into_the_workspace_and_read_from_there(
    workspace: Workspace, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag_transfer, "LARGE", 0)
    built(workspace, ("휴가.md", LEAVE))
    app = open_page(DOCUMENTS)
    press(app, "파일 하나로 저장")
    (path,) = (workspace.root / "collection-files").iterdir()
    assert path.name in "\n".join(str(box.value) for box in app.success).replace("\\", "")
    press(app, "파일 하나로 저장")
    assert not app.error, "the same state is written once"
    app = open_page(DOCUMENTS, collection="")
    by_key(app.text_input, "documents-import-path").set_value(str(path))
    by_key(app.text_input, "documents-import-name").set_value("사본").run()
    press(app, "가져오기")
    with open_collection(workspace, "사본") as found:
        assert [one.name for one in found.documents()] == ["휴가.md"]


def test_a_file_that_is_no_collection_is_refused(workspace: Workspace, open_page: Open, tmp_path: Path) -> None:
    app = open_page(DOCUMENTS, "en")
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("a.txt", "no collection")
    by_key(app.file_uploader, "documents-import-file").set_value(("holiday.zip", written.getvalue(), "application/zip"))
    press(app.run(), "Import")
    (error,) = (box.value for box in app.error)
    assert error.startswith("holiday.zip")
    assert "mactuner rag" not in error
    by_key(app.file_uploader, "documents-import-file").set_value(None).run()
    by_key(app.text_input, "documents-import-path").set_value(str(tmp_path / "none.zip")).run()
    press(app, "Import")
    assert "none.zip" in "\n".join(box.value for box in app.error)
    assert list_collections(workspace) == []
    assert not app.exception
