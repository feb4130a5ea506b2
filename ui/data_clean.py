"""Step 3, Clean: the steps of the recipe in their order, and what one more would do, seen before it is applied."""

from __future__ import annotations

import streamlit as st
import yaml

from mactuner_core.data.cleaning.clean import Effect, Sample
from mactuner_core.data.cleaning.steps import STEPS, Step
from mactuner_core.data.recipe import Recipe
from mactuner_core.errors import InputError
from ui.data_draft import plain_name
from ui.data_parts import marked, next_button
from ui.data_understand import choose_model
from ui.data_work import Desk
from ui.errors import errors_are_shown, escaped
from ui.forms import settings_form
from ui.language import labels, language, t
from ui.page import main_and_settings


def clean_step(desk: Desk) -> None:
    """Draw the step."""
    left, right = main_and_settings()
    with right:
        st.subheader(t("data_page.add_step"), anchor=False)
        with errors_are_shown():
            step = choose_step(desk)
    with left:
        if step is not None:
            with errors_are_shown(), st.spinner(t("data_page.trying")):
                effect = desk.effect_of(step)
                with right:
                    apply_button(desk, step, effect)
                draw_effect(effect)
        with errors_are_shown(), st.spinner(t("data_page.trying")):
            steps_list(desk)
        recipe_box(desk)
    with right:
        next_button("protect", main_action=step is None)


def choose_step(desk: Desk) -> Step | None:
    """Draw the choice of a step with its form, and return it."""
    names = labels("cleaning.step_", STEPS)
    name = st.selectbox(
        t("data_page.which_step"),
        list(names),
        index=None,
        format_func=names.__getitem__,
        placeholder=t("data_page.which_step_none"),
        key=desk.draft.key("add-step"),
    )
    if name is None:
        st.caption(t("data_page.add_step_help"))
        return None
    if name == "token_length":
        choose_model(desk)
        if not desk.tokenizer:
            return None
    cls = STEPS[name]
    return settings_form(cls, desk.draft.key(f"step-{name}")).check(cls, step=name)


def apply_button(desk: Desk, step: Step, effect: Effect) -> None:
    """Draw the button that puts the step into the recipe."""
    nothing = not (effect.changed or effect.dropped)
    if st.button(t("data_page.apply"), type="primary", icon=":material/check:", width="stretch", disabled=nothing):
        del st.session_state[desk.draft.key("add-step")]
        keep_steps(desk, [*desk.recipe.clean, step])


def keep_steps(desk: Desk, steps: list[Step]) -> None:
    """Keep the steps in this order."""
    desk.change_recipe(clean=[step.model_dump(mode="json") for step in steps])


def draw_effect(effect: Effect) -> None:
    """Draw what a step would do: counts, and samples with the change marked."""
    with st.container(border=True, key="effect"):
        name = t(f"cleaning.step_{effect.step.step}")
        st.markdown(f":material/visibility: **{t('data_page.effect_of', step=name)}**")
        columns = st.columns(3)
        columns[0].metric(t("data_page.changed"), f"{effect.changed:,}")
        columns[1].metric(t("data_page.dropped"), f"{effect.dropped:,}")
        columns[2].metric(t("data_page.rows_after"), f"{effect.after:,}")
        if not effect.samples:
            st.caption(t("data_page.no_effect"))
        for sample in effect.samples:
            draw_sample(sample)


def draw_sample(sample: Sample) -> None:
    """Draw one row before and after."""
    st.caption(t("data_page.sample_line", line=sample.line))
    before, after = st.columns(2)
    if sample.after is None:
        before.markdown(escaped(sample.before))
        reason = sample.reason.text(language()) if sample.reason else t("data_page.left_out_here")
        after.markdown(f":red[:material/remove_circle: {escaped(reason)}]")
        return
    old, new = marked(sample.before, sample.after)
    before.markdown(old)
    after.markdown(new)


def steps_list(desk: Desk) -> None:
    """Draw the steps of the recipe with what each of them did, and the buttons that move and remove them."""
    st.markdown(f"**{t('data_page.recipe_steps')}**")
    steps = list(desk.recipe.clean)
    if not steps:
        st.caption(t("data_page.no_steps"))
        return
    for place, effect in enumerate(desk.cleaned().effects):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"applied-{place}"):
            name = t(f"cleaning.step_{effect.step.step}")
            did = t("data_page.step_did", changed=f"{effect.changed:,}", dropped=f"{effect.dropped:,}")
            st.markdown(f"**{place + 1}. {name}** :gray[· {did}]", width="stretch")
            up = st.button(
                "", icon=":material/arrow_upward:", key=f"up-{place}", help=t("data_page.up"), disabled=place == 0
            )
            gone = st.button("", icon=":material/undo:", key=f"undo-{place}", help=t("data_page.undo"))
        if up:
            keep_steps(desk, [*steps[: place - 1], steps[place], steps[place - 1], *steps[place + 1 :]])
        if gone:
            keep_steps(desk, [*steps[:place], *steps[place + 1 :]])


def recipe_box(desk: Desk) -> None:
    """Draw the whole recipe as YAML, to keep it or to use another one."""
    with st.expander(t("data_page.recipe_yaml"), icon=":material/receipt_long:"):
        st.code(desk.draft.recipe, language="yaml", height=240)
        file_name = f"{plain_name(desk.draft.source_name)}.recipe.yaml"
        st.download_button(
            t("data_page.recipe_download"), desk.draft.recipe, file_name, icon=":material/download:", key="data-recipe"
        )
        given = st.file_uploader(t("data_page.recipe_upload"), type=("yaml", "yml"), key=desk.draft.key("recipe-file"))
        if given is not None:
            with errors_are_shown():
                use_recipe(desk, given.name, given.getvalue())


def use_recipe(desk: Desk, name: str, content: bytes) -> None:
    """Put the recipe of a file in place of the draft's; raises InputError or ConfigError when it is none."""
    try:
        values = yaml.safe_load(content.decode("utf-8")) or {}
    except (UnicodeDecodeError, yaml.YAMLError) as problem:
        raise InputError("config.bad_yaml", path=name, reason=" ".join(str(problem).split())) from problem
    if not isinstance(values, dict):
        raise InputError("config.not_a_mapping", path=name)
    Recipe.check(values)
    written = yaml.safe_dump(values, allow_unicode=True, sort_keys=False)
    desk.change(recipe=written, edits=desk.draft.edits + 1, job_id="")
