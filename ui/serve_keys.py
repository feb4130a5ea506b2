"""The API keys of the workspace's servers: made, shown once, listed by name, taken away. Only their hashes are kept."""

from __future__ import annotations

import streamlit as st

from mactuner_core.server.key_file import KeyLine, add_key, key_file, keys_in, remove_key
from mactuner_core.server.settings import is_loopback
from ui.errors import errors_are_shown, escaped
from ui.language import t
from ui.page import App

SHOWN_ONCE = "serve-new-key"
FIRST_NAME = "me"


def ask_keys(app: App, host: str, before: bool) -> tuple[str | None, bool]:
    """Draw whether requests need a key, and the keys; return the key file to use and whether all is in order.

    `before` tells whether the last server asked for a key. An address that other machines reach is not in order without one.
    """
    path = key_file(app.workspace)
    with errors_are_shown():
        keys = keys_in(path)
        outside = not is_loopback(host)
        if outside and not keys:
            st.warning(t("serve_page.key_needed"), icon=":material/key:")
        wanted = st.toggle(
            t("serve_page.with_keys"), value=outside or before, key=f"serve-with-keys-{outside}", disabled=outside,
            help=t("serve_page.with_keys_help"),
        )  # fmt: skip
        if wanted or keys or SHOWN_ONCE in st.session_state:
            with st.container(border=True, key="serve-keys"):
                _new_key_shown_once()
                for key in keys:
                    _key_row(app, key)
                _make_key(app)
        if wanted and not keys and not outside:
            st.caption(t("serve_page.key_first"))
        return (str(path) if wanted else None), bool(keys) or not wanted
    return None, False


def _new_key_shown_once() -> None:
    if key := st.session_state.get(SHOWN_ONCE):
        st.markdown(f":material/key: {t('serve_page.key_once')}")
        st.code(key, language=None, wrap_lines=True)
        if st.button(t("serve_page.key_saved"), key="serve-key-saved", icon=":material/check:"):
            del st.session_state[SHOWN_ONCE]
            st.rerun()


def _key_row(app: App, key: KeyLine) -> None:
    """Draw one key by its name, with the button that takes it away after a question."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"{escaped(key.name)} :gray[· {key.mark}…]", width="content", help=t("serve_page.key_mark"))
        with st.popover(t("serve_page.key_remove"), type="tertiary"):
            st.markdown(t("serve_page.key_remove_question", name=escaped(key.name)))
            if st.button(t("serve_page.key_remove_yes"), key=f"serve-remove-{key.name}-{key.mark}"):
                removed = False
                with errors_are_shown():
                    remove_key(key_file(app.workspace), key)
                    removed = True
                if removed:
                    st.rerun()


def _make_key(app: App) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(t("serve_page.key_name"), FIRST_NAME, key="serve-key-name", max_chars=40)
        clicked = st.button(t("serve_page.key_make"), key="serve-key-make", icon=":material/add:")
    if clicked:
        made = None
        with errors_are_shown():
            made = add_key(key_file(app.workspace), name)
        if made:
            st.session_state[SHOWN_ONCE] = made
            st.rerun()
