"""From a file to a dataset version: training and validation rows, the recipe and the report beside them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.inspect import Inspection, inspect_file
from mactuner_core.data.recipe import ImportRecipe
from mactuner_core.data.rows import Example
from mactuner_core.errors import InputError
from mactuner_core.workspace import Workspace, check_name, new_folder, write_json, write_text

REPORTED_ROWS = 1000  # the report names this many left-out rows; rejected.jsonl names all


def import_file(
    workspace: Workspace,
    catalog: Catalog,
    path: Path,
    name: str,
    recipe: ImportRecipe | None = None,
    *,
    source_name: str | None = None,
) -> DatasetVersion:
    """Make the next version of the dataset `name` from the file at `path`.

    Rows that cannot be used are listed in the report and in `rejected.jsonl` with line and reason. Raises InputError when
    no row can be used.
    """
    check_name(name)
    recipe = recipe or ImportRecipe()
    inspection = inspect_file(path, recipe)
    if not inspection.examples:
        first = inspection.rejected[0]
        raise InputError("data.no_usable_rows", path=path, rows=inspection.rows, line=first.line, reason=first.text())
    train, validation = split(inspection.examples, recipe)
    number = catalog.next_dataset_number(name)
    while (workspace.datasets / name / f"v{number}").exists():  # left by a crash before it was catalogued
        number += 1
    folder = workspace.datasets / name / f"v{number}"
    report = _report(inspection, source_name or path.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(folder) as temporary:
        _write_examples(temporary / "train.jsonl", train)
        _write_examples(temporary / "validation.jsonl", validation)
        rejected = (json.dumps(row.as_dict(), ensure_ascii=False) + "\n" for row in inspection.rejected)
        write_text(temporary / "rejected.jsonl", "".join(rejected))
        write_text(temporary / "recipe.yaml", recipe.to_yaml())
        write_json(temporary / "report.json", report)
    version = DatasetVersion(
        id=f"{name}@{number}",
        name=name,
        number=number,
        path=str(folder),
        train_rows=len(train),
        validation_rows=len(validation),
        source_name=source_name or path.name,
        source_sha256=inspection.sha256,
        recipe=recipe.model_dump(mode="json"),
        report=report,
    )
    catalog.add(version)
    return version


def split(examples: list[Example], recipe: ImportRecipe) -> tuple[list[Example], list[Example]]:
    """Return training and validation rows in file order; the seed alone decides, and one row at least is trained on."""
    wanted = min(round(len(examples) * recipe.validation_share), len(examples) - 1)
    chosen = set(random.Random(recipe.seed).sample(range(len(examples)), wanted))  # noqa: S311 (a split, no secret)
    train = [example for number, example in enumerate(examples) if number not in chosen]
    return train, [example for number, example in enumerate(examples) if number in chosen]


def _report(inspection: Inspection, source_name: str) -> dict[str, object]:
    return {
        "source": source_name,
        "format": inspection.table.format,
        "shape": inspection.shape,
        "encoding": inspection.encoding,
        "rows": inspection.rows,
        "usable": len(inspection.examples),
        "rejected_count": len(inspection.rejected),
        "rejected": [row.as_dict() for row in inspection.rejected[:REPORTED_ROWS]],
        "question_column": inspection.table.question_column,
        "answer_column": inspection.table.answer_column,
    }


def _write_examples(path: Path, examples: Iterable[Example]) -> None:
    lines = (json.dumps({"messages": example.messages}, ensure_ascii=False) + "\n" for example in examples)
    write_text(path, "".join(lines))
