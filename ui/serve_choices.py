"""The files of exports that a server can serve, as the Chat and the Serve page offer them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mactuner_core.catalog.tables import Export, ExportFile
from mactuner_core.export.gguf_adapter import LORA
from mactuner_core.format import human_bytes
from ui.language import t
from ui.page import App


@dataclass(frozen=True)
class Choice:
    """One file of an export, as it can be served."""

    export: Export
    file: ExportFile

    @property
    def ref(self) -> str:
        """How the server is told what to serve."""
        return f"{self.export.id}:{self.file.quant}"


def choices_of(app: App) -> list[Choice]:
    """Return every file that can be served, of the newest export first."""
    return [
        Choice(export, file)
        for export in app.catalog.exports()
        for file in app.catalog.export_files(export.id)
        if Path(file.path).is_file() and file.quant != LORA  # an adapter is no model of its own
    ]


def label_of(choice: Choice) -> str:
    """Return what a file is called in the list."""
    name = choice.export.run_id or choice.export.model_id
    return t("chat_page.choice", name=name, quant=choice.file.quant, size=human_bytes(choice.file.bytes))
