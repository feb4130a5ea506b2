"""Copies in every format are read back by other programs and by ours, and what does not fit is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.cli.data_export import add_to
from mactuner_core.data.dataset import saved_rows
from mactuner_core.data.formats import FORMATS, Format, as_alpaca, as_sharegpt, default_path, export_dataset
from mactuner_core.data.given import file_rows
from mactuner_core.data.importing import import_file
from mactuner_core.data.kakaotalk.pairs import ChatExample
from mactuner_core.data.rows import Example
from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.workspace import Workspace, new_folder
from tests.conftest import SAMPLES

Rows = list[dict[str, Any]]
Make = Callable[..., DatasetVersion]

CHAT: dict[str, Any] = {
    "messages": [{"role": "user", "content": "질문\n둘째 줄"}, {"role": "assistant", "content": "답 “{}” \\ \t끝"}]
}
LONG: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "짧게"},
        {"role": "user", "content": "하나"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "둘"},
        {"role": "assistant", "content": "2"},
    ]
}
MARKED = CHAT | {"synthetic": True, "source_model": "큰-모델"}
TEXT = {"text": "이어서 학습할 본문"}
PAIR: dict[str, Any] = {"chosen": CHAT["messages"], "rejected": LONG["messages"]}
CALL: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "날씨?"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "content": "맑음", "tool_call_id": "1"},
        {"role": "assistant", "content": "맑아요"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
}
BACKWARDS = {"messages": [{"role": "assistant", "content": "먼저"}, {"role": "user", "content": "나중"}]}


@pytest.fixture
def make(workspace: Workspace, catalog: Catalog) -> Make:
    """A function that makes a dataset version of rows as they are."""

    def one(train: Rows, validation: Sequence[dict[str, Any]] = ()) -> DatasetVersion:
        folder = workspace.datasets / "given" / "v1"
        with new_folder(folder) as temporary:
            for name, rows in (("train", train), ("validation", validation)):
                lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                (temporary / f"{name}.jsonl").write_text("".join(lines), "utf-8")
        version = DatasetVersion(
            id="given@1", name="given", number=1, path=str(folder), train_rows=len(train),
            validation_rows=len(validation), source_name="given: file.csv", source_sha256="0" * 64, recipe={}, report={},
        )  # fmt: skip
        catalog.add(version)
        return version

    return one


def read_back(path: Path) -> Rows:
    return [row.as_row() for row in file_rows(path) if isinstance(row, Example)]


def load(folder: Path, cache: Path) -> Any:
    from datasets import load_dataset

    return load_dataset(str(folder), cache_dir=str(cache))


def without_empty(value: Any) -> Any:
    """Return rows as they were before columns filled the missing fields with nulls."""
    if isinstance(value, dict):
        return {key: without_empty(part) for key, part in value.items() if part is not None}
    return [without_empty(part) for part in value] if isinstance(value, list) else value


def test_jsonl_holds_every_row_as_it_is(make: Make, tmp_path: Path) -> None:
    rows = [CHAT, LONG, MARKED, TEXT, PAIR, CALL]
    done = export_dataset(make(rows), "train", "jsonl", tmp_path / "x.jsonl")
    assert [json.loads(line) for line in (tmp_path / "x.jsonl").open(encoding="utf-8")] == rows
    assert (done.rows, done.left_out, done.files) == ({"train": 6}, {"train": []}, [tmp_path / "x.jsonl"])


@pytest.mark.parametrize("format", ["jsonl", "parquet", "alpaca", "sharegpt"])
def test_our_own_reader_gets_the_same_rows_back(make: Make, tmp_path: Path, format: Format) -> None:
    version = make([CHAT, LONG])
    path = tmp_path / default_path(version, "train", format)
    export_dataset(version, "train", format, path)
    assert read_back(path) == [CHAT, LONG]


def test_parquet_holds_every_kind_of_row(make: Make, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows = [CHAT, LONG, MARKED, TEXT, PAIR, CALL, CHAT | {"score": 1}, CHAT | {"score": 2.5}, CHAT | {"n": 2**70}]
    done = export_dataset(make(rows), "train", "parquet", tmp_path / "x.parquet")
    found = without_empty(pq.read_table(tmp_path / "x.parquet").to_pylist())
    assert found[:5] == rows[:5]
    call = found[5]
    assert json.loads(call["tools"]) == CALL["tools"]
    assert json.loads(call["messages"][1]["tool_calls"]) == CALL["messages"][1]["tool_calls"]
    assert [row["score"] for row in found[6:8]] == ["1", "2.5"] and found[8]["n"] == str(2**70)
    noted = {note.values["column"] for note in done.notes}
    assert noted == {"tools", "messages.tool_calls", "score", "n"}


def test_datasets_loads_the_folder(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    done = export_dataset(make([LONG, CHAT, MARKED], [CHAT]), "all", "hf", folder)
    loaded = load(folder, tmp_path / "cache")
    assert without_empty(list(loaded["train"])) == [LONG, CHAT, MARKED]
    assert without_empty(list(loaded["validation"])) == [CHAT]
    assert loaded["train"].features == loaded["validation"].features
    assert {path.relative_to(folder).as_posix() for path in done.files} == {
        "data/train.parquet",
        "data/validation.parquet",
    }
    assert "given@1" in (folder / "README.md").read_text("utf-8")


def test_datasets_loads_a_folder_without_validation_rows(make: Make, tmp_path: Path) -> None:
    export_dataset(make([CHAT]), "all", "hf", tmp_path / "copy")
    assert list(load(tmp_path / "copy", tmp_path / "cache")) == ["train"]


@pytest.mark.parametrize("format", ["alpaca", "sharegpt", "jsonl"])
def test_datasets_loads_json_too(make: Make, tmp_path: Path, format: Format) -> None:
    from datasets import load_dataset

    path = tmp_path / default_path(version := make([LONG, LONG | MARKED]), "train", format)
    export_dataset(version, "train", format, path)
    loaded = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == 2


def test_alpaca_fields() -> None:
    assert as_alpaca(Example(1, LONG["messages"])) == {
        "instruction": "둘", "input": "", "output": "2", "system": "짧게", "history": [["하나", "1"]],
    }  # fmt: skip
    assert as_alpaca(Example(1, CHAT["messages"], {"synthetic": True}))["synthetic"] is True


def test_alpaca_of_a_chat_export_is_as_planned() -> None:
    asked, line, mine = "여자친구가 이렇게 말했어:", "오늘 뭐 해?", "집에 있어"
    messages = [{"role": "user", "content": f"{asked}\n{line}"}, {"role": "assistant", "content": mine}]
    wanted = {"instruction": asked, "input": line, "output": mine}
    example = ChatExample(1, messages, {"instruction": asked})
    assert as_alpaca(example) == wanted == example.as_alpaca()


def test_sharegpt_fields() -> None:
    turns = as_sharegpt(Example(1, LONG["messages"]))["conversations"]
    assert [turn["from"] for turn in turns] == ["system", "human", "gpt", "human", "gpt"]
    assert turns[-1]["value"] == "2"


@pytest.mark.parametrize(("format", "lost"), [("alpaca", 5), ("sharegpt", 3)])
def test_what_does_not_fit_is_said(make: Make, tmp_path: Path, format: Format, lost: int) -> None:
    rows = [CHAT, TEXT, PAIR, CALL, BACKWARDS, CHAT | {"input": "mine"}]
    done = export_dataset(make(rows), "train", format, tmp_path / "x.json")
    assert done.rows["train"] == 6 - lost == len(json.loads((tmp_path / "x.json").read_text("utf-8")))
    assert [row.line for row in done.left_out["train"]] == [2, 3, 4, 5, 6][:lost]
    assert all(row.text("ko") and row.text("en") for row in done.left_out["train"])


def test_nothing_is_written_when_nothing_fits(make: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        export_dataset(make([TEXT, TEXT]), "train", "alpaca", tmp_path / "x.json")
    assert caught.value.code == "formats.none_fit"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_split_is_said(make: Make, tmp_path: Path, format: Format) -> None:
    with pytest.raises(InputError) as caught:
        export_dataset(make([CHAT]), "validation", format, tmp_path / "x")
    assert caught.value.code == "formats.no_rows"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("split", ["train", "all"])
@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_overwritten(make: Make, tmp_path: Path, format: Format, split: Any) -> None:
    (tmp_path / "x").write_text("mine")
    with pytest.raises(InputError) as caught:
        export_dataset(make([CHAT], [CHAT]), split, format, tmp_path / "x")
    assert caught.value.code == "formats.exists"
    assert (tmp_path / "x").read_text() == "mine"


def test_a_json_list_or_json_lines_by_the_ending(make: Make, tmp_path: Path) -> None:
    version = make([CHAT, LONG])
    export_dataset(version, "train", "alpaca", tmp_path / "x.json")
    export_dataset(version, "train", "alpaca", tmp_path / "x.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").open(encoding="utf-8")]
    assert json.loads((tmp_path / "x.json").read_text("utf-8")) == lines


def test_a_damaged_version_is_said(make: Make, tmp_path: Path) -> None:
    version = make([CHAT])
    (Path(version.path) / "train.jsonl").write_text("{half")
    with pytest.raises(InputError, match="damaged"):
        list(saved_rows(version, "train"))
    (Path(version.path) / "COMPLETE").unlink()
    with pytest.raises(InputError, match="gone"):
        export_dataset(version, "train", "jsonl", tmp_path / "x")


def run(*arguments: object) -> Result:
    group = typer.Typer()
    group.callback()(lambda: None)
    add_to(group)
    return CliRunner().invoke(group, ["export", *map(str, arguments)])


@pytest.mark.parametrize("format", FORMATS)
def test_the_command_on_a_real_dataset(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: Format
) -> None:
    import_file(workspace, catalog, SAMPLES / "big_five_chatml.jsonl", "reports")
    monkeypatch.chdir(tmp_path)
    result = run("reports", "--format", format, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert sum(found["rows"].values()) == 45 and found["left_out"] == []
    assert found["path"] == str(tmp_path / f"reports-v1-{format}")
    if format != "hf":
        assert sorted(json.dumps(row) for path in found["files"] for row in read_back(Path(path))) == sorted(
            json.dumps(row) for row in read_back(SAMPLES / "big_five_chatml.jsonl")
        )


def test_the_command_refuses_wrong_words(make: Make, tmp_path: Path) -> None:
    make([CHAT])
    for arguments, kind in (
        (("given", "--format", "xml"), InputError),
        (("given", "--format", "jsonl", "--split", "test"), InputError),
        (("unknown", "--format", "jsonl"), NotFoundError),
    ):
        assert isinstance(run(*arguments).exception, kind)
    text = run("given", "--format", "hf", "--out", tmp_path / "copy").stdout
    assert "Wrote 1 rows" in text and "load_dataset" in text
