"""The dataset being made on the Data page: the chosen file's copy and its recipe, kept on disk.

The draft lies in the workspace, so that it survives a change of page, a reload and a closed browser, and every tab sees the
same one. `<workspace>/drafts/data.json` is the draft, the copy of the file lies beside it.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from mactuner_core.data.recipe import Recipe
from mactuner_core.errors import MacTunerError
from mactuner_core.workspace import Workspace, disk_full_is_clear, write_json

STEPS = ("load", "understand", "clean", "protect", "split", "save")


@dataclass(frozen=True)
class Draft:
    """One draft: `mark` names the copy of the file, `recipe` is YAML, `rules` the text of a rules file or ""."""

    mark: str
    source_name: str
    file: str
    name: str
    recipe: str = "{}"
    step: str = "load"
    rules: str = ""
    job_id: str = ""
    edits: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """Return the key of a widget; it changes with the file, and when the recipe was replaced as a whole."""
        return f"data-{name}-{self.mark}-{self.edits}"

    def values(self) -> dict[str, Any]:
        """Return the sections of the recipe as they are written."""
        return dict(yaml.safe_load(self.recipe) or {})


def folder_of(workspace: Workspace) -> Path:
    """Return where drafts lie."""
    return workspace.root / "drafts"


def load_draft(workspace: Workspace) -> Draft | None:
    """Return the draft, or None when there is none or its file is gone."""
    try:
        values = json.loads((folder_of(workspace) / "data.json").read_text(encoding="utf-8"))
        draft = Draft(**values)
    except (OSError, ValueError, TypeError):
        return None
    return draft if path_of(workspace, draft).is_file() else None


def path_of(workspace: Workspace, draft: Draft) -> Path:
    """Return the copy of the draft's file."""
    return folder_of(workspace) / Path(draft.mark).name / Path(draft.file).name


def new_draft(workspace: Workspace, name: str, content: bytes | memoryview) -> Draft:
    """Copy a chosen file into the workspace and begin a draft with it; the draft before it goes."""
    discard(workspace)
    draft = Draft(secrets.token_hex(6), name, Path(name).name or "data", plain_name(name))
    path = path_of(workspace, draft)
    with disk_full_is_clear(path):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    return save(workspace, draft)


def change(workspace: Workspace, draft: Draft, **values: Any) -> Draft:
    """Return the draft with other values, and keep it; nothing is written when nothing changes."""
    changed = replace(draft, **values)
    return draft if changed == draft else save(workspace, changed)


def with_sections(draft: Draft, **sections: Any) -> Draft:
    """Return the draft with other sections of its recipe, given as `Config` or plain values; nothing is written."""
    values = draft.values()
    for name, section in sections.items():
        values[name] = section.model_dump(mode="json") if hasattr(section, "model_dump") else section
    Recipe.check(values)
    return replace(draft, recipe=yaml.safe_dump(values, allow_unicode=True, sort_keys=False))


def save(workspace: Workspace, draft: Draft) -> Draft:
    """Write the draft."""
    folder_of(workspace).mkdir(parents=True, exist_ok=True)
    write_json(folder_of(workspace) / "data.json", asdict(draft))
    return draft


def discard(workspace: Workspace) -> None:
    """Forget the draft and its copy of the file; saved versions stay."""
    draft = load_draft(workspace)
    (folder_of(workspace) / "data.json").unlink(missing_ok=True)
    if draft:
        shutil.rmtree(path_of(workspace, draft).parent, ignore_errors=True)


def recipe_of(draft: Draft) -> Recipe:
    """Return the recipe of the draft; raises ConfigError when it was written by an older MacTuner."""
    return Recipe.check(draft.values())


def remembered_columns(workspace: Workspace, columns: list[str]) -> dict[str, str]:
    """Return the columns that were chosen for an earlier file with the same columns."""
    return dict(recall(workspace, "columns").get("\n".join(columns), {}))


def remember_columns(workspace: Workspace, columns: list[str], question: str, answer: str) -> None:
    """Keep the chosen columns for the next file with the same columns."""
    chosen = {"question_column": question, "answer_column": answer}
    remember(workspace, "columns", recall(workspace, "columns") | {"\n".join(columns): chosen})


def plain_name(file_name: str) -> str:
    """Return the file's name without its ending, with '-' for what a dataset's name may not hold."""
    return re.sub(r"[^\w.\-]+", "-", Path(file_name).stem).strip("-._")[:64] or "data"


def in_own_words(problem: MacTunerError, path: Path, name: str) -> MacTunerError:
    """Return the error with the person's file name in place of the path of its copy."""
    if problem.values.get("path") == path:
        problem.values["path"] = name
    return problem


def recall(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return what `remember` kept under `name`, or nothing."""
    try:
        return dict(json.loads((folder_of(workspace) / f"{name}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def remember(workspace: Workspace, name: str, values: dict[str, Any]) -> None:
    """Keep plain values of the page beside the draft; nothing is written when nothing changed."""
    if recall(workspace, name) != values:
        folder_of(workspace).mkdir(parents=True, exist_ok=True)
        write_json(folder_of(workspace) / f"{name}.json", values)
