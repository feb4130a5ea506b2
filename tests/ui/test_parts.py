"""The parts that pages share: forms from settings, charts, errors, times, texts of models."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core.catalog.tables import now
from mactuner_core.jobs import JobStatus
from mactuner_core.messages import text
from ui.charts import MOST_POINTS, Line, Mark, chart_rows, smoothed
from ui.errors import escaped
from ui.examples import answer_markdown
from ui.job_card import figures_line
from ui.moments import ago


def form_page() -> None:
    """Draw a form of one setting of each kind and what came of it."""
    from typing import Literal

    import streamlit as st

    from mactuner_core.config import Config, setting
    from mactuner_core.errors import SettingProblem
    from ui.forms import settings_form

    def words(name: str) -> dict[str, str]:
        return {"en": name, "ko": f"{name} 설정"}

    class Recipe(Config):
        """One setting of each kind."""

        rate: float = setting(0.002, gt=0, le=1, label=words("Rate"), help=words("Speed"))
        rounds: int = setting(3, ge=1, le=9, unit="steps", label=words("Rounds"), help=words("How often"))
        kind: Literal["a", "b"] = setting("b", label=words("Kind"), help=words("Which"))
        seed: int | None = setting(None, ge=0, label=words("Seed"), help=words("Chance"), advanced=True)
        fast: bool = setting(True, label=words("Fast"), help=words("Quick"))
        note: str | None = setting(None, label=words("Note"), help=words("Text"))

        def problems(self) -> list[SettingProblem]:
            wrong = self.rounds == 9 and self.fast
            return [SettingProblem("config.missing", {"name": "rounds"})] if wrong else []

    found = settings_form(Recipe, "test", values={"rounds": 4}).check(Recipe)
    st.code(repr(found.model_dump()) if found else "–")


def form(language: str = "en") -> AppTest:
    app = AppTest.from_function(form_page, default_timeout=30)
    app.query_params["lang"] = language
    return app.run()


def test_a_form_shows_every_setting_with_unit_range_and_default() -> None:
    app = form()
    assert not app.exception
    assert [field.label for field in app.number_input] == ["Rate", "Rounds · steps", "Seed"]
    assert app.number_input[1].help == "How often (1–9)"
    assert app.selectbox[0].value == "b"
    assert app.expander[0].label == "Advanced"
    given = {"rate": 0.002, "rounds": 4, "kind": "b", "seed": None, "fast": True, "note": None}
    assert app.code[0].value == repr(given)


def test_a_form_speaks_korean() -> None:
    app = form("ko")
    assert [field.label for field in app.number_input] == ["Rate 설정", "Rounds 설정 · 스텝", "Seed 설정"]


def test_a_value_out_of_range_is_said_under_its_field() -> None:
    app = form()
    app.number_input[0].set_value(0.0).run()  # "more than 0" is not something the widget can hold back
    assert app.code[0].value == "–"
    assert "rate = 0.0" in app.markdown[0].value


def test_what_is_wrong_between_fields_is_said_under_the_one_it_is_about() -> None:
    app = form()
    app.number_input[1].set_value(9).run()
    assert "“rounds” is missing" in app.markdown[0].value
    app.toggle[0].set_value(False).run()
    assert not app.markdown
    assert app.code[0].value != "–"


def failing_page() -> None:
    """Fail in the way that the address says."""
    import streamlit as st

    from mactuner_core.errors import InputError
    from ui.errors import errors_are_shown

    with errors_are_shown():
        if st.query_params["how"] == "known":
            raise InputError("data.no_file", path="/tmp/*star*.csv")
        raise ValueError("secret inner words")
    st.code("went on")


@pytest.mark.parametrize(
    ("how", "said"), [("known", r"There is no file /tmp/\*star\*.csv"), ("unknown", "Something unforeseen")]
)
def test_an_error_is_said_and_the_page_goes_on(how: str, said: str) -> None:
    app = AppTest.from_function(failing_page, default_timeout=30)
    app.query_params["how"] = how
    app.run()
    assert not app.exception
    assert app.error[0].value.startswith(said)
    assert app.expander[0].label == "Details"
    assert app.code[-1].value == "went on"


def test_a_smoothed_line_starts_where_the_values_do_and_follows_them() -> None:
    assert smoothed([4.0, 4.0, 4.0], 0.9) == [4.0, 4.0, 4.0]
    assert smoothed([4.0, 2.0], 0.5) == pytest.approx([4.0, (2.0 + 0.5 * 4.0) / 1.5])
    assert smoothed([4.0, 2.0], 0.0) == [4.0, 2.0]


def test_a_chart_keeps_the_ends_of_a_long_line() -> None:
    steps = [float(step) for step in range(100_000)]
    rows = chart_rows([Line("loss", steps, steps)], 0.0, [Mark(7, "resumed")])
    assert len(rows) == MOST_POINTS + 1
    assert (rows[0]["step"], rows[-2]["step"], rows[-1]["words"]) == (0, 99_999, "resumed")


def test_names_are_shown_as_they_are() -> None:
    assert escaped("a_b*c $1 [x](y) <b>") == r"a\_b\*c \$1 \[x\](y) \<b\>"


def test_an_answer_loads_no_picture_and_makes_no_formula() -> None:
    assert answer_markdown("![x](https://example.com/a.png) costs $5 and $6") == (
        r"!\[x](https://example.com/a.png) costs \$5 and \$6"
    )


@pytest.mark.parametrize(
    ("age", "said"), [({"seconds": 5}, "just now"), ({"minutes": 5}, "5 min ago"), ({"hours": 30}, "1 d ago")]
)
def test_ages_are_said_as_people_say_them(age: dict[str, int], said: str) -> None:
    assert ago(now() - timedelta(**age)) == said


def test_the_snippet_is_python() -> None:
    for language in ("ko", "en"):
        compile(text("chat_page.snippet", language, url="http://127.0.0.1:1/v1", model="m"), "snippet", "exec")


@pytest.mark.parametrize(
    ("stage", "counts"), [("rag.stage_reading", "91 kB / 7.9 MB"), ("training.stage_preparing", "91,283 / 7,937,688")]
)
def test_progress_in_bytes_is_told_as_a_size(stage: str, counts: str) -> None:
    job = JobStatus("one", Path("one"), "rag_index", "mine", "running", done=91_283, total=7_937_688, stage=stage)
    assert counts in figures_line(job)
