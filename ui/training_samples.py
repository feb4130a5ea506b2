"""What the model answered to the person's own test prompts at each validation, so that one sees it learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ui.examples import small_table
from ui.language import t

HEIGHT = 360
COLUMNS = 3  # validations side by side
ALL = -1


def samples(events: Sequence[Mapping[str, Any]], *, wanted: bool) -> None:
    """Draw the answers: every prompt with its newest ones side by side, or one prompt with all it was answered.

    `wanted` tells whether the run has test prompts at all.
    """
    st.markdown(f"**{t('monitor.samples')}**")
    if not events and not wanted:
        st.caption(t("monitor.samples_none"))
        return
    with st.container(height=HEIGHT, border=False):  # as high before the first answers as after
        if events:
            table(events)
        else:
            st.caption(t("monitor.samples_soon"))


def table(events: Sequence[Mapping[str, Any]]) -> None:
    """Draw the choice of the prompt and its answers."""
    prompts = prompts_of(events)
    chosen = st.selectbox(
        t("monitor.prompt"),
        [ALL, *range(len(prompts))],
        format_func=lambda place: t("monitor.all_prompts") if place == ALL else prompts[place],
        key="samples-prompt",
        label_visibility="collapsed",
    )
    rows = newest(events, prompts) if chosen == ALL else history(events, prompts[chosen])
    small_table(rows)


def prompts_of(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return every prompt once, in the order of asking."""
    return list(dict.fromkeys(str(answer["prompt"]) for event in events for answer in event["answers"]))


def newest(events: Sequence[Mapping[str, Any]], prompts: Sequence[str]) -> list[dict[str, object]]:
    """Return a row for each prompt with the answers of the last validations, the newest first."""
    rows = []
    for prompt in prompts:
        row: dict[str, object] = {t("monitor.prompt"): prompt}
        for event in reversed(events[-COLUMNS:]):
            row[t("monitor.at_step", step=f"{event['step']:,}")] = answer(event, prompt)
        rows.append(row)
    return rows


def history(events: Sequence[Mapping[str, Any]], prompt: str) -> list[dict[str, object]]:
    """Return a row for each validation with the answer to one prompt, the newest first."""
    return [
        {t("ui.axis_step"): f"{event['step']:,}", t("monitor.answer"): answer(event, prompt)}
        for event in reversed(events)
    ]


def answer(event: Mapping[str, Any], prompt: str) -> str:
    """Return what was answered to a prompt at one validation."""
    found = next((one["answer"] for one in event["answers"] if one["prompt"] == prompt), None)
    if found is None:
        return "–"
    return str(found).strip() or t("monitor.empty_answer")
