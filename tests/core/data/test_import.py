"""From files as people have them to dataset versions."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.data.dataset import read_examples
from mactuner_core.data.importing import import_file
from mactuner_core.data.inspect import inspect_file
from mactuner_core.data.recipe import ReadRecipe, Recipe
from mactuner_core.data.splitting import SplitRecipe
from mactuner_core.errors import ConfigError, InputError
from mactuner_core.workspace import Workspace, is_complete
from tests.conftest import SAMPLES

ROWS = "질문,답변\n성년은?,19세입니다.\n혼인은?,만 18세부터입니다.\n유언은?,만 17세부터입니다.\n"


def file(tmp_path: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("cp949", "cp949"), ("euc-kr", "cp949"), ("utf-16", "utf-16")],
)
def test_korean_encodings_are_read(tmp_path: Path, encoding: str, found: str) -> None:
    inspection = inspect_file(file(tmp_path, ROWS.encode(encoding)))
    assert inspection.reading.encoding == found
    assert inspection.reading.columns == ["질문", "답변"]
    assert inspection.examples[0].messages[1]["content"] == "19세입니다."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"  \n \n", "is empty"),
        ("질문,답변\n", "no row below"),
        (b"PK\x03\x04" + b"\x00" * 50, "ZIP is broken"),
        (b"%PDF-1.7\nabc", "PDF"),
        (b"a,b\n\x00\x01\x02", "binary"),
        (ROWS.encode() + b"\xff\xfe\xba\xad", "line 5"),
        (b"\x80\x81 , \xff\n", "byte"),
        ("글,쪽\na,b\n", "--question-column"),
        ("질문,쪽\na,b\n", "--answer-column"),
        ('[{"question": "a"}', "line 1: this is not valid JSON"),
        ("질문,답변\n,\n,\n", "None of the 2 rows"),
    ],
)
def test_files_that_cannot_be_used_say_why(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        import_file(workspace, catalog, file(tmp_path, content), "bad")
    assert list(catalog.dataset_versions()) == []
    assert not any((workspace.datasets / "bad").glob("*")) if (workspace.datasets / "bad").exists() else True


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        inspect_file(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        inspect_file(tmp_path)


def test_a_wanted_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column “물음표”\. It has: 질문, 답변"):
        inspect_file(file(tmp_path, ROWS), Recipe(read=ReadRecipe(question_column="물음표")))


def test_rows_left_out_keep_their_line_and_reason(tmp_path: Path) -> None:
    content = '질문,답변\n"두 줄\n질문",답\n,빈 질문\n셋,하나,더\n하나\n"두 줄\n질문",답\n좋음,좋음\n'
    inspection = inspect_file(file(tmp_path, content))
    assert [(row.line, row.code) for row in inspection.rejected] == [
        (4, "data.row_empty_cell"),
        (5, "data.row_ragged"),
        (6, "data.row_ragged"),
        (7, "data.row_duplicate"),
    ]
    assert [example.line for example in inspection.examples] == [2, 9]
    assert inspection.rejected[3].text("ko") == "2번째 줄과 같음"


def test_the_messy_sample_loses_only_what_it_must() -> None:
    inspection = inspect_file(SAMPLES / "civil_law_qa_messy.csv")
    assert inspection.rows == 60
    codes = {row.code for row in inspection.rejected}
    assert codes == {"data.row_empty_cell", "data.row_ragged", "data.row_duplicate"}


@pytest.mark.parametrize("name", ["civil_law_qa.csv", "civil_law_unseen.csv", "big_five_chatml.jsonl"])
def test_clean_samples_lose_nothing(name: str) -> None:
    assert inspect_file(SAMPLES / name).rejected == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{broken", "data.row_bad_json"),
        ("[1]", "data.row_not_object"),
        ('{"messages": []}', "data.row_no_messages"),
        ('{"messages": [{"role": "robot", "content": "x"}]}', "data.row_unknown_role"),
        ('{"messages": [{"role": "user", "content": " "}]}', "data.row_empty_message"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "data.row_no_assistant"),
        ('{"messages": [{"role": "assistant", "content": "\\ud800"}]}', "data.row_half_character"),
        ('{"other": 1}', "data.row_no_messages"),
        ("[" * 100_000, "data.row_bad_json"),
    ],
)
def test_broken_chat_lines_are_named(tmp_path: Path, line: str, code: str) -> None:
    good = '{"messages": [{"role": "user", "content": "\u2028a"}, {"role": "assistant", "content": "b"}]}'
    inspection = inspect_file(file(tmp_path, f"{good}\n\n{line}\n", "chat.jsonl"))
    assert [(row.line, row.code) for row in inspection.rejected] == [(3, code)]
    assert len(inspection.examples) == 1


def test_question_and_answer_in_jsonl(tmp_path: Path) -> None:
    inspection = inspect_file(file(tmp_path, '{"prompt": "p", "completion": "c"}\n', "a.jsonl"))
    assert inspection.preview() == [[{"role": "user", "content": "p"}, {"role": "assistant", "content": "c"}]]


def test_tabs_and_semicolons(tmp_path: Path) -> None:
    for mark in "\t;":
        assert len(inspect_file(file(tmp_path, ROWS.replace(",", mark))).examples) == 3


def test_the_system_prompt_comes_first(tmp_path: Path) -> None:
    inspection = inspect_file(file(tmp_path, ROWS), Recipe(read=ReadRecipe(system_prompt="친절하게")))
    assert inspection.examples[0].messages[0] == {"role": "system", "content": "친절하게"}


def test_a_dataset_version_holds_everything(workspace: Workspace, catalog: Catalog) -> None:
    recipe = Recipe(split=SplitRecipe(validation_share=0.2, seed=1))
    version = import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "law", recipe)
    assert (version.id, version.train_rows, version.validation_rows) == ("law@1", 128, 32)
    folder = Path(version.path)
    assert is_complete(folder)
    assert Recipe.from_yaml(folder / "recipe.yaml") == recipe
    assert json.loads((folder / "report.json").read_text())["usable"] == 160
    train, validation = read_examples(version, "train"), read_examples(version, "validation")
    assert len(train) == 128
    assert not {str(row) for row in train} & {str(row) for row in validation}


def test_the_same_seed_gives_the_same_split(workspace: Workspace, catalog: Catalog) -> None:
    rows = [
        read_examples(
            import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "law", Recipe(split=SplitRecipe(seed=seed)))
        )
        for seed in (1, 1, 2)
    ]
    assert rows[0] == rows[1]
    assert rows[0] != rows[2]
    assert [version.id for version in catalog.dataset_versions()] == ["law@3", "law@2", "law@1"]


def test_one_row_is_trained_on(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> None:
    path = file(tmp_path, "질문,답변\n하나,둘\n")
    version = import_file(workspace, catalog, path, "one", Recipe(split=SplitRecipe(validation_share=0.5)))
    assert (version.train_rows, version.validation_rows) == (1, 0)


def test_a_folder_left_by_a_crash_does_not_stop_the_next_import(workspace: Workspace, catalog: Catalog) -> None:
    (workspace.datasets / "law" / "v1").mkdir(parents=True)
    (workspace.datasets / "law" / "v1" / "half").write_text("x")
    assert import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "law").id == "law@2"


def test_a_dataset_whose_folder_is_gone(workspace: Workspace, catalog: Catalog) -> None:
    version = import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "law")
    Path(version.path, "COMPLETE").unlink()
    with pytest.raises(InputError, match="Import its file again"):
        read_examples(version)


def test_a_damaged_dataset(workspace: Workspace, catalog: Catalog) -> None:
    version = import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "law")
    Path(version.path, "train.jsonl").write_text('{"messages"')
    with pytest.raises(InputError, match="damaged"):
        read_examples(version)


def test_recipe_ranges() -> None:
    with pytest.raises(ConfigError, match=r"split\.validation_share = 0\.9"):
        Recipe.check({"split": {"validation_share": 0.9}})


def test_names_stay_inside(workspace: Workspace, catalog: Catalog) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "../evil")


@pytest.mark.parametrize(
    ("recipe", "stages"),
    [
        ({}, ["reading", "splitting", "saving"]),
        ({"privacy": {}}, ["reading", "masking", "splitting", "saving"]),
        ({"clean": [{"step": "unicode"}], "privacy": {}}, ["reading", "masking", "splitting", "saving"]),
    ],
)
def test_each_stage_is_reported_once_and_from_the_start(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, recipe: dict[str, Any], stages: list[str]
) -> None:
    rows = "".join(f"질문 {number}?,{number}번 답입니다.\n" for number in range(5000))
    seen: list[str] = []
    path = file(tmp_path, "질문,답변\n" + rows)
    recipe = recipe | {"split": {"keep_near_duplicates_together": False}}
    import_file(workspace, catalog, path, "many", Recipe.check(recipe), note=lambda stage, _: seen.append(stage))
    assert [stage for before, stage in pairwise(["", *seen]) if stage != before] == [
        f"data.stage_{stage}" for stage in stages
    ]
