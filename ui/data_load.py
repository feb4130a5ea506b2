"""Step 1, Load: what the file is, what a row of it looks like as a chat, which rows are left out and why."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from mactuner_core.data.inspect import Inspection
from mactuner_core.data.kakaotalk.kinds import Kind
from mactuner_core.data.kakaotalk.recipe import PairRecipe
from mactuner_core.data.kakaotalk.speakers import named_speaker
from mactuner_core.data.recipe import ReadRecipe
from mactuner_core.errors import InputError, MacTunerError
from mactuner_core.format import human_bytes
from ui.data_columns import choose_columns
from ui.data_draft import discard, remember_columns
from ui.data_parts import next_button
from ui.data_table import as_chat, left_out_table
from ui.data_work import Desk
from ui.errors import errors_are_shown, escaped, show_error
from ui.examples import small_table
from ui.forms import Form, settings_form
from ui.language import labels, t
from ui.page import main_and_settings

EXAMPLES_HEIGHT = 420
FEW_FIELDS = ("shape", "context_turns", "instruction", "one_word_share")
KINDS = tuple(kind for kind in get_args(Kind) if kind not in ("text", "system"))
POLICIES = ("drop", "replace", "keep")
UNKNOWN_COLUMNS = ("data.no_known_column", "data.missing_column")


def load_step(desk: Desk, problem: MacTunerError | None) -> None:
    """Draw the step; `problem` is why the file cannot be used."""
    left, right = main_and_settings()
    with left:
        the_file(desk)
        if problem is not None and problem.code in UNKNOWN_COLUMNS:
            with errors_are_shown():
                choose_columns(desk)
        elif problem is not None:
            show_error(problem)
        else:
            look(desk, desk.found())
    with right:
        if problem is None or problem.code == "kakaotalk.unknown_speaker":
            st.subheader(t("data_page.settings"), anchor=False)
            with errors_are_shown():
                settings(desk)
            next_button("understand", disabled=problem is not None or not desk.found().examples)


def the_file(desk: Desk) -> None:
    """Draw the name of the file, and the way to another one."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        size = human_bytes(desk.path.stat().st_size)
        name = escaped(desk.draft.source_name)
        st.markdown(f":material/description: **{name}** :gray[· {size}]", width="content")
        with st.popover(t("data_page.other_file"), icon=":material/swap_horiz:"):
            st.markdown(t("data_page.other_file_question"))
            if st.button(t("data_page.other_file_yes"), key="data-discard"):
                discard(desk.workspace)
                st.rerun()


def look(desk: Desk, found: Inspection) -> None:
    """Draw figures, examples as a chat, and what is left out."""
    figures = st.columns(4)
    shape = t(f"data_page.shape_{found.shape}")
    name = t("data_page.kakaotalk") if found.chat else found.reading.format.upper()
    figures[0].metric(t("data_page.format"), name, help=shape)
    figures[1].metric(t("data_page.encoding"), found.reading.encoding.upper())
    figures[2].metric(t("data_page.pairs" if found.chat else "data_page.usable"), f"{found.usable:,}")
    figures[3].metric(t("data_page.rejected"), f"{found.rejected_count:,}")
    if found.chat:
        chat_facts(found)
    examples, rejected = st.tabs(
        [t("data_page.tab_examples"), t("data_page.tab_rejected", count=f"{found.rejected_count:,}")]
    )
    with examples, st.container(height=EXAMPLES_HEIGHT if found.examples else "content", border=False, key="examples"):
        if found.examples:
            as_chat(found.examples)
        else:
            st.info(t("data_page.choose_me" if found.chat else "data_page.nothing_usable"), icon=":material/info:")
    with rejected:
        left_out_table(found.rejected, dict(found.reasons.most_common()))


