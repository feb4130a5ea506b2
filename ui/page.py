"""How every page begins: title of the tab, sidebar, workspace and catalogue, and errors shown in place of a traceback.

A page is `show("name", main)`, where `main(app)` draws it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import streamlit as st

from mactuner_core.catalog import Catalog, open_catalog
from mactuner_core.workspace import Workspace, open_workspace
from ui.errors import errors_are_shown
from ui.language import language_switch, t
from ui.navigation import go_button, navigation, title_of
from ui.sidebar import machine_facts

Colour = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "primary"]
LOGO = Path(__file__).with_name("logo.svg")
ICON = Path(__file__).with_name("icon.svg")  # a Material icon would be fetched from the network
# Streamlit's file chooser speaks English only, and so do its hint to press Enter and its sign that a script runs (which
# would blink beside every monitor): the first is translated, the others are hidden. Addresses in rows of data are
# texts to read, not links to open. Korean lines break between words.
STYLE = """<style>
[data-testid="stFileUploaderDropzone"] button p, [data-testid="stFileUploaderDropzoneInstructions"] span {{font-size: 0; visibility: hidden}}
[data-testid="stFileUploaderDropzone"] button p::after {{content: "{button}"; font-size: 0.95rem; visibility: visible}}
[data-testid="stFileUploaderDropzoneInstructions"] span::after {{content: "{limits}"; font-size: 0.875rem; visibility: visible}}
[data-testid="InputInstructions"], [data-testid="stStatusWidget"] {{display: none}}
[data-testid="stTable"] a, a[href^="mailto:"] {{color: inherit !important; text-decoration: none !important; pointer-events: none}}
[data-testid="stApp"] :is(p, li, td, h1, h2, h3, label) {{word-break: keep-all !important; overflow-wrap: anywhere !important}}
[data-testid="stTable"] th p {{overflow-wrap: normal !important}}
</style>"""


@dataclass(frozen=True)
class App:
    """What a page works on."""

    workspace: Workspace
    catalog: Catalog


def show(name: str, main: Callable[[App], None]) -> None:
    """Draw the page `name`: sidebar, then `main`."""
    st.logo(LOGO, size="large")
    with st.sidebar:
        language_switch()
        navigation()
    st.set_page_config(page_title=_tab_title(name), page_icon=ICON, layout="wide")
    st.html(STYLE.format(button=t("ui.choose_file"), limits=t("ui.file_limits", size=upload_limit())))
    with errors_are_shown():
        workspace = open_workspace()
        app = App(workspace, open_catalog(workspace))
        with st.sidebar:
            machine_facts(workspace)
        main(app)


def upload_limit() -> int:
    """Return the largest file that can be uploaded, in megabytes."""
    return int(st.get_option("server.maxUploadSize"))


def _tab_title(name: str) -> str:
    return t("ui.tab_title", title=title_of(name)) if name != "home" else t("ui.app_name")


def header(name: str, sentence: str, chip: str = "", colour: Colour = "gray") -> None:
    """Draw title, state chip and the one sentence that says what the page is for and what comes next."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(title_of(name), anchor=False, width="content")
        if chip:
            st.badge(chip, color=colour)
    st.markdown(f":gray[{sentence}]")


def main_and_settings() -> tuple[contextlib.AbstractContextManager[object], contextlib.AbstractContextManager[object]]:
    """Return the two columns of a page: what one looks at (two thirds) and the settings (one third)."""
    left, right = st.columns([2, 1], gap="large")
    return left, right


def empty_state(icon: str, sentence: str, button: str, page: str) -> None:
    """Say in place of an empty page what is missing, with the one button to where it is made."""
    with (
        st.container(border=True, horizontal_alignment="center", key="empty-state"),
        st.container(horizontal_alignment="center", width=520, gap="medium"),
    ):
        st.space("small")
        st.markdown(f"## :gray[{icon}]", width="content", anchors=False)
        st.markdown(sentence, text_alignment="center")
        go_button(page, button, key=f"empty-{page}")
        st.space("small")
