"""From a chat export to a masked, cleaned, split dataset version, and back from its recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.data.dataset import read_examples
from mactuner_core.data.importing import import_file
from mactuner_core.data.masking import BATCH_ROWS, PARALLEL_FROM_BATCHES, mask_rows
from mactuner_core.data.privacy import Masker, MaskPolicy
from mactuner_core.data.recipe import Recipe
from mactuner_core.data.rows import Example, Rejected
from mactuner_core.errors import ConfigError, InputError
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES

CHAT = SAMPLES / "kakaotalk_two_people.txt"
MASKED = {"kakaotalk": {"me": "김민수", "instruction": "여자친구가 이렇게 말했어:"}, "privacy": {}}


def test_a_chat_needs_to_know_who_is_me(workspace: Workspace, catalog: Catalog) -> None:
    with pytest.raises(InputError, match="--me: 이지은, 김민수"):
        import_file(workspace, catalog, CHAT, "chat")
    with pytest.raises(InputError, match="철수"):
        import_file(workspace, catalog, CHAT, "chat", Recipe.check({"kakaotalk": {"me": "철수"}}))


def test_a_masked_chat_holds_no_personal_data(workspace: Workspace, catalog: Catalog) -> None:
    version = import_file(workspace, catalog, CHAT, "chat", Recipe.check(MASKED))
    everything = "".join(path.read_text() for path in Path(version.path).glob("*.jsonl"))
    assert version.report["chat"]["messages"] == 703
    for secret in ("010-", "@example.com", "민수야", "지은아", "김민수", "이지은"):
        assert secret not in everything
    privacy = version.report["privacy"]
    assert privacy["counts"]["phone"] > 0 and privacy["counts"]["name"] > 0
    assert privacy["left_after_masking"] == 0


def test_the_example_of_the_plan(workspace: Workspace, catalog: Catalog) -> None:
    version = import_file(workspace, catalog, CHAT, "chat", Recipe.check(MASKED | {"privacy": None}))
    messages = read_examples(version)[0]
    assert messages[0]["content"].startswith("여자친구가 이렇게 말했어:\n")
    assert messages[-1]["role"] == "assistant"


def test_chats_keep_a_tenth_for_validation(workspace: Workspace, catalog: Catalog) -> None:
    version = import_file(workspace, catalog, CHAT, "chat", Recipe.check({"kakaotalk": {"me": "김민수"}}))
    share = version.validation_rows / (version.train_rows + version.validation_rows)
    assert 0.08 < share < 0.12
    assert version.recipe["split"]["validation_share"] == 0.1


def test_the_saved_recipe_gives_the_same_rows(workspace: Workspace, catalog: Catalog) -> None:
    steps = [{"step": "whitespace"}, {"step": "repeated_characters", "keep": 2}, {"step": "near_duplicates"}]
    first = import_file(workspace, catalog, CHAT, "chat", Recipe.check(MASKED | {"clean": steps}))
    again = import_file(workspace, catalog, CHAT, "chat", Recipe.from_yaml(Path(first.path) / "recipe.yaml"))
    assert again.id == "chat@2"
    assert (Path(again.path) / "train.jsonl").read_text() == (Path(first.path) / "train.jsonl").read_text()
    assert [step["step"]["step"] for step in first.report["steps"]] == [
        "whitespace",
        "repeated_characters",
        "near_duplicates",
    ]


def test_every_row_left_out_is_written_down(workspace: Workspace, catalog: Catalog) -> None:
    version = import_file(workspace, catalog, CHAT, "chat", Recipe.check({"kakaotalk": {"me": "김민수"}}))
    lines = (Path(version.path) / "rejected.jsonl").read_text().splitlines()
    assert len(lines) == version.report["rejected_count"] == sum(version.report["reasons"].values())
    assert all({"line", "code", "values"} == json.loads(line).keys() for line in lines)


def test_a_wrong_recipe_names_every_section() -> None:
    values = {
        "read": {"colour": 1},
        "kakaotalk": {},
        "clean": [{"step": "magic"}],
        "privacy": {"phone": "burn"},
        "split": {"validation_share": 2},
        "other": {},
    }
    with pytest.raises(ConfigError) as caught:
        Recipe.check(values)
    message = str(caught.value)
    for name in ("colour", "kakaotalk.me", "clean[1]", "privacy.phone", "split.validation_share", "other"):
        assert name in message


def row(number: int) -> Example:
    said = f"{number}번 전화는 010-{1000 + number % 9000:04}-5678이야"
    return Example(number, [{"role": "user", "content": "번호?"}, {"role": "assistant", "content": said}])


def test_many_rows_are_masked_in_order_by_several_processes() -> None:
    count = BATCH_ROWS * (PARALLEL_FROM_BATCHES + 1) + 7
    rows = list(mask_rows((row(number) for number in range(count)), Masker(), workers=2))
    assert [found.line for found in rows] == list(range(count))
    said = [found.messages[1]["content"] for found in rows if isinstance(found, Example)]
    assert said == [f"{number}번 전화는 [전화번호]이야" for number in range(count)]


def test_rows_of_a_dropped_kind_are_left_out_with_the_reason() -> None:
    masker = Masker(MaskPolicy.check({"phone": "drop"}))
    clean = Example(2, [{"role": "assistant", "content": "안녕"}])
    kept, out = mask_rows([clean, row(1)], masker, workers=1)
    assert kept is clean
    assert isinstance(out, Rejected) and out.code == "data.row_personal"
