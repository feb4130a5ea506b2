"""The system prompt that a dataset's rows have, asked for when the model made of them is talked to."""

from __future__ import annotations

from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.data.dataset import system_prompt_of
from mactuner_core.data.importing import import_file
from mactuner_core.data.recipe import Recipe
from mactuner_core.data.removing import remove_version
from mactuner_core.workspace import Workspace

CSV = "질문,답변\n" + "\n".join(f"{number}번은?,{number}입니다" for number in range(12))
CHATS = '{{"messages": [{{"role": "system", "content": "{}"}}, {{"role": "user", "content": "{}"}}, {{"role": "assistant", "content": "네"}}]}}\n'


def test_it_is_found_in_the_rows_and_after_their_removal_in_the_recipe(
    workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    (tmp_path / "law.csv").write_text(CSV, encoding="utf-8")
    recipe = Recipe.check({"read": {"system_prompt": "짧게 답하세요."}})
    version = import_file(workspace, catalog, tmp_path / "law.csv", "law", recipe)
    assert system_prompt_of(version) == "짧게 답하세요."
    remove_version(workspace, catalog, version.id)
    assert system_prompt_of(catalog.dataset(version.id, removed=True)) == "짧게 답하세요."


@pytest.mark.parametrize(("prompts", "found"), [(("하나", "하나"), "하나"), (("하나", "둘"), "")])
def test_rows_may_bring_their_own(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, prompts: tuple[str, str], found: str
) -> None:
    lines = [CHATS.format(prompts[number % 2], number) for number in range(12)]
    (tmp_path / "chats.jsonl").write_text("".join(lines), encoding="utf-8")
    assert system_prompt_of(import_file(workspace, catalog, tmp_path / "chats.jsonl", "chats")) == found
