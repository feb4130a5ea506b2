"""The job kind "synthesize": does, or goes on with, the synthesis in a work folder."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from mactuner_core.data.rules.check import checks_of
from mactuner_core.data.rules.ruleset import RuleSet
from mactuner_core.data.synthesis.endpoint import Endpoint
from mactuner_core.data.synthesis.ledger import Ledger, mend
from mactuner_core.data.synthesis.recipe import KEY_VARIABLE, SynthesisRecipe
from mactuner_core.data.synthesis.sieve import Sieve
from mactuner_core.data.synthesis.work import Work
from mactuner_core.jobs import Job, JobCancelled
from mactuner_core.workspace import write_text


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Do the synthesis `spec["synthesis"]` and return what `summary` says; the rows stand in its `path`.

    With `spec["out"]` the rows are copied there at the end. What is accepted is kept however the job ends.
    """
    folder = job.workspace.root / "synthesis" / str(spec["synthesis"])
    recipe = SynthesisRecipe.from_yaml(folder / "recipe.yaml")
    rules = folder / "rules.yaml"
    checks = checks_of(RuleSet.from_yaml(rules)) if rules.exists() else {}
    gold = [json.loads(line)["messages"] for line in (folder / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    mend(folder)
    ledger = Ledger(folder)
    sieve = Sieve(gold, ledger.rows, checks, recipe.duplicate_threshold)

    def report() -> None:
        job.progress(len(ledger.rows), recipe.count, "synthesis.stage_asking")
        refused, failed = sum(ledger.refused.values()), sum(ledger.failed.values())
        counts = {"accepted": len(ledger.rows), "refused": refused, "failed": failed}
        job.event(kind="synthesis", **counts, requests=ledger.replies, tokens=ledger.tokens)

    report()
    work = Work(recipe, gold, sieve, ledger, report)
    stopped_by = asyncio.run(_work(work, os.environ.get(KEY_VARIABLE, ""), job))
    if stopped_by == "stopped":
        raise JobCancelled
    if spec.get("out"):
        write_text(Path(spec["out"]), ledger.accepted_path.read_text(encoding="utf-8"))
    return summary(folder.name, recipe, ledger) | {"stopped_by": stopped_by, "out": spec.get("out")}


def summary(name: str, recipe: SynthesisRecipe, ledger: Ledger) -> dict[str, Any]:
    """Return how a synthesis stands, with the reasons of what was refused or failed, as JSON-ready data."""
    return {
        "id": name,
        "model": recipe.model,
        "path": str(ledger.accepted_path),
        "accepted": len(ledger.rows),
        "wanted": recipe.count,
        "requests": ledger.replies,
        "tokens": ledger.tokens,
        "token_budget": recipe.token_budget,
        "refused": dict(ledger.refused.most_common()),
        "failed": dict(ledger.failed.most_common()),
        "first": ledger.first,
    }


async def _work(work: Work, api_key: str, job: Job) -> str:
    endpoint = Endpoint(work.recipe, api_key)
    try:
        return await work.run(endpoint, job.stop_requested)
    finally:
        await endpoint.close()
