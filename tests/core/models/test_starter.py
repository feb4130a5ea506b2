"""The starter model: made from any dataset, usable by everything that takes a model, the same from the same seed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.importing import import_file
from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.hardware import Hardware
from mactuner_core.models.catalogued import fits, list_models, model_details, model_info, remove_model
from mactuner_core.models.check import check_model_folder
from mactuner_core.models.folder import add_folder, plain_name
from mactuner_core.models.generate import load, prompt_ids
from mactuner_core.models.starter import build_starter, make_starter, starter_shape
from mactuner_core.workspace import Workspace, is_complete

SMALL = Hardware("cpu", "hardware.reason_cpu", "x", 8 * 2**30, 8 * 2**30, 2)
CHAT = [{"role": "system", "content": "간단히."}, {"role": "user", "content": "It's 100원? 😀"}]


@pytest.fixture
def dataset(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> DatasetVersion:
    file = tmp_path / "law.csv"
    file.write_text("질문,답변\n계약이란?,약속입니다.\n상속이란?,승계입니다.\n", encoding="utf-8")
    return import_file(workspace, catalog, file, "law")


def test_a_starter_is_made_catalogued_and_named(
    workspace: Workspace, catalog: Catalog, dataset: DatasetVersion
) -> None:
    model = make_starter(workspace, catalog, "law")
    assert (model.id, model.source, model.dataset_id) == ("starter-law", "starter", dataset.id)
    assert is_complete(Path(model.path)) and 2_000_000 < model.parameters < 25_000_000
    assert make_starter(workspace, catalog, "law@1").id == "starter-law-2"
    assert make_starter(workspace, catalog, "law", "mine").id == "mine"
    with pytest.raises(InputError):
        make_starter(workspace, catalog, "law", "mine")
    with pytest.raises(InputError):
        make_starter(workspace, catalog, "law", "../out")
    with pytest.raises(NotFoundError):
        make_starter(workspace, catalog, "nothing")
    assert sorted(folder.name for folder in workspace.models.iterdir()) == ["mine", "starter-law", "starter-law-2"]
    details = model_details(catalog.model("mine"))
    assert details["has_chat_template"] and details["context_length"] == 4096 and details["dtype"] == "float32"
    assert remove_model(workspace, catalog, "mine").id == "mine"
    assert not (workspace.models / "mine").exists()
    assert [info["id"] for info in list_models(catalog)] == ["starter-law-2", "starter-law"]


@pytest.mark.parametrize("rows", [[["q", "a"]], [["계약?", "약속"], ["?", "!"]]])
def test_the_smallest_datasets_work(tmp_path: Path, rows: list[list[str]]) -> None:
    examples = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in rows]
    build_starter(tmp_path, examples, SMALL)
    facts = check_model_folder(tmp_path)
    assert 256 < facts.vocabulary < 400 and facts.architecture == "Qwen3ForCausalLM"


def test_tokens_come_back_as_the_text_they_were_and_the_template_is_chatml(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    build_starter(tmp_path, [CHAT], SMALL)
    loaded = load(tmp_path)
    for text in ("계약 😀 It's\n\ndef f(): return 1", "", unicodedata.normalize("NFC", "각"), "<|im_end|>"):
        assert loaded.tokenizer.decode(loaded.tokenizer(text)["input_ids"]) == text
    plain = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert plain.encode("계약 123 it's").ids == loaded.tokenizer("계약 123 it's")["input_ids"]
    text = "<|im_start|>system\n간단히.<|im_end|>\n<|im_start|>user\nIt's 100원? 😀<|im_end|>\n<|im_start|>assistant\n"
    assert loaded.tokenizer.decode(prompt_ids(loaded.tokenizer, CHAT)) == text
    ends = {loaded.tokenizer.convert_tokens_to_ids(mark) for mark in ("<|im_end|>", "<|endoftext|>")}
    assert set(loaded.stop_ids) == ends
    assert "chat_template" in (tmp_path / "tokenizer_config.json").read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        build_starter(tmp_path / name, [CHAT], SMALL, seed)
    weights = {name: (tmp_path / name / "model.safetensors").read_bytes() for name in "abc"}
    assert weights["a"] == weights["b"] != weights["c"]


def test_the_shape_suits_the_machine_and_the_k_quants() -> None:
    large = Hardware("mps", "hardware.reason_mps", "x", 2**35, 2**35, 8)
    assert starter_shape(SMALL, 10_000).hidden == 256
    assert starter_shape(large, 10_000).hidden == 512
    assert starter_shape(SMALL, 10_000_000).vocabulary == 8000
    for hardware in (SMALL, large):
        shape = starter_shape(hardware, 100)
        assert shape.hidden % 256 == 0 and shape.hidden * 3 % 256 == 0


def test_a_folder_is_added_where_it_is_and_only_once(
    workspace: Workspace, catalog: Catalog, dataset: DatasetVersion, tmp_path: Path
) -> None:
    outside = tmp_path / "My model (v2)"
    outside.mkdir()
    build_starter(outside, [CHAT], SMALL)
    model = add_folder(workspace, catalog, outside)
    assert (model.id, model.source, model.path) == ("My-model-v2", "folder", str(outside))
    assert add_folder(workspace, catalog, outside).id == model.id
    assert add_folder(workspace, catalog, outside, "again").id == "again"
    with pytest.raises(InputError, match="taken"):
        add_folder(workspace, catalog, outside, "My-model-v2") and add_folder(
            workspace, catalog, tmp_path / ".", "again"
        )
    remove_model(workspace, catalog, "again")
    assert outside.is_dir()


def test_names_made_of_anything_are_names() -> None:
    assert [plain_name(text) for text in ("a b", "모델 1", "../..", "__x", "")] == [
        "a-b",
        "모델-1",
        "model",
        "x",
        "model",
    ]


def test_what_fits_grows_with_the_model(catalog: Catalog) -> None:
    small, large = fits(3_000_000), fits(10**13)
    assert small["full"]["fits"] and small["lora"]["fits"]
    assert not large["full"]["fits"] and not large["lora"]["fits"]
    assert fits(10**9)["lora"]["memory_bytes"] < fits(10**9)["full"]["memory_bytes"]


def test_info_is_json(workspace: Workspace, catalog: Catalog, dataset: DatasetVersion) -> None:
    import json

    info = json.loads(json.dumps(model_info(make_starter(workspace, catalog, "law"))))
    assert {"id", "parameters", "bytes", "architecture", "fits"} <= info.keys()
    assert info["present"] is True
