"""Data: every step of the workshop with the samples, what is said about bad files, and what is saved."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.workspace import Workspace
from tests.pages.conftest import SAMPLES, Open, by_key, press, words
from ui.data_draft import load_draft

PAGE = "pages/2_Data.py"
USE = {"ko": "이 샘플 쓰기", "en": "Use this sample"}
SAVE = {"ko": "데이터셋으로 저장", "en": "Save as a dataset"}
CHAT = "kakaotalk_two_people.txt"
MESSY = "civil_law_qa_messy.csv"


def with_sample(open_page: Open, name: str, language: str = "ko") -> AppTest:
    app = open_page(PAGE, language)
    by_key(app.segmented_control, "data-way").set_value("sample").run()
    by_key(app.selectbox, "data-sample").set_value(name).run()
    return fine(press(app, USE[language]))


def with_chat(open_page: Open, me: str = "김민수", language: str = "ko") -> AppTest:
    app = with_sample(open_page, CHAT, language)
    return fine(by_key(app.selectbox, "data-me").set_value(me).run())


def upload(open_page: Open, name: str, content: bytes) -> AppTest:
    app = open_page(PAGE)
    app.file_uploader[0].upload(name, content).run()
    assert not app.exception
    return app


def upload_again(app: AppTest, name: str, content: bytes) -> AppTest:
    """Discard the draft and begin with another file."""
    press(step(app, "load"), "초안 버리기")
    app.file_uploader[0].upload(name, content).run()
    return fine(app)


def talk(answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": "무엇인가요?"}, {"role": "assistant", "content": answer}]


def step(app: AppTest, name: str) -> AppTest:
    return fine(by_key(app.segmented_control, "data-step").set_value(name).run())


def view(app: AppTest, name: str) -> AppTest:
    """Choose what to see of a saved version."""
    return fine(by_key(app.segmented_control, "data-view").set_value(name).run())


def fine(app: AppTest) -> AppTest:
    assert not app.exception
    assert not [error.value for error in app.error]
    return app


def figures(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def save(app: AppTest, workspace: Workspace, catalog: Catalog, language: str = "ko") -> DatasetVersion:
    """Press the button, wait for the job, and return the version."""
    press(app, SAVE[language])
    draft = load_draft(workspace)
    assert draft is not None
    status = jobs.wait(workspace.jobs / draft.job_id)
    assert status.state == "done", status.error
    fine(app.run())
    return catalog.dataset(str((status.result or {})["id"]))


def rows_of(version: DatasetVersion) -> list[dict[str, object]]:
    return [json.loads(line) for line in (Path(version.path) / "train.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_sample_becomes_a_dataset_and_leads_on(open_page: Open, workspace: Workspace, catalog: Catalog) -> None:
    app = with_sample(open_page, "civil_law_qa.csv")
    assert figures(app) == {"형식": "CSV", "인코딩": "UTF-8", "쓸 수 있는 행": "160", "제외된 행": "0"}
    assert app.text[0].value == "법률에 규정이 없는 민사 문제는 무엇을 따르나요?"
    for label in ("살펴보기", "다듬기", "보호하기", "나누기", "저장"):
        fine(press(app, f"다음: {label}"))
    version = save(app, workspace, catalog)
    assert (version.id, version.train_rows, version.validation_rows) == ("civil_law_qa@1", 128, 32)
    assert "학습용 128개, 검증용 32개" in app.success[0].value
    assert "다음: 모델 고르기" in [button.label for button in app.button]


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("sample", ["civil_law_qa.csv", MESSY, "big_five_chatml.jsonl", "civil_law_unseen.csv", CHAT])
def test_every_step_opens_for_every_sample(open_page: Open, sample: str, language: str) -> None:
    app = with_chat(open_page, language=language) if sample == CHAT else with_sample(open_page, sample, language)
    for name in ("understand", "clean", "protect", "split", "save", "load"):
        step(app, name)
        assert app.table, "the table is always there"
        assert len([button for button in app.button if button.proto.type == "primary"]) == 1


def test_rows_left_out_are_listed_with_line_and_reason(open_page: Open) -> None:
    app = with_sample(open_page, MESSY)
    tables = [table.value for table in app.table if "이유" in table.value.columns]
    assert "칸이 비어 있음" in list(tables[0]["이유"])
    assert list(tables[1].iloc[0]) == ["3", "“질문” 칸이 비어 있음"]


def test_the_draft_is_there_again_in_a_new_browser(open_page: Open) -> None:
    app = with_sample(open_page, "civil_law_qa.csv")
    app.text_area[0].set_value("You are a lawyer.").run()
    step(app, "split")
    next(field for field in app.number_input if "validation share" in field.label).set_value(0.25).run()
    again = fine(open_page(PAGE))
    assert by_key(again.segmented_control, "data-step").value == "split"
    assert figures(again)["검증용"] == "40"
    step(again, "load")
    assert again.text_area[0].value == "You are a lawyer."
    press(again, "초안 버리기")
    assert again.file_uploader
    assert by_key(again.segmented_control, "data-way").value == "upload"


def test_settings_reach_the_dataset(open_page: Open, workspace: Workspace, catalog: Catalog) -> None:
    app = with_sample(open_page, "civil_law_qa.csv", "en")
    app.text_area[0].set_value("You are a lawyer.").run()
    step(app, "split")
    next(field for field in app.number_input if field.label == "Validation share").set_value(0.25).run()
    step(app, "save")
    by_key(app.text_input, "data-name").set_value("law").run()
    version = save(app, workspace, catalog, "en")
    assert (version.name, version.validation_rows) == ("law", 40)
    assert rows_of(version)[0]["messages"][0]["content"] == "You are a lawyer."  # type: ignore[index]
    assert "40 to validate" in app.success[0].value


def test_a_cleaning_step_is_seen_before_it_is_applied_and_undone(open_page: Open, workspace: Workspace) -> None:
    app = step(with_chat(open_page), "clean")
    by_key(app.selectbox, "data-add-step").set_value("repeated_characters").run()
    assert "반복 글자 줄이기: 이렇게 달라집니다" in words(app)
    changed = int(figures(fine(app))["바뀌는 행"])
    assert changed > 0
    assert ":red-background[" in words(app)
    draft = load_draft(workspace)
    assert draft is not None and not draft.values().get("clean")
    press(app, "이 단계 적용")
    assert f"{changed}행 바뀜" in words(fine(app))
    draft = load_draft(workspace)
    assert draft is not None and draft.values()["clean"][0]["step"] == "repeated_characters"
    by_key(app.button, "undo-0").click().run()
    draft = load_draft(workspace)
    assert draft is not None and not draft.values()["clean"]


def test_personal_data_is_masked_in_what_is_saved(open_page: Open, workspace: Workspace, catalog: Catalog) -> None:
    app = step(with_chat(open_page), "protect")
    by_key(app.toggle, "data-mask").set_value(True).run()
    found = figures(fine(app))
    assert int(found["찾은 개인정보"]) > 0
    assert found["가린 뒤 남은 것"] == "0"
    assert by_key(app.multiselect, "data-names").value == ["이지은", "김민수"]
    assert "[이름]" in str([list(table.value.iloc[:, -1]) for table in app.table]).replace("\\", "")
    version = save(step(app, "save"), workspace, catalog)
    saved = (Path(version.path) / "train.jsonl").read_text(encoding="utf-8")
    assert "[이름]" in saved
    assert not [name for name in ("김민수", "이지은", "민수야", "010-") if name in saved]


def test_a_large_file_says_whose_figures_they_are(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ui.data_work", "ui.data_parts"):
        monkeypatch.setattr(f"{module}.WORK_ROWS", 100)
    app = with_sample(open_page, "civil_law_qa.csv")
    for name in ("split", "save"):
        assert "전체 160행 중 처음 100행의 수치입니다" in words(fine(step(app, name)))


@pytest.mark.parametrize("sample", [MESSY, CHAT])
def test_every_chart_is_drawn(open_page: Open, sample: str) -> None:
    app = step(with_chat(open_page) if sample == CHAT else with_sample(open_page, sample), "understand")
    names = ["characters", "turns", "parts", "words", "cloud", "missing", "near", "longest", "shortest"]
    for name in names + (["speakers", "week"] if sample == CHAT else []):
        by_key(app.segmented_control, "data-chart").set_value(name).run()
        assert by_key(fine(app).segmented_control, "data-chart").value == name


def test_missing_values_are_drawn_or_said_to_be_none(open_page: Open) -> None:
    app = step(with_sample(open_page, "civil_law_qa.csv"), "understand")
    by_key(app.segmented_control, "data-chart").set_value("missing").run()
    assert "빈 값이 없습니다" in fine(app).success[0].value
    rows = [{"messages": talk("하나"), "source_model": "m"}, {"messages": talk("둘")}]
    app = upload_again(app, "mixed.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    step(app, "understand")
    by_key(app.segmented_control, "data-chart").set_value("missing").run()
    assert not fine(app).success
    assert "막대를 누르면" in words(app)


def test_tokens_are_counted_with_a_model_and_the_cut_rows_are_shown(open_page: Open, model: Model) -> None:
    app = step(with_sample(open_page, "big_five_chatml.jsonl"), "understand")
    by_key(app.selectbox, "data-model").set_value(model.id).run()
    by_key(app.segmented_control, "data-chart").set_value("tokens").run()
    by_key(fine(app).slider, "data-max-length").set_value(64).run()
    assert figures(app)["잘리는 행"] != "0.0%"
    by_key(app.toggle, "data-show-cut").set_value(True).run()
    assert "행 중" in words(fine(app))
    step(app, "clean")
    by_key(app.selectbox, "data-add-step").set_value("token_length").run()
    assert int(figures(fine(app))["빠지는 행"]) >= 0


def test_a_rerun_on_a_large_file_is_quick(open_page: Open) -> None:
    rows = "".join(
        json.dumps({"question": f"질문 {n}", "answer": f"답변은 {n * 7}입니다"}) + "\n" for n in range(60_000)
    )
    app = fine(upload(open_page, "big.jsonl", rows.encode()))
    assert figures(app)["쓸 수 있는 행"] == "60,000"
    for name in ("load", "understand", "clean", "save"):
        step(app, name)
        start = time.perf_counter()
        app.run()
        assert time.perf_counter() - start < 1, name  # 0.1 on a quiet machine
    assert "60,000행 중 처음 50,000행" in words(app)


def test_a_recipe_is_used_again_for_another_file(open_page: Open, workspace: Workspace) -> None:
    app = step(with_sample(open_page, MESSY), "clean")
    recipe = "clean:\n- step: whitespace\nsplit:\n  validation_share: 0.3\n"
    by_key(app.file_uploader, "data-recipe-file").upload("r.yaml", recipe.encode()).run()
    assert "공백 정리" in words(fine(app))
    step(app, "split")
    assert next(field for field in app.number_input if "validation share" in field.label).value == 0.3
    step(app, "clean")
    by_key(app.file_uploader, "data-recipe-file").upload("r.yaml", b"clean:\n- step: magic\n").run()
    assert "magic" in app.error[0].value
    assert not app.exception


def test_rules_say_which_rows_fail(open_page: Open) -> None:
    app = step(with_sample(open_page, "big_five_chatml.jsonl"), "split")
    press(app, "샘플 규칙 쓰기 (Big Five)")
    assert int(figures(fine(app))["통과한 행"]) > 0
    assert "어긋난 행" in figures(app)


def test_an_upload_in_cp949_is_read_and_nothing_is_left_behind(
    open_page: Open, workspace: Workspace, catalog: Catalog
) -> None:
    content = "질문,답변\n안녕?,반가워요\n잘 가,또 봐요\n".encode("cp949")
    app = upload(open_page, "내 파일.csv", content)
    assert {metric.value for metric in app.metric} >= {"CP949", "2"}
    version = save(step(app, "save"), workspace, catalog)
    assert (version.name, version.source_name) == ("내-파일", "내 파일.csv")
    press(app, "다른 파일로 새로 시작")
    assert not [path for path in (workspace.root / "drafts").iterdir() if path.is_dir()]


def half_a_zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "질문,답변\n" + "가,나\n" * 500)
    return packed.getvalue()[: len(packed.getvalue()) // 2]


def a_spreadsheet() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("빈.csv", b"", "빈.csv은(는) 빈 파일입니다"),
        ("표.csv", b"\x89PNG rest", "텍스트 파일이 아닙니다"),
        ("머리.csv", "질문,답변\n".encode(), "그 아래 행이 없습니다"),
        ("반.zip", half_a_zip(), "반.zip"),
        ("엑셀.csv", a_spreadsheet(), "엑셀.csv"),
    ],
)
def test_a_bad_file_is_explained_by_its_own_name(
    open_page: Open, workspace: Workspace, name: str, content: bytes, said: str
) -> None:
    app = upload(open_page, name, content)
    assert said in app.error[0].value.replace("\\", "")
    assert "예상하지 못한" not in words(app)
    assert str(workspace.root) not in words(app)
    assert by_key(app.segmented_control, "data-step").disabled
    press(app, "초안 버리기")
    assert not app.error


def test_a_chat_of_one_speaker_is_explained(open_page: Open) -> None:
    content = "--------------- 2026년 9월 3일 목요일 ---------------\n" + "[이지은] [오전 7:48] 안녕\n" * 5
    app = upload(open_page, "혼자.txt", content.encode())
    assert "이지은" in app.error[0].value
    assert not app.exception


def test_a_text_that_is_no_chat_is_read_as_text(open_page: Open) -> None:
    app = fine(upload(open_page, "글.txt", "옛날 옛적에 토끼가 살았다.\n\n토끼는 거북이를 만났다.\n".encode()))
    assert "글" in app.table[-1].value.columns


def test_unknown_columns_are_suggested_and_remembered(open_page: Open) -> None:
    content = "no,topic,note\n1,민법이 뭔가요?,사람 사이의 법입니다.\n2,형법은요?,죄와 벌의 법입니다.\n".encode()
    app = fine(upload(open_page, "faq.csv", content))
    assert by_key(app.selectbox, "data-choose-question").value == "topic"
    assert by_key(app.selectbox, "data-choose-answer").value == "note"
    assert "사람 사이의 법입니다." in [text.value for text in app.text]
    press(app, "이 열 쓰기")
    assert figures(fine(app))["쓸 수 있는 행"] == "2"
    press(app, "초안 버리기")
    again = fine(upload(open_page, "faq2.csv", content + "3,상법은요?,상인의 법입니다.\n".encode()))
    assert figures(again)["쓸 수 있는 행"] == "3"


def test_a_bad_name_is_explained_and_nothing_is_saved(open_page: Open, catalog: Catalog) -> None:
    app = step(with_sample(open_page, "civil_law_qa.csv"), "save")
    by_key(app.text_input, "data-name").set_value("../밖").run()
    press(app, "데이터셋으로 저장")
    assert "쓸 수 없습니다" in app.error[0].value
    assert not catalog.dataset_versions()


def test_a_saved_version_shows_rows_and_lineage(open_page: Open, dataset: DatasetVersion) -> None:
    app = fine(open_page(PAGE))
    lineage = app.table[0].value
    assert dict(zip(lineage["항목"], lineage["값"], strict=True))["원본 파일"] == "civil\\_law\\_qa.csv"
    view(app, "rows")
    assert len(app.table[0].value) == 100
    by_key(app.segmented_control, "data-split").set_value("validation").run()
    assert len(app.table[0].value) == 32


def test_two_versions_are_compared_and_one_is_copied(
    open_page: Open, dataset: DatasetVersion, catalog: Catalog
) -> None:
    from mactuner_core.data.importing import import_file
    from mactuner_core.workspace import open_workspace

    import_file(open_workspace(), catalog, SAMPLES / "civil_law_unseen.csv", "민법")
    app = view(open_page(PAGE), "compare")
    assert {"추가된 행": "10", "사라진 행": "160"}.items() <= figures(app).items()
    view(app, "export")
    by_key(app.selectbox, "data-export-format").set_value("alpaca").run()
    press(app, "사본 만들기")
    assert not fine(app).warning


def test_a_version_whose_folder_is_gone_is_explained(open_page: Open, dataset: DatasetVersion) -> None:
    (Path(dataset.path) / "COMPLETE").unlink()
    app = open_page(PAGE)
    by_key(app.segmented_control, "data-view").set_value("rows").run()
    assert not app.exception
    assert "폴더가 없거나" in app.error[0].value
