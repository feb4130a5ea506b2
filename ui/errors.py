"""What went wrong, said on the page: an error box with the reason and folded details, never a traceback."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import streamlit as st

from mactuner_core.errors import ConfigError, MacTunerError, SettingProblem
from mactuner_core.messages import catalogue
from ui.language import language, t

log = logging.getLogger("mactuner.ui")


@contextlib.contextmanager
def errors_are_shown() -> Iterator[None]:
    """Show an error of the block on the page and go on after it; the unforeseen ones go to the log in full."""
    try:
        yield
    except MacTunerError as problem:
        show_error(problem)
    except Exception as problem:
        log.exception("A page failed")
        st.error(t("ui.unexpected"), icon=":material/error:")
        _details({"error": f"{type(problem).__name__}: {problem}"})


def show_error(problem: MacTunerError) -> None:
    """Show what happened, with which value and what to do, and the bare facts folded below."""
    st.error(escaped(sentence_of(problem)), icon=":material/error:")
    _details({"code": problem.code, **{name: str(value) for name, value in problem.values.items()}})


def sentence_of(problem: MacTunerError | SettingProblem) -> str:
    """Return what an error says on a page: a sentence of its own where the usual one speaks of the command line."""
    if isinstance(problem, ConfigError):
        lines = [t("config.problems", count=len(problem.problems))]
        return "\n".join(lines + [f"- {sentence_of(one)}" for one in problem.problems])
    name = problem.code.replace(".", "_")
    on_page = f"on_page.{name}"
    return t(on_page, **problem.values) if on_page in catalogue() else problem.text(language())


def escaped(words: str) -> str:
    """Return `words` so that Markdown shows them as they are: dollar signs, stars and brackets of file names too."""
    for sign in "\\`*_$[]<>~#":
        words = words.replace(sign, f"\\{sign}")
    return words.replace("\n", "  \n")


def _details(facts: dict[str, str]) -> None:
    with st.expander(t("ui.details")):
        st.code("\n".join(f"{name}: {value}" for name, value in facts.items()), language=None, wrap_lines=True)
