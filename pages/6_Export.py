"""Export: a trained model as verified GGUF files that llama.cpp, Ollama, LM Studio and MacTuner's own server can run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from mactuner_core import jobs
from mactuner_core.catalog.tables import Export, ExportFile
from mactuner_core.errors import MacTunerError
from mactuner_core.export.adapter_base import base_files, describe_base, serve_command
from mactuner_core.export.gguf_adapter import LORA
from mactuner_core.export.quantize import QUANTS
from mactuner_core.export.start import DEFAULT_QUANTS, start_export
from mactuner_core.format import human_bytes
from mactuner_core.jobs import JobStatus
from mactuner_core.workspace import is_complete
from ui.errors import errors_are_shown, escaped
from ui.job_card import job_card, jobs_of, live
from ui.language import language, t
from ui.moments import ago
from ui.navigation import go_button
from ui.page import App, empty_state, header, main_and_settings, show

DOWNLOAD_LIMIT_BYTES = 2_000_000_000  # a browser download goes through memory


def main(app: App) -> None:
    """Draw the page."""
    exports = [export for export in app.catalog.exports() if is_complete(Path(export.path))]
    sources = sources_of(app)
    header(
        "export", t("export_page.sentence"), t("export_page.chip", count=len(exports)), "blue" if exports else "gray"
    )
    if not sources:
        empty_state(":material/ios_share:", t("export_page.empty"), t("export_page.empty_button"), "training")
        return
    left, right = main_and_settings()
    with right:
        settings(app, sources)
    with left:
        working = jobs_of(app.workspace, "export")
        if working:
            live(app.workspace, [job.id for job in working], draw_jobs)
        for export in exports:
            export_card(app, export)
        if not exports and not working:
            st.info(t("export_page.ready"), icon=":material/arrow_forward:")


def sources_of(app: App) -> dict[str, tuple[str, str]]:
    """Return what can be exported as `{key: (kind, id)}`: finished runs first, then base models.

    A checkpoint (RUN@STEP) in the address comes before all.
    """
    runs = [("run", run.id) for run in app.catalog.runs() if is_complete(Path(run.path))]
    if "@" in (wanted := st.query_params.get("run", "")):
        runs.insert(0, ("run", wanted))
    models = [("model", model.id) for model in app.catalog.models() if runs or model.source != "starter"]
    return {f"{kind}:{ref}": (kind, ref) for kind, ref in [*runs, *models]}


def draw_jobs(working: list[JobStatus]) -> None:
    """Draw the exports in the making."""
    for job in working:
        job_card(job)


def settings(app: App, sources: dict[str, tuple[str, str]]) -> None:
    """Draw what to export as which files, and the main action."""
    st.subheader(t("export_page.settings"), anchor=False)
    keys = list(sources)
    wanted = f"run:{st.query_params.get('run')}"
    chosen = st.selectbox(
        t("export_page.source"),
        keys,
        index=keys.index(wanted) if wanted in keys else 0,
        format_func=lambda key: t(f"export_page.source_{sources[key][0]}", id=sources[key][1]),
        key="export-source",
    )
    kind, ref = sources[chosen]
    adapter = has_adapter(app, kind, ref) and form_choice() == "adapter"
    quants = [] if adapter else quant_choice()
    st.caption(t("export_page.about_adapter") if adapter else t("export_page.about"))
    ready = adapter or bool(quants)
    if st.button(
        t("export_page.start"), type="primary", icon=":material/ios_share:", width="stretch", disabled=not ready
    ):
        started = False
        with errors_are_shown():
            named = {"run_id": ref} if kind == "run" else {"model_id": ref}
            start_export(app.workspace, app.catalog, quants=quants, adapter=adapter, **named)
            started = True
        if started:
            st.rerun()


def has_adapter(app: App, kind: str, ref: str) -> bool:
    """Tell whether a run, or the run of a checkpoint, trained an adapter beside its base."""
    return kind == "run" and any(run.method != "full" for run in app.catalog.runs() if run.id == ref.partition("@")[0])


def form_choice() -> str:
    """Draw the choice between whole models and an adapter beside its base, and return "model" or "adapter"."""
    return st.radio(
        t("export_page.form"),
        ["model", "adapter"],
        format_func=lambda form: t(f"export_page.form_{form}"),
        captions=[t("export_page.form_model_about"), t("export_page.form_adapter_about")],
        key="export-form",
    )


def quant_choice() -> list[str]:
    """Draw the choice of the kinds of files."""
    return st.multiselect(
        t("export_page.quants"),
        list(QUANTS),
        default=list(DEFAULT_QUANTS),
        format_func=lambda quant: t("export_page.quant", quant=quant, bits=f"{QUANTS[quant].bits:g}"),
        key="export-quants",
        wrap=True,
        help=t("export_page.quants_help"),
    )


def export_card(app: App, export: Export) -> None:
    """Draw one export: where it is from and its files with what was checked."""
    files = app.catalog.export_files(export.id)
    good = bool(files) and all(file.verified for file in files)
    with st.container(border=True, key=f"export-{export.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{escaped(export.run_id or export.model_id)}**", width="content")
            if good:
                st.badge(t("export_page.verified"), icon=":material/verified:", color="green")
            else:
                st.badge(t("export_page.not_verified"), icon=":material/error:", color="red")
        st.caption(t("export_page.made", id=escaped(export.id), when=ago(export.created_at)))
        notes = notes_of(app, export)
        for file in files:
            file_part(file, notes.get(file.quant), largest(files))
        st.code(export.path, language=None, wrap_lines=True)
        if files and files[0].quant == LORA:
            adapter_use(app, export, files[0])
        else:
            go_button("chat", t("export_page.chat"), key=f"chat-{export.id}", primary=False, export=export.id)


def adapter_use(app: App, export: Export, adapter: ExportFile) -> None:
    """Draw how an adapter is served: with the GGUF file of its base, which may have to be made first."""
    base = describe_base(app.catalog, str(export.run_id))
    if found := base_files(app.catalog, base):
        st.caption(t("export_page.adapter_ready", id=escaped(base["id"])))
        st.code(serve_command(found[0], adapter.path), language="bash", wrap_lines=True)
    else:
        st.info(t("export_page.adapter_needs_base", id=escaped(base["id"])), icon=":material/layers:")


def largest(files: Sequence[ExportFile]) -> int:
    """Return the size of the largest file, in bytes."""
    return max((file.bytes for file in files), default=1)


def file_part(file: ExportFile, note: dict[str, Any] | None, most_bytes: int) -> None:
    """Draw one file: size beside the largest one, each check with its figures, path and download."""
    path = Path(file.path)
    with st.container(border=True):
        name, size, get = st.columns([3, 2, 2], vertical_alignment="center")
        mark = ":green[:material/check_circle:]" if file.verified else ":red[:material/cancel:]"
        name.markdown(f"{mark} **{escaped(file.quant)}**")
        name.caption(escaped(path.name))
        size.progress(file.bytes / most_bytes, text=human_bytes(file.bytes))
        with get:
            download(file, path)
        for check in file.report["checks"]:
            check_line(check)
        if note:
            st.caption(f":material/info: {escaped(_sentence(note))}")


def check_line(check: dict[str, Any]) -> None:
    """Draw one check: passed or not, and its figures in a sentence."""
    mark = ":green[:material/check:]" if check["passed"] else ":red[:material/close:]"
    st.markdown(f"{mark} {escaped(_sentence(check))}")


def download(file: ExportFile, path: Path) -> None:
    """Draw the download button where the browser can take the file; its bytes are read only on a click."""
    if not path.is_file():
        st.caption(t("export_page.gone"))
    elif file.bytes > DOWNLOAD_LIMIT_BYTES:
        st.caption(t("export_page.too_large"))
    else:
        st.download_button(
            t("export_page.download"), path.read_bytes, path.name, on_click="ignore",
            key=f"download-{file.id}", icon=":material/download:", width="stretch",
        )  # fmt: skip


def notes_of(app: App, export: Export) -> dict[str, dict[str, Any]]:
    """Return what the export's job said of its files, by quant."""
    result = jobs.read(app.workspace.jobs / export.job_id).result
    return {file["quant"]: file["note"] for file in result.get("files", []) if file.get("note")}


def _sentence(entry: dict[str, Any]) -> str:
    return MacTunerError(str(entry["code"]), **entry["values"]).text(language())


show("export", main)
