"""Data, rules: which rows pass, the filter, the copies of both, and saving only what passes."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Model
from mactuner_core.workspace import Workspace
from tests.pages.conftest import Open, by_key, press, words
from tests.pages.test_data_page import PAGE, figures, fine, rows_of, save, step, upload, view

ROWS = [("하나", "이것은 맞는 답입니다"), ("둘", "아마 그럴 겁니다"), ("셋", "여섯 번째도 좋습니다"), ("넷", "글쎄요")]
CSV = "질문,답변\n" + "".join(f"{question},{answer}\n" for question, answer in ROWS)
RULES = b"forbidden: [\xec\x95\x84\xeb\xa7\x88, \xea\xb8\x80\xec\x8e\x84]\n"  # 아마, 글쎄


def with_rules(open_page: Open, rules: bytes = RULES) -> AppTest:
    app = step(upload(open_page, "faq.csv", CSV.encode()), "split")
    by_key(app.file_uploader, "data-rules-file").upload("talk.yaml", rules).run()
    return fine(app)


def shown(app: AppTest) -> list[str]:
    """Return the answers in the table of rows."""
    return list(app.table[-1].value["답변"])


def test_passing_and_failing_rows_are_filtered(open_page: Open) -> None:
    app = with_rules(open_page)
    assert {"통과한 행": "2", "어긋난 행": "2"}.items() <= figures(app).items()
    assert "talk.yaml" in words(app)
    for name, answers in (("failed", [1, 3]), ("passed", [0, 2]), ("all", [0, 1, 2, 3])):
        by_key(app.segmented_control, "data-rules-show").set_value(name).run()
        assert shown(fine(app)) == [ROWS[row][1] for row in answers]


def test_both_sides_can_be_downloaded(open_page: Open) -> None:
    app = with_rules(open_page)
    labels = {str(getattr(button, "label", "")) for button in app.get("download_button")}
    assert {"통과한 행 (JSONL)", "어긋난 행 (JSONL)", "어긋난 행 (CSV)"} <= labels


def test_only_passing_rows_are_saved_and_the_version_says_so(
    open_page: Open, workspace: Workspace, catalog: Catalog
) -> None:
    app = with_rules(open_page)
    by_key(app.toggle, "data-rules-only").set_value(True).run()
    assert shown(fine(app)) == [ROWS[0][1], ROWS[2][1]]
    again = fine(open_page(PAGE))
    assert by_key(again.toggle, "data-rules-only").value is True
    step(again, "save")
    assert "talk.yaml): 2행 제외" in str([list(table.value.iloc[:, 1]) for table in again.table]).replace(
        "(talk", "talk"
    )
    version = save(again, workspace, catalog)
    assert [row["messages"][-1]["content"] for row in rows_of(version)] == [ROWS[0][1], ROWS[2][1]]  # type: ignore[index]
    assert version.report["rules"] == {"forbidden[0]": 1, "forbidden[1]": 1}
    view(again, "rejected")
    assert "금지된 표현" in json.dumps([list(table.value.iloc[:, 1]) for table in again.table], ensure_ascii=False)


def test_removed_rules_leave_the_recipe_too(open_page: Open) -> None:
    app = with_rules(open_page)
    by_key(app.toggle, "data-rules-only").set_value(True).run()
    press(app, "규칙 지우기")
    assert len(shown(fine(app))) == 4
    assert by_key(app.file_uploader, "data-rules-file")


def test_a_bad_rules_file_is_explained_and_can_be_taken_away(open_page: Open) -> None:
    app = step(upload(open_page, "faq.csv", CSV.encode()), "split")
    by_key(app.file_uploader, "data-rules-file").upload("bad.yaml", b"forbidden: [{regex: '('}]\n").run()
    assert not app.exception
    assert "forbidden" in app.error[0].value
    press(app, "규칙 지우기")
    assert not fine(app).error


def test_rules_about_tokens_ask_for_a_model(open_page: Open, model: Model) -> None:
    app = with_rules(open_page, b"length: {max_tokens: 3}\n")
    assert "토큰을 세는 규칙" in words(app)
    by_key(app.selectbox, "data-model").set_value(model.id).run()
    assert int(figures(fine(app))["어긋난 행"]) > 0
