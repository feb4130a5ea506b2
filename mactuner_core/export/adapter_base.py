"""Whose weights lie under a run's adapter, and the GGUF file of them in the workspace that the adapter is served with."""

from __future__ import annotations

import shlex
from pathlib import Path

from mactuner_core.catalog import Catalog
from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.export.gguf_adapter import LORA, check_adapter
from mactuner_core.workspace import is_complete


def describe_base(catalog: Catalog, ref: str) -> dict[str, str]:
    """Return whose weights lie under the adapter of `ref`, as `{"kind", "id", "command"}`: a model, or a run of all weights.

    An adapter may have been trained on from another run's adapter; then both belong to the same base.
    """
    run = catalog.run(ref.partition("@")[0])
    name = str(run.config.get("model") or run.model_id)
    known = {model.id for model in catalog.models()}
    while name not in known:
        try:
            run = catalog.run(name.partition("@")[0])
        except NotFoundError:  # the run that was started from is gone
            name = run.model_id
            break
        if run.method == "full":
            break
        name = str(run.config.get("model") or run.model_id)
    kind = "model" if name in known else "run"
    return {"kind": kind, "id": name, "command": f"mactuner export --{kind} {name} --quant Q4_K_M"}


def base_files(catalog: Catalog, base: dict[str, str]) -> list[Path]:
    """Return the verified GGUF files in the workspace that were made of the base, those of the newest export first."""
    return [
        Path(file.path)
        for export in catalog.exports()
        if (export.run_id or export.model_id) == base["id"].partition("@")[0] and is_complete(Path(export.path))
        for file in catalog.export_files(export.id)
        if file.verified and file.quant != LORA and Path(file.path).is_file()
    ]


def find_base(catalog: Catalog, base: dict[str, str], adapter: Path) -> str | None:
    """Return the first of `base_files` that the adapter fits, by shapes and weights; reads the headers."""
    return next((str(file) for file in base_files(catalog, base) if _fits(adapter, file)), None)


def serve_command(base: str | Path, adapter: str | Path) -> str:
    """Return the command that serves the file `base` with the adapter, which clients choose by the name of its file."""
    named = f"{Path(adapter).stem.removesuffix(f'-{LORA}')}={adapter}"
    return f"mactuner serve --model {shlex.quote(str(base))} --adapter {shlex.quote(named)}"


def _fits(adapter: Path, base: Path) -> bool:
    try:
        check_adapter(adapter, base)
    except InputError:
        return False
    return True
