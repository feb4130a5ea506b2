"""Starting a synthesis, and going on with one: everything that can be refused is refused before the job begins.

A synthesis has a work folder, `synthesis/<id>/` in the workspace, with its recipe, its gold rows, its rules and all it has
accepted, refused and spent. Several jobs may work on it one after the other.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.config import read_yaml
from mactuner_core.data.given import given_rows, is_file_name
from mactuner_core.data.rows import Example, Message
from mactuner_core.data.rules.check import check
from mactuner_core.data.rules.ruleset import RuleSet
from mactuner_core.data.synthesis.job import summary
from mactuner_core.data.synthesis.ledger import Ledger
from mactuner_core.data.synthesis.recipe import KEY_VARIABLE, SynthesisRecipe
from mactuner_core.data.synthesis.replies import Unusable, messages_of
from mactuner_core.data.synthesis.sieve import Sieve
from mactuner_core.data.synthesis.work import Work
from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.jobs.control import new_id
from mactuner_core.messages import text
from mactuner_core.workspace import Workspace, new_folder, write_json, write_text

FIXED = ("gold", "rules")  # what a synthesis that goes on cannot change


def read_recipe(path: Path, changes: dict[str, Any] | None = None) -> SynthesisRecipe:
    """Return the recipe in a YAML file with `changes` made to it; its files may be named as they stand beside it."""
    recipe = SynthesisRecipe.check(read_yaml(path) | (changes or {}))
    found = {}
    for name in FIXED:
        value = getattr(recipe, name)
        if value and (name == "rules" or is_file_name(value)) and (path.parent / value).is_file():
            found[name] = str((path.parent / value).resolve())
    return recipe.model_copy(update=found)


def start_synthesis(
    workspace: Workspace,
    catalog: Catalog,
    recipe: SynthesisRecipe,
    *,
    api_key: str | None = None,
    out: Path | None = None,
) -> str:
    """Start the synthesis that `recipe` describes and return its id; its first job has the same id.

    `api_key` (default: the environment variable MACTUNER_SYNTHESIS_API_KEY) goes to the job by its environment only. Raises
    as `prepare_synthesis` does, or InputError when `out` is there already.
    """
    _check_out(out)
    name = prepare_synthesis(workspace, catalog, recipe)
    _start_job(workspace, name, name, recipe, api_key, out)
    return name


def prepare_synthesis(workspace: Workspace, catalog: Catalog, recipe: SynthesisRecipe) -> str:
    """Make the work folder of a synthesis and return its id.

    Raises InputError when there is no usable gold row, when the rules refuse all of them, or when the budget is too small.
    """
    gold = gold_rows(catalog, recipe.gold)
    rules = RuleSet.from_yaml(Path(recipe.rules)) if recipe.rules else None
    if rules:
        _check_rules(gold, rules)
    name = new_id("synthesize")
    with new_folder(workspace.root / "synthesis" / name) as folder:
        write_text(folder / "recipe.yaml", recipe.to_yaml())
        lines = (json.dumps({"messages": messages}, ensure_ascii=False) + "\n" for messages in gold)
        write_text(folder / "gold.jsonl", "".join(lines))
        if rules:
            write_text(folder / "rules.yaml", rules.to_yaml())
        _check_budget(recipe, gold, Ledger(folder))
    return name


def resume_synthesis(
    workspace: Workspace,
    name: str,
    changes: dict[str, Any] | None = None,
    *,
    api_key: str | None = None,
    out: Path | None = None,
) -> str:
    """Go on with the synthesis `name` and return the id of the new job; `changes` may raise its count or budget.

    Raises NotFoundError, or InputError while a job still works on it.
    """
    _check_out(out)
    folder = synthesis_folder(workspace, name)
    last = workspace.jobs / json.loads((folder / "job.json").read_text(encoding="utf-8"))["id"]
    if last.exists() and not jobs.read(last).ended:
        raise InputError("synthesis.still_running", name=name, job=last.name)
    if fixed := [field for field in changes or {} if field in FIXED]:
        raise InputError("synthesis.fixed", field=", ".join(fixed))
    recipe = SynthesisRecipe.check(SynthesisRecipe.from_yaml(folder / "recipe.yaml").model_dump() | (changes or {}))
    write_text(folder / "recipe.yaml", recipe.to_yaml())
    job_id = new_id("synthesize")
    _start_job(workspace, name, job_id, recipe, api_key, out)
    return job_id


def synthesis_folder(workspace: Workspace, name: str) -> Path:
    """Return the work folder of a synthesis; raises NotFoundError naming the known ones."""
    place = workspace.root / "synthesis"
    known = sorted(path.name for path in place.iterdir() if (path / "job.json").exists()) if place.exists() else []
    if name not in known:
        raise NotFoundError("synthesis.unknown", name=name, known=", ".join(known) or "–")
    return place / name


def read_synthesis(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return how the synthesis `name` stands, from its folder alone."""
    folder = synthesis_folder(workspace, name)
    return summary(name, SynthesisRecipe.from_yaml(folder / "recipe.yaml"), Ledger(folder))


def gold_rows(catalog: Catalog, target: str) -> list[list[Message]]:
    """Return the usable rows of a dataset or file; raises InputError when there is none.

    Usable are plain chats: system, user and assistant in turns, nothing but text.
    """
    rows, _ = given_rows(catalog, target)
    found, reason = [], ""
    for row in rows:
        if not isinstance(row, Example):
            reason = reason or row.text()
            continue
        try:
            found.append(messages_of({"messages": row.messages}))
        except Unusable as problem:
            reason = reason or text(problem.code, None, **problem.values)
    if not found:
        raise InputError("synthesis.no_gold", gold=target, rows=len(rows), reason=reason or "–")
    return found


def _check_rules(gold: list[list[Message]], rules: RuleSet) -> None:
    report = check([Example(line, messages) for line, messages in enumerate(gold, start=1)], rules)
    if len(report.failed) == len(gold):
        first = report.failed[0].failures[0]
        raise InputError("synthesis.gold_breaks_rules", rows=len(gold), rule=first.rule, reason=first.broken.text())


def _check_budget(recipe: SynthesisRecipe, gold: list[list[Message]], ledger: Ledger) -> None:
    work = Work(recipe, gold, Sieve(gold, [], {}, recipe.duplicate_threshold), ledger, lambda: None)
    if (needed := work.next_cost()) > recipe.token_budget:
        raise InputError("synthesis.budget_too_small", budget=recipe.token_budget, needed=needed)


def _check_out(out: Path | None) -> None:
    if out and out.exists():
        raise InputError("synthesis.out_exists", path=out)


def _start_job(
    workspace: Workspace, name: str, job_id: str, recipe: SynthesisRecipe, api_key: str | None, out: Path | None
) -> None:
    write_json(workspace.root / "synthesis" / name / "job.json", {"id": job_id})
    key = api_key or os.environ.get(KEY_VARIABLE)
    spec = {"synthesis": name, "out": str(out) if out else None}
    title = f"{recipe.model}: {recipe.count}"
    jobs.start(workspace, "synthesize", spec, title=title, job_id=job_id, secrets={KEY_VARIABLE: key} if key else None)
