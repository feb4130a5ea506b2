"""Which file is served, and under which name: a path, or an export in the workspace's catalogue.

A file whose verification failed is refused unless the settings say otherwise; a file nobody verified is served with a
warning.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.export.gguf_adapter import LORA, check_adapter, is_adapter
from mactuner_core.export.gguf_file import check_gguf
from mactuner_core.server.settings_models import parse_adapter
from serving.settings import ServeSettings

_PREFERRED = "Q4_K_M"


@dataclass(frozen=True)
class ServedModel:
    """The file to load, the name clients use, a warning (message key) about its verification, and its LoRA adapters."""

    path: Path
    name: str
    warning: str = ""
    adapters: tuple[tuple[str, Path], ...] = ()  # the name clients use, and the GGUF file


def resolve_all(settings: ServeSettings) -> list[ServedModel]:
    """Return every model of the settings with its adapters; raises InputError also for names that are not unique."""
    models = [resolve(settings, model) for model in settings.model]
    adapters: dict[str, list[tuple[str, Path]]] = {model.name: [] for model in models}
    names = [model.name for model in models]
    for adapter in filter(None, map(parse_adapter, settings.adapter)):
        base = adapter.model or models[0].name
        if base not in adapters:
            raise InputError("serving.adapter_without_model", name=adapter.name, model=base, known=", ".join(adapters))
        path = adapter.path.resolve()
        check_adapter(path, next(model.path for model in models if model.name == base))  # llama.cpp may end the process
        adapters[base].append((adapter.name, path))
        names.append(adapter.name)
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError("serving.name_twice", name=twice)
    return [replace(model, adapters=tuple(adapters[model.name])) for model in models]


def resolve(settings: ServeSettings, model: str) -> ServedModel:
    """Return what `model` means, one of the settings'; raises InputError for an unusable or unverified file, NotFoundError."""
    path = Path(model).expanduser()
    if path.exists() or path.suffix == ".gguf" or len(path.parts) > 1:
        path = path.resolve()
        found = ServedModel(path, settings.name or path.stem, _check_path(path, settings.allow_unverified))
    else:
        found = _from_catalogue(settings, model)
    try:
        if is_adapter(check_gguf(found.path)):
            raise InputError("export_adapter.alone", ref=found.path)
    except OSError as problem:
        raise InputError("serving.unreadable", path=found.path, reason=problem.strerror or problem) from problem
    return found


def _from_catalogue(settings: ServeSettings, model: str) -> ServedModel:
    from mactuner_core.catalog import open_catalog
    from mactuner_core.workspace import open_workspace

    ref, _, quant = model.partition(":")
    catalog = open_catalog(open_workspace())
    export = catalog.export(ref)
    all_files = catalog.export_files(export.id)
    files = [file for file in all_files if file.quant != LORA]
    if not files:
        raise InputError("export_adapter.alone" if all_files else "serving.export_has_no_file", ref=ref)
    if quant:
        chosen = next((file for file in files if file.quant.upper() == quant.upper()), None)
        if chosen is None:
            raise NotFoundError("serving.no_quant", ref=ref, quant=quant, known=", ".join(file.quant for file in files))
    else:
        verified = [file for file in files if file.verified]
        preferred = [file for file in verified if file.quant == _PREFERRED]
        chosen = (preferred or verified or list(files))[0]
    if not chosen.verified and not settings.allow_unverified:
        raise InputError("serving.unverified", file=f"{ref}:{chosen.quant}")
    return ServedModel(
        Path(chosen.path),
        settings.name or (model if quant else export.id),
        "" if chosen.verified else "serving.warn_failed_verification",
    )


def _check_path(path: Path, allow_unverified: bool) -> str:
    """Return the warning that belongs to a file named by its path; raises InputError when its verification failed."""
    report = path.parent / "verification.json"
    try:
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
        passed = next(bool(file["verify"]["passed"]) for file in files if Path(file["path"]).name == path.name)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return "serving.warn_not_verified"
    if passed:
        return ""
    if not allow_unverified:
        raise InputError("serving.unverified", file=path)
    return "serving.warn_failed_verification"
