"""From a file to a dataset version: training and validation rows, the recipe and the report beside them."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.hiding import Hider, hides_names
from mactuner_core.data.kakaotalk.summary import describe
from mactuner_core.data.pipeline import Finished, Note, run
from mactuner_core.data.reading import Reading, open_reading
from mactuner_core.data.recipe import Recipe
from mactuner_core.data.rows import Example, Rejected
from mactuner_core.data.splitting import CHAT_VALIDATION_SHARE, Split, split
from mactuner_core.errors import InputError
from mactuner_core.workspace import Workspace, check_name, disk_full_is_clear, new_folder, write_json, write_text

REPORTED_ROWS = 1000  # the report names this many left-out rows; rejected.jsonl names all

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode  # json.dumps would make one for each row


def import_file(
    workspace: Workspace,
    catalog: Catalog,
    path: Path,
    name: str,
    recipe: Recipe | None = None,
    *,
    source_name: str | None = None,
    tokenizer_path: Path | None = None,
    note: Note | None = None,
) -> DatasetVersion:
    """Make the next version of the dataset `name` from the file at `path`.

    Rows that cannot be used are listed in the report and in `rejected.jsonl` with line and reason. `note` sees stage and
    rows done. Raises InputError when no row can be used, or personal data is left after masking.
    """
    check_name(name)
    recipe = recipe or Recipe()
    if note:
        note("data.stage_reading", 0)
    reading = open_reading(path, recipe.read)
    recipe = settled(recipe, reading)
    number = _next_number(workspace, catalog, name)
    folder = workspace.datasets / name / f"v{number}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(folder) as temporary, garbage_collection_paused():
        with (temporary / "rejected.jsonl").open("w", encoding="utf-8") as rejected:
            finished = run(
                reading, recipe, tokenizer_path=tokenizer_path, on_left_out=_writer(rejected.write), note=note
            )
        _check(finished, path)
        source, sha256 = _source(reading, source_name or path.name), reading.sha256
        if recipe.privacy and hides_names(recipe):
            hider = Hider(recipe.privacy, reading.chat.speakers if reading.chat else {})
            source, recipe = hider.facts(source), hider.recipe(recipe)
        del reading  # the text of the file, which the split has better use for the memory of
        if note:
            note("data.stage_splitting", len(finished.examples))
        parts = split(finished.examples, recipe.split)
        if note:
            note("data.stage_saving", len(finished.examples))
        _write_examples(temporary / "train.jsonl", parts.train)
        _write_examples(temporary / "validation.jsonl", parts.validation)
        write_text(temporary / "recipe.yaml", recipe.to_yaml())
        report = source | _report(finished, parts)
        write_json(temporary / "report.json", report)
    version = DatasetVersion(
        id=f"{name}@{number}",
        name=name,
        number=number,
        path=str(folder),
        train_rows=len(parts.train),
        validation_rows=len(parts.validation),
        source_name=source["source"],
        source_sha256=sha256,
        recipe=recipe.model_dump(mode="json"),
        report=report,
    )
    catalog.add(version)
    return version


@contextlib.contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Pause Python's search for cycles: among millions of rows, which hold none, it takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def settled(recipe: Recipe, reading: Reading) -> Recipe:
    """Return `recipe` with the usual validation share of a chat where the recipe leaves it open."""
    if reading.chat is None or "validation_share" in recipe.split.model_fields_set:
        return recipe
    share = recipe.split.model_copy(update={"validation_share": CHAT_VALIDATION_SHARE})
    return recipe.model_copy(update={"split": share})


def _next_number(workspace: Workspace, catalog: Catalog, name: str) -> int:
    number = catalog.next_dataset_number(name)
    while (workspace.datasets / name / f"v{number}").exists():  # left by a crash before it was catalogued
        number += 1
    return number


def _check(finished: Finished, path: Path) -> None:
    if not finished.examples and not finished.left_out:
        raise InputError("data.only_header", path=path)
    if not finished.examples:
        first = finished.left_out[0]
        rows = finished.left_out_count
        raise InputError("data.no_usable_rows", path=path, rows=rows, line=first.line, reason=first.text())
    if finished.personal_data_left:
        raise InputError("data.personal_data_left", path=path, count=finished.personal_data_left)


def _source(reading: Reading, source_name: str) -> dict[str, Any]:
    mapping = reading.mapping
    facts: dict[str, Any] = {
        "source": source_name,
        "format": reading.format,
        "shape": mapping.shape if mapping else "chat",
        "encoding": reading.encoding,
        "question_column": mapping.question if mapping else None,
        "answer_column": mapping.answer if mapping else None,
    }
    if reading.chat:
        facts["chat"] = {key: value for key, value in describe(reading.chat).items() if key != "problems"}
    return facts


def _report(finished: Finished, parts: Split) -> dict[str, Any]:
    report: dict[str, Any] = {
        "rows": len(finished.examples) + finished.left_out_count,
        "usable": len(finished.examples),
        "rejected_count": finished.left_out_count,
        "reasons": dict(finished.reasons.most_common()),
        "rejected": [row.as_dict() for row in finished.left_out[:REPORTED_ROWS]],
        "steps": [effect.as_dict() for effect in finished.effects],
        "split_moved": parts.moved,
    }
    if finished.masker:
        report["privacy"] = finished.masker.report() | {"left_after_masking": finished.personal_data_left}
    if finished.rules_broken:
        report["rules"] = dict(finished.rules_broken)
    return report


def _writer(write: Callable[[str], object]) -> Callable[[Rejected], None]:
    def write_row(row: Rejected) -> None:
        write(_encode(row.as_dict()) + "\n")

    return write_row


def _write_examples(path: Path, examples: Iterable[Example]) -> None:
    with disk_full_is_clear(path), path.open("w", encoding="utf-8") as file:
        file.writelines(_encode(example.as_row()) + "\n" for example in examples)
