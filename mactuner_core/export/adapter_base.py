"""Whose weights lie under a run's adapter, and the GGUF file of them in the workspace that the adapter is served with."""

from __future__ import annotations

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


def find_base(catalog: Catalog, base: dict[str, str], adapter: Path) -> str | None:
    """Return the newest verified GGUF file in the workspace that the adapter fits and whose weights are its base's."""
    for export in catalog.exports():
        if (export.run_id or export.model_id) != base["id"].partition("@")[0] or not is_complete(Path(export.path)):
            continue
        for file in catalog.export_files(export.id):
            if file.verified and file.quant != LORA and _fits(adapter, Path(file.path)):
                return file.path
    return None


def _fits(adapter: Path, base: Path) -> bool:
    try:
        check_adapter(adapter, base)
    except InputError:
        return False
    return True
