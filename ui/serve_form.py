"""What a new server is to do: its models, its address and keys, the server's own settings, and the start."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import streamlit as st

from mactuner_core import jobs
from mactuner_core.chat.server_process import settings_of, start_server
from mactuner_core.config import Setting
from mactuner_core.config import settings_of as fields_of
from mactuner_core.errors import MacTunerError
from mactuner_core.export.gguf_file import check_gguf
from mactuner_core.server.settings import ServeSettings
from ui.errors import errors_are_shown, escaped, show_error
from ui.forms import settings_form
from ui.language import language, t
from ui.navigation import go
from ui.page import App
from ui.serve_choices import Choice, choices_of, label_of
from ui.serve_keys import ask_keys

ASKED_ABOVE = ("model", "host", "api_key_file", "allow_unverified")
THIS_MACHINE, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 (offered, and only with keys)
PORTS_TRIED = 50


def server_form(app: App) -> None:
    """Draw the settings of a new server, filled as the last one was, and the main action."""
    st.subheader(t("serve_page.settings"), anchor=False)
    origin, values = last_settings(app)
    models, unverified = ask_models(app, values, origin)
    host = ask_host(values, origin)
    keys, keys_in_order = ask_keys(app, host, bool(values.get("api_key_file")))
    form = settings_form(
        ServeSettings, f"serve-{origin}", values=values | {"port": first_port(origin, values)}, leave_out=ASKED_ABOVE
    )
    allowed = not unverified or ask_unverified(unverified)
    clicked = st.button(
        t("serve_page.start"), type="primary", icon=":material/play_arrow:", width="stretch", key="serve-start",
        disabled=not (models and keys_in_order and allowed),
    )  # fmt: skip
    if not clicked:
        return
    more = {"model": models, "host": host, "api_key_file": keys, "allow_unverified": bool(unverified)}
    settings = form.check(ServeSettings, **more)
    if settings is None:
        st.error(t("serve_page.see_fields"), icon=":material/error:")
        return
    job_id = None
    with errors_are_shown():
        given = settings.model_dump(mode="json")
        job_id = start_server(app.workspace, given.pop("model"), **given)
    if job_id:
        go("serve", server=job_id)


def last_settings(app: App) -> tuple[str, dict[str, Any]]:
    """Return the settings of the last server that this page started, and its job; nothing when there was none."""
    for job in jobs.list_jobs(app.workspace.jobs):
        if job.kind == "serve" and "n_parallel" in (found := settings_of(job.folder)):
            return job.id, found
    return "first", {}


def ask_models(app: App, values: Mapping[str, Any], origin: str) -> tuple[list[str], list[str]]:
    """Draw the choice of exports and of a file of one's own; return what to serve, and what of it failed its checks."""
    choices = {choice.ref: choice for choice in choices_of(app)}
    names = {ref: label_of(choice) for ref, choice in choices.items()}
    setting = _field("model")
    before = [ref for ref in values.get("model", []) if ref in choices]
    wanted = st.query_params.get("export", "")
    good = [choice for choice in choices.values() if choice.export.id == wanted] or list(choices.values())
    verified = [choice for choice in good if choice.file.verified]
    first = [min(verified or good, key=lambda choice: choice.file.bytes).ref] if good else []
    refs = st.multiselect(
        setting.label[language()], list(choices), default=first if wanted else before or first,
        format_func=names.__getitem__, key=f"serve-{origin}-models", placeholder=t("serve_page.choose_models"),
        help=t("serve_page.models_help"), wrap=True,
    )  # fmt: skip
    own_before = next((name for name in values.get("model", []) if name not in choices and name.endswith(".gguf")), "")
    own = st.text_input(
        t("serve_page.own_file"), "" if wanted else own_before, key=f"serve-{origin}-own", placeholder=t("serve_page.own_file_example"),
        help=t("serve_page.own_file_help"),
    ).strip()  # fmt: skip
    failed = [names[ref] for ref in refs if not choices[ref].file.verified]
    if not own:
        return list(refs), failed
    path = Path(own).expanduser()
    try:
        check_gguf(path)
    except MacTunerError as problem:
        show_error(problem)
        return [], failed
    except OSError as problem:
        show_error(MacTunerError("serving.unreadable", path=path, reason=problem.strerror or problem))
        return [], failed
    return [*refs, str(path.resolve())], failed + failed_copy(path, list(choices.values()))


def failed_copy(path: Path, choices: Sequence[Choice]) -> list[str]:
    """Return the name of a file that is one of an export's whose checks failed."""
    return [path.name for choice in choices if not choice.file.verified and Path(choice.file.path) == path.resolve()]


def ask_host(values: Mapping[str, Any], origin: str) -> str:
    """Draw from where the server can be reached: this machine, every address, or one of this machine's own."""
    known = [THIS_MACHINE, EVERYWHERE, *own_addresses()]
    before = values.get("host", THIS_MACHINE)
    offered = known if before in known else [*known, before]
    texts = {THIS_MACHINE: "serve_page.host_this", EVERYWHERE: "serve_page.host_all"}
    names = {host: t(texts.get(host, "serve_page.host_one"), host=host) for host in offered}
    return str(
        st.selectbox(
            _field("host").label[language()],
            offered,
            index=offered.index(before),
            format_func=names.__getitem__,
            key=f"serve-{origin}-host",
            help=t("serve_page.host_help"),
        )
    )


def own_addresses() -> list[str]:
    """Return the addresses by which other machines of the network reach this one."""
    found = [one.address for card in psutil.net_if_addrs().values() for one in card if one.family == socket.AF_INET]
    return sorted({address for address in found if not ipaddress.ip_address(address).is_loopback})


def first_port(origin: str, values: Mapping[str, Any]) -> int:
    """Return the wanted port, or the next one that nobody uses; looked up once, so that the field does not change by itself."""
    key = f"serve-first-port-{origin}"
    if key not in st.session_state:
        wanted = int(values.get("port") or _field("port").default)
        st.session_state[key] = next(
            (port for port in range(wanted, min(wanted + PORTS_TRIED, 65536)) if is_free(port)), 0
        )
    return int(st.session_state[key])


def is_free(port: int) -> bool:
    """Tell whether nothing listens on this machine's `port`."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((THIS_MACHINE, port))
        except OSError:
            return False
    return True


def ask_unverified(names: Sequence[str]) -> bool:
    """Draw the warning about files that failed their checks; return whether they are wanted all the same."""
    st.warning(f"{t('chat_page.unverified')}  \n{escaped(', '.join(names))}", icon=":material/warning:")
    return st.checkbox(t("chat_page.use_unverified"), key=f"serve-allow-{'-'.join(names)}")


def _field(name: str) -> Setting:
    return next(setting for setting in fields_of(ServeSettings) if setting.name == name)
