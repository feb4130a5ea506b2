"""What a run will do, before it starts: its size, whether it fits, how long it takes, what may go wrong, and why so."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mactuner_core.config import settings_of
from mactuner_core.format import human_bytes, human_count, human_duration
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.estimate import Estimate, estimate
from mactuner_core.training.warnings import warnings_for
from ui.errors import escaped
from ui.language import language, t
from ui.training_form import Planned

BAR_HEIGHT = 110
COLOURS = ("#3B82F6", "#8B5CF6", "#10B981", "#F59E0B", "#EF4444", "#9CA3AF")


def draw_plan(planned: Planned | None) -> None:
    """Draw the plan of a run, or what is to be done before there is one."""
    if planned is None:
        st.info(t("training_page.mend_settings"), icon=":material/edit:")
        return
    needs = estimate(planned.model, planned.dataset, planned.config, planned.machine, planned.speed)
    with st.container(border=True):
        st.subheader(t("training_page.plan"), anchor=False)
        _figures(planned, needs)
        _memory(needs)
        st.caption(_rests_on(needs))
    for warning in warnings_for(planned.model, planned.dataset, planned.config, planned.machine):
        st.warning(escaped(warning.text(language())), icon=":material/warning:")
    _reasons(planned)


def _figures(planned: Planned, needs: Estimate) -> None:
    figures = st.columns(4)
    parameters = human_count(planned.model.parameters)
    figures[0].metric(t("training_page.model"), parameters, help=escaped(planned.model.id))
    rows = f"{planned.dataset.train_rows:,}"
    figures[1].metric(t("training_page.examples"), rows, help=escaped(planned.dataset.id))
    tokens = t("training_plan.tokens_in_all", tokens=human_count(needs.tokens))
    figures[2].metric(t("training_page.steps"), f"{needs.steps:,}", help=tokens)
    duration = "–" if needs.seconds is None else human_duration(needs.seconds, language())
    figures[3].metric(t("training_plan.time"), duration, help=_time_rests_on(needs))


def _memory(needs: Estimate) -> None:
    """Draw the parts of the peak as one bar with a mark where the memory ends, and say whether it fits."""
    import pandas as pd

    parts = needs.memory.as_dict()
    names = [t(f"training_plan.part_{name}") for name in parts]
    sizes = [human_bytes(size) for size in parts.values()]
    data = pd.DataFrame({"part": names, "gigabytes": [size / 1e9 for size in parts.values()], "size": sizes})
    st.vega_lite_chart(data, _bar(names, needs.room / 1e9), width="stretch", height=BAR_HEIGHT, key="train-memory")
    values = {"need": human_bytes(needs.memory.total), "total": human_bytes(needs.room)}
    if needs.fits:
        st.markdown(f":green[:material/check_circle:] {t('training_page.fits', **values)}")
    else:
        st.markdown(f":orange[:material/warning:] {t('training_page.does_not_fit', **values)}")


def _bar(names: list[str], room: float) -> dict[str, Any]:
    colour = {
        "field": "part",
        "type": "nominal",
        "title": None,
        "scale": {"domain": names, "range": list(COLOURS)},
        "legend": {"orient": "bottom", "columns": 6},
        "sort": names,
    }
    amount = {"field": "gigabytes", "type": "quantitative", "title": None, "axis": {"format": "~g", "labelExpr": "datum.label + ' GB'", "grid": False, "tickCount": 6}}  # fmt: skip
    tips = [{"field": "part", "type": "nominal"}, {"field": "size", "type": "nominal"}]
    order = {"field": "place", "type": "quantitative"}
    bar = {
        "mark": {"type": "bar", "height": 26},
        "encoding": {"x": amount, "color": colour, "order": order, "tooltip": tips},
    }
    limit = {
        "mark": {"type": "rule", "strokeWidth": 2, "strokeDash": [4, 3], "color": "#EF4444"},
        "encoding": {"x": {"datum": room, "type": "quantitative"}},
    }
    places = {"calculate": f"indexof({names!r}, datum.part)", "as": "place"}
    return {"transform": [places], "layer": [bar, limit]}


def _rests_on(needs: Estimate) -> str:
    return f"{t(f'training_plan.lengths_{needs.lengths}')} {_time_rests_on(needs)}"


def _time_rests_on(needs: Estimate) -> str:
    if needs.speed is None:
        return t("training_plan.time_unknown")
    return t(f"training_plan.time_{needs.speed.source}", runs=needs.speed.runs)


def _reasons(planned: Planned) -> None:
    """Draw each suggested value with its reason, and what the person made of it."""
    suggested, config = planned.suggested.config, planned.config
    labels = {setting.name: setting.label[language()] for setting in settings_of(TrainingConfig)}
    with st.expander(t("training_plan.why"), icon=":material/lightbulb:", expanded=True):
        for name, reason in planned.suggested.reasons.items():
            value, now = _shown(getattr(suggested, name)), _shown(getattr(config, name))
            head = f"**{labels[name]}** `{value}`"
            if value != now:
                head += f" → `{now}` :gray-badge[{t('training_plan.changed')}]"
            st.markdown(f"{head}  \n:gray[{escaped(reason.text(language()))}]")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return t("training_plan.on") if value else t("training_plan.off")
    return f"{value:g}" if isinstance(value, float) else str(value)
