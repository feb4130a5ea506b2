"""Figures of a dataset version are counted once and then found on disk."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from mactuner_core.data.statistics import compute as compute_module
from mactuner_core.data.statistics.compute import compute, statistics_of
from mactuner_core.data.statistics.part import Part
from mactuner_core.data.statistics.select import cut_by, rows_in
from mactuner_core.data.statistics.store import load_part, save_part, statistics_folder
from mactuner_core.errors import InputError
from mactuner_core.models.folder_template import folder_renderer
from tests.core.data.statistics.conftest import MakeVersion, chat


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("rows were read again")

    monkeypatch.setattr(compute_module, "read_rows", fail)


def test_the_same_as_in_memory(make_version: MakeVersion, words_tokenizer: Path) -> None:
    train, validation = [chat("하나 둘", "셋"), chat("넷", "다섯")], [chat("하나 둘!", "셋")]
    render = folder_renderer(words_tokenizer)
    version = make_version(train, validation)
    kept = statistics_of(version, tokenizer_folder=words_tokenizer, render=render, words=True)
    fresh = compute(train, validation, tokenizer_folder=words_tokenizer, render=render, words=True)
    size = sum((Path(version.path) / name).stat().st_size for name in ("train.jsonl", "validation.jsonl"))
    assert kept.rows.pop("file_bytes") == size and fresh.rows.pop("file_bytes") is None
    assert kept.as_dict() == fresh.as_dict()


def test_a_hundred_thousand_rows_are_counted_once(
    make_version: MakeVersion, words_tokenizer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        json.dumps(chat("물음 " * (number % 9 + 1), f"답 {number}"), ensure_ascii=False) for number in range(100_000)
    ]
    version = make_version(lines[:90_000], lines[90_000:])
    render = folder_renderer(words_tokenizer)
    done: list[int] = []
    first = statistics_of(version, tokenizer_folder=words_tokenizer, render=render, on_progress=done.append)
    assert done[-1] == 100_000 and done == sorted(done)
    forbid_reading(monkeypatch)
    start = time.perf_counter()
    again = statistics_of(version, tokenizer_folder=words_tokenizer, render=render)
    clicked = rows_in(again, "tokens", 0)
    cut = cut_by(again, 12)
    assert time.perf_counter() - start < 0.3
    assert again.as_dict() == first.as_dict()
    assert clicked == list(range(0, 100_000, 9))  # 1 word, 2 words, 6 of the template
    assert cut["rows"] == sum(number % 9 + 9 > 12 for number in range(100_000))


def test_another_tokenizer_counts_only_tokens(
    make_version: MakeVersion, words_tokenizer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_version([chat("하나 둘", "셋")])
    statistics_of(version)
    monkeypatch.setattr(compute_module, "RowCounter", None)  # rows are not counted again
    plain = statistics_of(version, tokenizer_folder=words_tokenizer)
    render = folder_renderer(words_tokenizer)
    with_template = statistics_of(version, tokenizer_folder=words_tokenizer, render=render)
    assert plain.as_dict()["tokens"]["tokens"]["total"] == 3
    assert with_template.as_dict()["tokens"]["tokens"]["total"] == 9
    config = words_tokenizer / "tokenizer_config.json"
    config.write_text(config.read_text(encoding="utf-8").replace("<|im_start|>", "<|im_start|> x "), encoding="utf-8")
    changed = statistics_of(version, tokenizer_folder=words_tokenizer, render=folder_renderer(words_tokenizer))
    assert changed.as_dict()["tokens"]["tokens"]["total"] == 11


def test_a_new_dataset_of_the_same_name_has_its_own_figures(make_version: MakeVersion) -> None:
    version = make_version([chat("하나", "둘")])
    statistics_of(version)
    (Path(version.path) / "train.jsonl").write_text(json.dumps(chat("하나 둘 셋", "넷")) + "\n", encoding="utf-8")
    assert statistics_of(version).rows["characters"]["total"] == 7


def test_the_version_itself_stays_as_it_was(make_version: MakeVersion) -> None:
    version = make_version([chat("하나", "둘")])
    before = {file.name for file in Path(version.path).iterdir()}
    statistics_of(version)
    assert {file.name for file in Path(version.path).iterdir()} == before
    assert statistics_folder(version).name == "v1.stats"
    assert not list(statistics_folder(version).glob(".new-*"))


def test_damaged_figures_are_counted_again(make_version: MakeVersion) -> None:
    version = make_version([chat("하나", "둘")])
    statistics_of(version)
    (folder,) = statistics_folder(version).iterdir()
    (folder / "figures.json").write_text("{", encoding="utf-8")
    assert statistics_of(version).rows["rows"] == 1


def test_who_comes_second_keeps_what_is_there(tmp_path: Path) -> None:
    save_part(tmp_path / "p", Part({"first": True}))
    save_part(tmp_path / "p", Part({"first": False}))
    found = load_part(tmp_path / "p")
    assert found is not None and found.figures == {"first": True}


@pytest.mark.parametrize("line", ['{"messages": [', "3", '"text"', '{"text": "a"} {}'])
def test_a_damaged_version_is_named_with_its_line(make_version: MakeVersion, line: str, words_tokenizer: Path) -> None:
    version = make_version([chat("하나", "둘"), line])
    with pytest.raises(InputError) as problem:
        statistics_of(version, tokenizer_folder=words_tokenizer)
    assert problem.value.code == "data.dataset_damaged"
    assert "train.jsonl, 2" in problem.value.text()


def test_a_version_that_is_gone(make_version: MakeVersion) -> None:
    version = make_version([chat("하나", "둘")])
    (Path(version.path) / "COMPLETE").unlink()
    with pytest.raises(InputError) as problem:
        statistics_of(version)
    assert problem.value.code == "data.dataset_gone"
