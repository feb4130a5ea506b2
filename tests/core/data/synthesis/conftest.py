"""A gold file, and recipes for a scripted server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.data.synthesis.recipe import KEY_VARIABLE, SynthesisRecipe
from tests.core.data.synthesis.scripted_server import Script, ScriptedServer, row, scripted_server

PROMPT = "{examples}\n{instructions}\nCOUNT={count} rows as a JSON list"
SYSTEM = "너는 짧게 답한다."

Serve = Callable[[Script], ScriptedServer]
MakeRecipe = Callable[..., SynthesisRecipe]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that starts a server with a script."""
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(scripted_server(script))


@pytest.fixture
def gold_file(tmp_path: Path) -> Path:
    """Four gold rows that share one system prompt."""
    path = tmp_path / "gold.jsonl"
    rows = [[{"role": "system", "content": SYSTEM}, *row(1_000_000 + number)["messages"]] for number in range(4)]
    path.write_text("".join(json.dumps({"messages": one}, ensure_ascii=False) + "\n" for one in rows), "utf-8")
    return path


@pytest.fixture
def recipe(gold_file: Path) -> MakeRecipe:
    """A function that makes a recipe for a server; what is given changes it."""

    def make(server: ScriptedServer | str, **changes: Any) -> SynthesisRecipe:
        values = {
            "base_url": server if isinstance(server, str) else server.url,
            "model": "scripted",
            "gold": str(gold_file),
            "prompt": PROMPT,
            "count": 10,
            "rows_per_request": 2,
            "max_tokens": 100,
            "backoff_s": 0.02,
            "timeout_s": 10,
        }
        return SynthesisRecipe.check(values | changes)

    return make
