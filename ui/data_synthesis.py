"""New examples from a few rows of a saved version: who writes them, how many, what it may cost; then the work itself.

The API key stays in this browser session and in the environment of the job; it is written to no file.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.chat.server_process import running_servers
from mactuner_core.data.dataset import saved_rows
from mactuner_core.data.rows import Example
from mactuner_core.data.synthesis.recipe import SynthesisRecipe
from mactuner_core.data.synthesis.start import start_synthesis
from mactuner_core.errors import InputError
from mactuner_core.workspace import Workspace, write_text
from ui.data_draft import folder_of, load_draft, recall, remember
from ui.data_synthesis_work import SECRET, choose_synthesis, draw_synthesis, remember_shown
from ui.data_table import example_rows
from ui.errors import errors_are_shown, escaped
from ui.forms import settings_form
from ui.language import t
from ui.page import main_and_settings

GIVEN_ELSEWHERE = ("base_url", "model", "gold", "rules")
OTHER = ""  # the choice of an address that is not one of our servers
EXAMPLE_ADDRESS = "http://127.0.0.1:11434/v1"
OFFERED_ROWS = 200
USUAL_GOLD = 4


@dataclass(frozen=True)
class Writer:
    """Who writes the rows: an endpoint and its model."""

    base_url: str
    model: str


def synthesis(workspace: Workspace, catalog: Catalog, version: DatasetVersion) -> None:
    """Draw the form, and below the gold examples what was started."""
    left, right = main_and_settings()
    kept = recall(workspace, "synthesis")
    with left, st.container(border=True, key="synthesis-gold-box"), errors_are_shown():
        gold = choose_gold(version, list(kept.get("gold", {}).get(version.id, [])))
        rules = choose_rules(str(kept.get("rules", "")))
    with right, errors_are_shown():
        settings(workspace, catalog, version, kept, gold, rules)
    with left, errors_are_shown():
        name = choose_synthesis(workspace)
        if name:
            draw_synthesis(workspace, catalog, version, name)
        else:
            st.info(t("data_synthesis.about"), icon=":material/auto_awesome:")


def settings(
    workspace: Workspace,
    catalog: Catalog,
    version: DatasetVersion,
    kept: dict[str, Any],
    gold: list[Example],
    rules: str,
) -> None:
    """Draw the form, keep what was given, and start the work when asked."""
    st.subheader(t("data_synthesis.settings"), anchor=False)
    writer = choose_writer(workspace, kept)
    warn_of_strangers(writer.base_url)
    form = settings_form(
        SynthesisRecipe, f"synthesis-{version.id}", values=kept.get("values"), leave_out=GIVEN_ELSEWHERE
    )
    chosen = {"gold": {**kept.get("gold", {}), version.id: [row.line for row in gold]}, "rules": rules}
    remember(
        workspace, "synthesis", {"values": form.values, "base_url": writer.base_url, "model": writer.model} | chosen
    )
    if rules != kept.get("rules", ""):
        st.rerun()
    pressed = st.button(
        t("data_synthesis.start"),
        type="secondary" if load_draft(workspace) else "primary",  # beside a draft, saving it is the main action
        icon=":material/auto_awesome:",
        width="stretch",
        key="synthesis-start",
    )
    if not pressed:
        return
    if not gold:
        raise InputError("data_synthesis.no_gold")
    values = {"base_url": writer.base_url, "model": writer.model, "gold": gold_file(workspace, version, gold)}
    recipe = form.check(SynthesisRecipe, **values, rules=rules_file(workspace, rules))
    if recipe is not None:
        key = st.session_state.get(SECRET) or None
        remember_shown(workspace, start_synthesis(workspace, catalog, recipe, api_key=key))
        st.rerun()


def choose_writer(workspace: Workspace, kept: dict[str, Any]) -> Writer:
    """Draw the choice between the servers that run here and another address."""
    servers = {server.url: server for server in running_servers(workspace)}
    names = {url: f"{server.model} · {url}" for url, server in servers.items()} | {OTHER: t("data_synthesis.other")}
    last = str(kept.get("base_url", ""))
    url = st.selectbox(
        t("data_synthesis.endpoint"),
        list(names),
        index=0 if not last else list(names).index(last if last in servers else OTHER),
        format_func=names.__getitem__,
        help=t("data_synthesis.endpoint_help"),
        key="synthesis-endpoint",
    )
    if url in servers:
        model = st.selectbox(t("data_synthesis.model"), servers[url].models, key=f"synthesis-model-{url}")
        return Writer(url, str(model))
    address = st.text_input(
        t("data_synthesis.address"),
        "" if last in servers else last,
        placeholder=EXAMPLE_ADDRESS,
        key="synthesis-address",
    ).strip()
    model = st.text_input(
        t("data_synthesis.model"), "" if last in servers else str(kept.get("model", "")), key="synthesis-model"
    ).strip()
    st.session_state[SECRET] = st.text_input(
        t("data_synthesis.key"),
        st.session_state.get(SECRET, ""),
        type="password",
        autocomplete="off",
        help=t("data_synthesis.key_help"),
        key="synthesis-key",
    )
    return Writer(address, model)


def warn_of_strangers(url: str) -> None:
    """Say when the gold examples leave this computer."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return
    if host and not is_here(host):
        st.warning(t("data_synthesis.leaves", host=escaped(host)), icon=":material/public:")


