"""How other programs reach a server: texts to copy, with its real address and the name of its model."""

from __future__ import annotations

import json

import streamlit as st

from mactuner_core.chat.server_process import Server
from ui.language import labels, t

LANGUAGES = {"openai": "python", "curl": "bash", "langchain": "python", "open_webui": None, "continue": "yaml"}
DOCKER_HOST = "host.docker.internal"  # how a container names the machine it runs on


def snippets(server: Server) -> None:
    """Draw one tab a program, each with its text to copy."""
    model = server.models[0]
    if len(server.models) > 1:
        model = st.selectbox(t("serve_page.snippet_model"), server.models, key=f"snippet-model-{server.job_id}")
    if server.needs_key:
        st.caption(f":material/key: {t('serve_page.snippet_key')}")
    names = labels("serve_page.tab_", LANGUAGES)
    for program, tab in zip(LANGUAGES, st.tabs(list(names.values()), key="snippet-tabs"), strict=True):
        with tab:
            st.caption(t(f"serve_page.about_{program}"))
            if program == "open_webui":
                open_webui(server)
            else:
                st.code(snippet(server, program, model), language=LANGUAGES[program])


def snippet(server: Server, program: str, model: str) -> str:
    """Return the text for one program; the name stands between double quotes there, for curl inside single ones too."""
    name = json.dumps(model, ensure_ascii=False)[1:-1]
    if program == "curl":
        name = name.replace("'", "'\\''")
    return t(f"serve_page.snippet_{program}", url=server.url, model=name, api_key=key_of(server))


def key_of(server: Server) -> str:
    """Return what stands for the key: a word to put the real one in, or a dash where the server asks for none."""
    return t("serve_page.key_here") if server.needs_key else "-"


def open_webui(server: Server) -> None:
    """Draw what to enter in Open WebUI, and what differs when it runs in Docker."""
    for name, value in (("url", server.url), ("key", key_of(server))):
        st.markdown(f"**{t(f'serve_page.open_webui_{name}')}**")
        st.code(value, language=None)
    url = server.url.replace("127.0.0.1", DOCKER_HOST)
    st.markdown(t("serve_page.docker_ready" if reachable_from_containers(server) else "serve_page.docker_closed"))
    st.code(url, language=None)
    st.caption(t("serve_page.docker_options"))
    st.code(t("serve_page.docker_run", url=url, api_key=key_of(server)), language="bash")


def reachable_from_containers(server: Server) -> bool:
    """Tell whether the server listens on every address of this machine, the one that containers see among them."""
    return server.settings.get("host") in ("0.0.0.0", "::")  # noqa: S104 (compared, not opened)
