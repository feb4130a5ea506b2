"""Only rows that pass the rules of a recipe are saved, and the version says which rules and how many rows broke them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.data.dataset import SPLITS, saved_rows
from mactuner_core.data.importing import import_file
from mactuner_core.data.recipe import Recipe
from mactuner_core.errors import ConfigError, InputError
from mactuner_core.workspace import Workspace
from tests.tiny_models import tiny_qwen3

RULES = {"name": "no-maybe", "forbidden": ["아마", "글쎄"], "length": {"min_characters": 5}}
CSV = "질문,답변\n하나,이것은 맞는 답입니다\n둘,아마 그럴 겁니다\n셋,아마요\n넷,짧다\n다섯,여섯 번째도 좋습니다\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "faq.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_only_passing_rows_are_saved(workspace: Workspace, catalog: Catalog, file: Path) -> None:
    version = import_file(workspace, catalog, file, "faq", Recipe.check({"rules": RULES}))
    answers = {row.messages[-1]["content"] for split in SPLITS for row in saved_rows(version, split)}
    assert answers == {"이것은 맞는 답입니다", "여섯 번째도 좋습니다"}
    assert version.recipe["rules"]["name"] == "no-maybe"
    assert version.report["rules"] == {"forbidden[0]": 2, "forbidden[1]": 0, "length": 2}
    assert version.report["reasons"] == {"rules.forbidden": 2, "rules.too_few_characters": 1}
    left_out = [json.loads(line) for line in Path(version.path, "rejected.jsonl").read_text("utf-8").splitlines()]
    assert [(row["line"], row["code"]) for row in left_out] == [
        (3, "rules.forbidden"),
        (4, "rules.forbidden"),
        (5, "rules.too_few_characters"),
    ]


def test_the_saved_recipe_gives_the_same_rows(workspace: Workspace, catalog: Catalog, file: Path) -> None:
    first = import_file(workspace, catalog, file, "faq", Recipe.check({"rules": RULES}))
    again = import_file(workspace, catalog, file, "faq", Recipe.from_yaml(Path(first.path, "recipe.yaml")))
    for split in SPLITS:
        assert list(saved_rows(again, split)) == list(saved_rows(first, split))


def test_rules_that_no_row_keeps(workspace: Workspace, catalog: Catalog, file: Path) -> None:
    with pytest.raises(InputError, match="lacks"):
        import_file(workspace, catalog, file, "faq", Recipe.check({"rules": {"required": ["없는 말"]}}))
    assert not catalog.dataset_versions()


def test_what_is_wrong_in_the_rules_is_named_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"rules\.forbidden"):
        Recipe.check({"rules": {"forbidden": [{"regex": "("}]}})


def test_rules_about_tokens_need_a_model(workspace: Workspace, catalog: Catalog, file: Path, tmp_path: Path) -> None:
    recipe = Recipe.check({"rules": {"length": {"max_tokens": 1}}})
    with pytest.raises(InputError, match="tokenizer"):
        import_file(workspace, catalog, file, "faq", recipe)
    model = tiny_qwen3(tmp_path / "tiny")
    with pytest.raises(InputError, match="at most 1"):
        import_file(workspace, catalog, file, "faq", recipe, tokenizer_path=model)