def is_here(host: str) -> bool:
    """Return whether a host is this computer."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def choose_gold(version: DatasetVersion, lines: list[int]) -> list[Example]:
    """Draw the choice of the rows that show what is wanted."""
    rows = {row.line: row for row in offered_rows(version, version.path)}
    names = {
        line: f"{line} · {next(iter(list(example_rows([row])[0].values())[1:]), '')}" for line, row in rows.items()
    }
    default = [line for line in lines if line in rows] or list(rows)[:USUAL_GOLD]
    chosen = st.multiselect(
        t("data_synthesis.gold"),
        list(names),
        default=default,
        format_func=lambda line: names[line][:60],
        help=t("data_synthesis.gold_help"),
        placeholder=t("data_synthesis.gold_placeholder"),
        key=f"synthesis-gold-{version.id}",
    )
    return [rows[line] for line in chosen]


@st.cache_resource(max_entries=4, show_spinner=False)
def offered_rows(_version: DatasetVersion, path: str) -> list[Example]:
    """Return the first training rows of a version."""
    return [row for row, _ in zip(saved_rows(_version, "train"), range(OFFERED_ROWS), strict=False)]


def choose_rules(present: str) -> str:
    """Draw the rules that new rows must keep, and return the text of the file or ""."""
    if present:
        with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":material/rule: {t('data_synthesis.has_rules')}", width="content")
            gone = st.button(
                "",
                icon=":material/close:",
                help=t("data_page.rules_other"),
                key="synthesis-rules-gone",
                type="tertiary",
            )
        return "" if gone else present
    given = st.file_uploader(t("data_synthesis.rules"), type=("yaml", "yml"), key="synthesis-rules")
    return given.getvalue().decode("utf-8", errors="replace") if given else ""


def gold_file(workspace: Workspace, version: DatasetVersion, gold: list[Example]) -> str:
    """Write the chosen rows to a file named after their version, and return its path."""
    lines = "".join(json.dumps({"messages": row.messages}, ensure_ascii=False) + "\n" for row in gold)
    path = folder_of(workspace) / f"{version.id}.jsonl"
    write_text(path, lines)
    return str(path)


def rules_file(workspace: Workspace, rules: str) -> str | None:
    """Write the rules to a file and return its path, or None without rules."""
    if not rules:
        return None
    path = folder_of(workspace) / f"rules-{hashlib.sha256(rules.encode()).hexdigest()[:8]}.yaml"
    write_text(path, rules)
    return str(path)
