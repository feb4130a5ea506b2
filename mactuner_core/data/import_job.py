"""Making a dataset version as a job: a large file takes minutes, and the page that asked may be closed meanwhile.

What is to be masked is told to the job by its environment, so that no name stays behind in the job's folder.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mactuner_core import jobs
from mactuner_core.catalog import open_catalog
from mactuner_core.data.hiding import Hider, hides_names
from mactuner_core.data.importing import import_file
from mactuner_core.data.recipe import Recipe
from mactuner_core.errors import MacTunerError
from mactuner_core.jobs import Job
from mactuner_core.workspace import Workspace, check_name

SPEC_VARIABLE = "MACTUNER_IMPORT"


def start_import(
    workspace: Workspace, path: Path, name: str, recipe: Recipe, *, source_name: str, tokenizer_path: Path | None = None
) -> str:
    """Start making the next version of the dataset `name` and return the job's id; its result is `{"id": …}`.

    Raises InputError for an impossible name.
    """
    check_name(name)
    spec = {
        "path": str(path),
        "name": name,
        "recipe": recipe.model_dump(mode="json", exclude_unset=True),
        "source_name": source_name,
        "tokenizer_path": str(tokenizer_path) if tokenizer_path else None,
    }
    if hides_names(recipe):
        return jobs.start(workspace, "import", {}, title=name, secrets={SPEC_VARIABLE: json.dumps(spec)})
    return jobs.start(workspace, "import", spec, title=name)


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Make the version that `start_import` described; errors name the person's file, not its copy."""

    def note(stage: str, rows: int) -> None:
        job.raise_if_stopped()
        job.progress(rows, 0, stage)

    spec = spec or json.loads(os.environ.pop(SPEC_VARIABLE))
    recipe = Recipe.check(spec["recipe"])
    path = Path(spec["path"])
    tokenizer_path = Path(spec["tokenizer_path"]) if spec["tokenizer_path"] else None
    try:
        version = import_file(
            job.workspace,
            open_catalog(job.workspace),
            path,
            spec["name"],
            recipe,
            source_name=spec["source_name"],
            tokenizer_path=tokenizer_path,
            note=note,
        )
    except MacTunerError as problem:
        if problem.values.get("path") == path:
            problem.values["path"] = spec["source_name"]
        if recipe.privacy and hides_names(recipe):
            known = [*recipe.privacy.names, *([recipe.kakaotalk.me] if recipe.kakaotalk else [])]
            hider = Hider(recipe.privacy, dict.fromkeys(known, 0))
            said = {name: value for name, value in problem.values.items() if not isinstance(value, int | float)}
            problem.values |= {name: hider.file_name(str(value)) for name, value in said.items()}
            raise problem from None  # what led to it names the file too, and the log keeps it
        raise
    return {"id": version.id}