def chat_facts(found: Inspection) -> None:
    """Draw layout, time span, speakers and kinds of a chat export."""
    chat = found.chat or {}
    speakers = ", ".join(f"{name} {count:,}" for name, count in list(chat["speakers"].items())[:8])
    kinds = ", ".join(f"{t(f'kakaotalk.kind_{kind}')} {count:,}" for kind, count in chat["kinds"].items())
    span = " – ".join(str(chat[end])[:10] for end in ("first", "last") if chat[end])
    facts = {
        "layout": t(f"kakaotalk.layout_{chat['layout']}"),
        "messages": f"{chat['messages']:,}",
        "span": span or "–",
        "speakers": speakers,
        "kinds": kinds,
    }
    fact, value = t("data_page.fact"), t("data_page.value")
    with st.expander(t("data_page.about_chat"), icon=":material/forum:"):
        small_table([{fact: t(f"data_page.fact_{name}"), value: words} for name, words in facts.items()])


def settings(desk: Desk) -> None:
    """Draw how the rows are read, and keep it."""
    reading = desk.reading()
    if reading.chat:
        chat_settings(desk, list(reading.chat.speakers))
        return
    read = desk.recipe.read
    picked: dict[str, str | None] = {}
    columns, shape = reading.columns, desk.found().shape
    if shape == "question_answer":
        for column in ("question_column", "answer_column"):
            present = getattr(read, column)
            picked[column] = st.selectbox(
                t(f"data_page.{column}"),
                columns,
                index=columns.index(present) if present in columns else None,
                placeholder=t("data_page.by_name"),
                key=desk.draft.key(column),
            )
    else:
        st.caption(t(f"data_page.shape_{shape}"))
    form = settings_form(
        ReadRecipe, desk.draft.key("read"), values=read.model_dump(), leave_out=("question_column", "answer_column")
    )
    checked = form.check(ReadRecipe, **picked)
    if checked is not None:
        if checked.question_column and checked.answer_column:
            remember_columns(desk.workspace, columns, checked.question_column, checked.answer_column)
        desk.change_recipe(read=checked)


def chat_settings(desk: Desk, speakers: list[str]) -> None:
    """Draw who "me" is and how pairs are made, and keep it."""
    present = desk.recipe.kakaotalk
    if len(speakers) < 2:
        raise InputError(
            "kakaotalk.too_few_speakers",
            path=desk.draft.source_name,
            count=len(speakers),
            speakers=", ".join(speakers) or "–",
        )
    known = named_speaker(present.me, speakers) if present else None
    me = st.selectbox(
        t("data_page.me"),
        speakers,
        index=speakers.index(known) if known else None,
        placeholder=t("data_page.me_placeholder"),
        help=t("data_page.me_help"),
        key=desk.draft.key("me"),
    )
    if me is None:
        return
    values = present.model_dump() if present else {}
    key = desk.draft.key("pairs")
    form = settings_form(PairRecipe, key, values=values, leave_out=set(PairRecipe.model_fields) - set(FEW_FIELDS))
    with st.expander(t("data_page.more_pairs"), icon=":material/tune:"):
        finer = settings_form(PairRecipe, f"{key}-finer", values=values, leave_out={"me", *FEW_FIELDS, *KINDS})
        st.markdown(f"**{t('data_page.kinds_of_messages')}**")
        kinds = kind_settings(key, present)
    more = Form(form.values | finer.values, form.slots | finer.slots)
    checked = more.check(PairRecipe, me=me, **kinds)
    if checked is not None:
        desk.change_recipe(kakaotalk=checked)


def kind_settings(key: str, present: PairRecipe | None) -> dict[str, str]:
    """Draw what happens to photos, calls and other messages without words, two in a line."""
    words = labels("data_page.policy_", POLICIES)
    columns = st.columns(2)
    chosen = {}
    for place, kind in enumerate(KINDS):
        policy = getattr(present, kind) if present else POLICIES[0]
        chosen[kind] = columns[place % 2].selectbox(
            t(f"kakaotalk.kind_{kind}"),
            POLICIES,
            index=POLICIES.index(policy),
            format_func=words.__getitem__,
            key=f"{key}-{kind}",
        )
    return chosen
