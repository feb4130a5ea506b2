"""Which model of the Hub a person has picked, and with which token: kept in this browser session and nowhere else."""

from __future__ import annotations

import streamlit as st

from mactuner_core.errors import MacTunerError
from mactuner_core.models.hub import offline_by_choice
from mactuner_core.models.hub_details import HubDetails
from ui.errors import show_error

WAY = "models-way"
VIEW = "models-view"
REPOSITORY = "hub-repository"
ENTERED = "hub-token"
FIRST = "Qwen/Qwen3-0.6B"
_LOOK_UP = "models-look-up"  # the id whose facts the panel shall ask for in this run
_LAST = "models-repository"
_DETAILS = "models-details"
_REMEMBERED = "models-token"
_NO_HUB = "models-no-hub"
OFFLINE_CODES = ("models.hub_offline_mode", "models.hub_unreachable", "models.hub_slow", "models.hub_strange")


def pick(repository: str) -> None:
    """Put a model of the Hub into the panel on the right and ask for its facts; for callbacks, before the page is drawn."""
    st.session_state[WAY] = "hub"
    st.session_state[REPOSITORY] = repository
    if not is_offline():
        st.session_state[_LOOK_UP] = repository


def look_up_wanted(repository: str) -> bool:
    """Tell, once, whether the facts of `repository` were asked for."""
    return bool(st.session_state.pop(_LOOK_UP, None) == repository)


def look_up(repository: str) -> HubDetails | None:
    """Ask the Hub for a model's facts and keep them for this session; an error is shown in their place."""
    from mactuner_core.models.hub_details import hub_details

    st.session_state.pop(_DETAILS, None)
    try:
        st.session_state[_DETAILS] = hub_details(repository, token())
        reached()
    except MacTunerError as problem:
        failed(problem)
    return known(repository)


def known(repository: str) -> HubDetails | None:
    """Return the facts that were asked for last, when they are of this model."""
    found: HubDetails | None = st.session_state.get(_DETAILS)
    return found if found and repository in (found.id, found.asked_for) else None


def token() -> str | None:
    """Return the token of this session."""
    return st.session_state.get(_REMEMBERED) or None


def token_field(label: str, help: str) -> None:
    """Draw the field of the token; what is entered outlives a change of page, but not the session."""
    st.session_state.setdefault(ENTERED, st.session_state.get(_REMEMBERED, ""))
    entered = st.text_input(label, type="password", key=ENTERED, help=help, autocomplete="off")
    st.session_state[_REMEMBERED] = entered.strip()


def repository_field(label: str) -> str:
    """Draw the field of the model's id and return it; it is kept like the token."""
    st.session_state.setdefault(REPOSITORY, st.session_state.get(_LAST, FIRST))
    entered = st.text_input(label, key=REPOSITORY).strip()
    st.session_state[_LAST] = entered
    return entered


def is_offline() -> bool:
    """Tell whether the Hub is switched off, or could not be reached when it was asked last."""
    return offline_by_choice() or bool(st.session_state.get(_NO_HUB))


def reached() -> None:
    """Remember that the Hub answered."""
    st.session_state.pop(_NO_HUB, None)


def failed(problem: MacTunerError) -> None:
    """Show why the Hub did not help, and remember when it cannot be reached at all."""
    if problem.code in OFFLINE_CODES:
        st.session_state[_NO_HUB] = True
    else:
        reached()
    show_error(problem)
