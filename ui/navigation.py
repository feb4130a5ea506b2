"""The pages, in the order of the sidebar, and how to get to them."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from ui.language import kept_params, t


@dataclass(frozen=True)
class PageInfo:
    """One page: its name (title in `ui.page_NAME`), its file, its icon and its number in the sidebar."""

    name: str
    file: str
    icon: str
    number: str = ""


PAGES = {
    page.name: page
    for page in (
        PageInfo("home", "Home.py", ":material/home:"),
        PageInfo("models", "pages/1_Models.py", ":material/deployed_code:", "①"),
        PageInfo("data", "pages/2_Data.py", ":material/table_view:", "②"),
        PageInfo("training", "pages/3_Training.py", ":material/model_training:", "③"),
        PageInfo("chat", "pages/4_Chat.py", ":material/forum:", "④"),
        PageInfo("documents", "pages/5_Documents.py", ":material/library_books:", "⑤"),
        PageInfo("export", "pages/6_Export.py", ":material/ios_share:", "⑥"),
        PageInfo("serve", "pages/8_Serve.py", ":material/dns:", "⑧"),
    )
}


def navigation() -> None:
    """Draw the links of the sidebar, numbered."""
    for page in PAGES.values():
        label = t("ui.numbered", number=page.number, title=title_of(page.name)) if page.number else title_of(page.name)
        st.page_link(page.file, label=label, icon=page.icon, width="stretch", query_params=kept_params())


def title_of(name: str) -> str:
    """Return the title of a page in the language of the page."""
    return t(f"ui.page_{name}")


def link_to(name: str, label: str, **params: str) -> None:
    """Draw a quiet link to a page."""
    page = PAGES[name]
    st.page_link(page.file, label=label, icon=page.icon, query_params=kept_params() | params)


def go_button(name: str, label: str, *, key: str, primary: bool = True, **params: str) -> None:
    """Draw a button that leads to a page."""
    if st.button(label, key=key, type="primary" if primary else "secondary", icon=PAGES[name].icon):
        go(name, **params)


def go(name: str, **params: str) -> None:
    """Open a page."""
    st.switch_page(PAGES[name].file, query_params=kept_params() | params)
