"""Data: samples and uploads, what is said about bad files, and what is saved."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.workspace import Workspace
from tests.pages.conftest import SAMPLES, Open, by_key, press, words

PAGE = "pages/2_Data.py"


def with_sample(open_page: Open, name: str, language: str = "ko") -> AppTest:
    app = open_page(PAGE, language)
    by_key(app.segmented_control, "data-way").set_value("sample").run()
    by_key(app.selectbox, "data-sample").set_value(name).run()
    assert not app.exception
    return app


def upload(open_page: Open, name: str, content: bytes) -> AppTest:
    app = open_page(PAGE)
    app.file_uploader[0].upload(name, content).run()
    assert not app.exception
    return app


def test_a_sample_becomes_a_dataset_and_leads_on(open_page: Open, catalog: Catalog) -> None:
    app = with_sample(open_page, "civil_law_qa.csv")
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures == {"형식": "CSV", "인코딩": "UTF-8", "쓸 수 있는 행": "160", "제외된 행": "0"}
    assert app.text[0].value == "법률에 규정이 없는 민사 문제는 무엇을 따르나요?"
    press(app, "데이터셋으로 저장")
    version = catalog.dataset("civil_law_qa")
    assert (version.train_rows, version.validation_rows) == (128, 32)
    assert "학습용 128개, 검증용 32개" in app.success[0].value
    assert "다음: 모델 고르기" in [button.label for button in app.button]


def test_rows_left_out_are_listed_with_line_and_reason(open_page: Open) -> None:
    app = with_sample(open_page, "civil_law_qa_messy.csv")
    left_out = next(table.value for table in app.table if "이유" in table.value.columns)
    assert list(left_out.iloc[0]) == ["3", "“질문” 칸이 비어 있음"]
    assert any("같음" in reason for reason in left_out["이유"])


def test_settings_reach_the_dataset(open_page: Open, catalog: Catalog) -> None:
    app = with_sample(open_page, "civil_law_qa.csv", "en")
    by_key(app.text_input, "data-name").set_value("law").run()
    app.text_area[0].set_value("You are a lawyer.").run()
    next(field for field in app.number_input if field.label == "Validation share").set_value(0.25).run()
    press(app, "Save as a dataset")
    version = catalog.dataset("law")
    assert version.validation_rows == 40
    assert version.recipe["read"]["system_prompt"] == "You are a lawyer."
    assert '"role": "system"' in (Path(version.path) / "train.jsonl").read_text(encoding="utf-8").splitlines()[0]


def test_an_upload_in_cp949_is_read_and_nothing_is_left_behind(
    open_page: Open, workspace: Workspace, catalog: Catalog
) -> None:
    content = "질문,답변\n안녕?,반가워요\n잘 가,또 봐요\n".encode("cp949")
    app = upload(open_page, "내 파일.csv", content)
    assert {metric.value for metric in app.metric} >= {"CP949", "2"}
    press(app, "데이터셋으로 저장")
    assert catalog.dataset("내-파일").source_name == "내 파일.csv"
    assert not list(workspace.root.glob(".new-*"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("빈.csv", b"", "빈.csv은(는) 빈 파일입니다"),
        ("표.csv", b"\x89PNG rest", "텍스트 파일이 아닙니다"),
        ("머리.csv", "질문,답변\n".encode(), "그 아래 행이 없습니다"),
    ],
)
def test_a_bad_file_is_explained_by_its_own_name(
    open_page: Open, workspace: Workspace, name: str, content: bytes, said: str
) -> None:
    app = upload(open_page, name, content)
    assert said in app.error[0].value.replace("\\", "")
    assert str(workspace.root) not in words(app)
    save = next(button for button in app.button if button.label == "데이터셋으로 저장")
    assert save.disabled


def test_unknown_columns_can_be_named(open_page: Open, catalog: Catalog) -> None:
    app = upload(open_page, "faq.csv", "topic,text\n민법이 뭔가요?,사람 사이의 법입니다.\n".encode())
    assert "topic, text" in app.error[0].value
    by_key(app.selectbox, "data-question_column").set_value("topic")
    by_key(app.selectbox, "data-answer_column").set_value("text").run()
    assert not app.error
    press(app, "데이터셋으로 저장")
    assert catalog.dataset("faq").train_rows == 1


def test_a_bad_name_is_explained_and_nothing_is_saved(open_page: Open, catalog: Catalog) -> None:
    app = with_sample(open_page, "civil_law_qa.csv")
    by_key(app.text_input, "data-name").set_value("../밖").run()
    press(app, "데이터셋으로 저장")
    assert "쓸 수 없습니다" in app.error[0].value
    assert not catalog.dataset_versions()


def test_a_saved_version_shows_rows_and_lineage(open_page: Open, dataset: DatasetVersion) -> None:
    app = open_page(PAGE)
    lineage, rows = app.table[0].value, app.table[1].value
    assert dict(zip(lineage["항목"], lineage["값"], strict=True))["원본 파일"] == "civil\\_law\\_qa.csv"
    assert len(rows) == 100
    by_key(app.segmented_control, "data-split").set_value("validation").run()
    assert len(app.table[1].value) == 32


def test_a_version_whose_folder_is_gone_is_explained(open_page: Open, dataset: DatasetVersion) -> None:
    (Path(dataset.path) / "COMPLETE").unlink()
    app = open_page(PAGE)
    assert not app.exception
    assert "폴더가 없거나" in app.error[0].value


def test_the_samples_are_those_of_the_project() -> None:
    assert (SAMPLES / "civil_law_qa.csv").is_file()
