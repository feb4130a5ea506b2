"""Step 4, Protect: personal data is found, shown beside what will stand in its place, and looked for once more.

What is found is shown on the screen only; nothing of it is written anywhere.
"""

from __future__ import annotations

from typing import get_args

import streamlit as st

from mactuner_core.data.privacy import KINDS, MaskPolicy
from mactuner_core.data.privacy.policy import Action
from ui.data_parts import next_button, scope_note
from ui.data_work import Desk, Masked
from ui.errors import errors_are_shown, escaped
from ui.examples import small_table
from ui.language import labels, language, t
from ui.page import main_and_settings

ACTIONS: tuple[str, ...] = get_args(Action)
SHOWN_FINDS = 60
TABLE_HEIGHT = 380


def protect_step(desk: Desk) -> None:
    """Draw the step."""
    left, right = main_and_settings()
    with right:
        st.subheader(t("data_page.settings"), anchor=False)
        with errors_are_shown():
            settings(desk)
        next_button("split")
    with left, errors_are_shown():
        if desk.recipe.privacy is None:
            st.info(t("data_page.why_mask"), icon=":material/shield:")
            return
        with st.spinner(t("data_page.masking")):
            masked = desk.masked()
        if masked:
            outcome(desk, masked)


def settings(desk: Desk) -> None:
    """Draw what is masked and how, and keep it."""
    policy = desk.recipe.privacy
    on = st.toggle(
        t("data_page.mask"), value=policy is not None, help=t("data_page.mask_help"), key=desk.draft.key("mask")
    )
    if not on:
        desk.change_recipe(privacy=None)
        return
    chat = desk.reading().chat
    present = policy or MaskPolicy(names=list(chat.speakers) if chat else [])
    names = st.multiselect(
        t("data_page.names"),
        present.names,
        default=present.names,
        accept_new_options=True,
        placeholder=t("data_page.names_placeholder"),
        help=t("data_page.names_help"),
        key=desk.draft.key("names"),
    )
    fields = MaskPolicy.model_fields["find_other_names"].json_schema_extra
    words = fields if isinstance(fields, dict) else {}
    others = st.toggle(
        str(words["label"][language()]),  # type: ignore[index,call-overload]
        value=present.find_other_names,
        help=str(words["help"][language()]),  # type: ignore[index,call-overload]
        key=desk.draft.key("other-names"),
    )
    actions = {}
    words_of = labels("data_page.action_", ACTIONS)
    with st.expander(t("data_page.per_kind"), icon=":material/tune:"):
        st.caption(t("data_page.per_kind_help"))
        for kind in KINDS:
            actions[kind] = st.selectbox(
                name_of(kind),
                ACTIONS,
                index=ACTIONS.index(present.action(kind)),
                format_func=words_of.__getitem__,
                key=desk.draft.key(f"kind-{kind}"),
            )
    left_out = present.names_left_out if len(names) < present.names_left_out else 0
    given = {"names": names, "names_left_out": left_out, "find_other_names": others, **actions}
    desk.change_recipe(privacy=MaskPolicy.check(given))


def outcome(desk: Desk, masked: Masked) -> None:
    """Draw the result of the second scan, counts per kind, and finds beside their replacements."""
    count = sum(masked.masker.counts.values())
    figures = st.columns(3)
    figures[0].metric(t("data_page.found"), f"{count:,}")
    figures[1].metric(t("data_page.dropped"), f"{sum(masked.dropped.values()):,}")
    figures[2].metric(t("data_page.left_after"), f"{masked.left:,}")
    scope_note(desk)
    if masked.left:
        st.error(t("data_page.still_there", count=masked.left), icon=":material/gpp_bad:")
    else:
        st.success(t("data_page.nothing_left"), icon=":material/verified_user:")
    report = masked.masker.report()
    if not report["counts"]:
        st.caption(t("data_page.nothing_found"))
        return
    kinds, finds = st.tabs([t("data_page.tab_kinds"), t("data_page.tab_finds")])
    columns = [t(f"data_page.{name}") for name in ("kind", "count", "instead")]
    with kinds:
        rows = [
            (name_of(kind), f"{number:,}", t(f"data_page.action_{report['actions'][kind]}"))
            for kind, number in report["counts"].items()
        ]
        small_table([dict(zip(columns, row, strict=True)) for row in rows])
    with finds:
        st.caption(t("data_page.screen_only"))
        finds_table(masked)


def finds_table(masked: Masked) -> None:
    """Draw what was found, in its surroundings, and what stands there instead."""
    kind, before, after = (t(f"data_page.{name}") for name in ("kind", "before", "after"))
    rows = [
        {
            kind: name_of(find.kind),
            before: f"…{escaped(find.before)}:red-background[{escaped(find.found)}]{escaped(find.after)}…",
            after: f"…{escaped(find.before)}:green-background[{escaped(find.replacement)}]{escaped(find.after)}…",
        }
        for finds in masked.masker.sample().values()
        for find in finds
    ][:SHOWN_FINDS]
    data = {column: [row[column].replace("\n", " ") for row in rows] for column in (kind, before, after)}
    st.table(data, hide_index=True, border="horizontal", height=TABLE_HEIGHT if len(rows) > 6 else "content")


def name_of(kind: str) -> str:
    """Return what a kind of personal data is called."""
    return KINDS[kind].ko if language() == "ko" else KINDS[kind].en
