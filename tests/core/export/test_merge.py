import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from mactuner_core.errors import InputError
from mactuner_core.export import merge
from mactuner_core.export.merge import Source, load_with_adapter, make_merged
from mactuner_core.export.reference import compute_in_float32
from tests.tiny_models import CHATML_TEMPLATE, lora_adapter, tiny_qwen3

IDS = torch.tensor([[5, 80, 300, 1, 44, 2, 17]])


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=IDS).logits.float()
    return found


def test_merged_weights_answer_as_the_base_with_its_adapter(tiny: Path, adapter: Path, tmp_path: Path) -> None:
    assert make_merged(Source(tiny, adapter), tmp_path / "merged") == "float32"
    merged = logits(load_with_adapter(tmp_path / "merged", None, "float32"))
    tuned = logits(load_with_adapter(tiny, adapter, "float32"))
    base = logits(load_with_adapter(tiny, None, "float32"))
    assert (merged - tuned).abs().max() < 1e-5
    assert (base - tuned).abs().max() > 0.01
    assert (tmp_path / "merged" / "tokenizer.json").read_bytes() == (adapter / "tokenizer.json").read_bytes()


@pytest.mark.parametrize(
    "settings",
    [{"modules_to_save": ["lm_head"]}, {"target_modules": ["embed_tokens"]}, {"target_modules": ["lm_head"]}],
)
def test_an_output_layer_trained_apart_from_tied_embeddings_stays_apart(
    tiny: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    adapter = lora_adapter(tiny, tmp_path / "adapter", **settings)
    make_merged(Source(tiny, adapter), tmp_path / "merged")
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["tie_word_embeddings"] is False
    merged = logits(load_with_adapter(tmp_path / "merged", None, "float32"))
    tuned = logits(load_with_adapter(tiny, adapter, "float32"))
    assert (merged - tuned).abs().max() < 1e-5
    assert (logits(load_with_adapter(tiny, None, "float32")) - tuned).abs().max() > 0.001


def test_a_full_model_is_linked_not_copied(tiny: Path, tmp_path: Path) -> None:
    make_merged(Source(tiny), tmp_path / "merged")
    assert (tmp_path / "merged" / "model.safetensors").is_symlink()
    assert not (tmp_path / "merged" / "tokenizer_config.json").is_symlink()


def test_of_two_templates_the_one_that_transformers_reads_is_kept(tiny: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny, model)
    config = json.loads((model / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": "old"}))
    make_merged(Source(model), tmp_path / "merged")
    assert "chat_template" not in json.loads((tmp_path / "merged" / "tokenizer_config.json").read_text())
    assert (tmp_path / "merged" / "chat_template.jinja").read_text() == CHATML_TEMPLATE
    assert "old" in (model / "tokenizer_config.json").read_text()  # the original is untouched


def test_an_adapter_of_another_model_is_refused(adapter: Path, tmp_path: Path) -> None:
    other = tiny_qwen3(tmp_path / "other", hidden_size=128)
    with pytest.raises(InputError) as caught:
        make_merged(Source(other, adapter), tmp_path / "merged")
    assert caught.value.code == "export.adapter_mismatch"


def test_an_adapter_saved_as_pickle_is_refused_unread(tiny: Path, adapter: Path, tmp_path: Path) -> None:
    pickled = tmp_path / "pickled"
    shutil.copytree(adapter, pickled)
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    with pytest.raises(InputError) as caught:
        make_merged(Source(tiny, pickled), tmp_path / "merged")
    assert caught.value.code == "export.adapter_without_weights"


def test_without_memory_for_float32_the_stored_type_is_used(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = json.loads((tiny / "config.json").read_text()) | {"dtype": "bfloat16"}
    monkeypatch.setattr(merge, "_config", lambda model: config)
    assert merge.load_dtype(tiny) == "float32"
    monkeypatch.setattr(merge, "available_memory_bytes", lambda: 1000)
    assert merge.load_dtype(tiny) == "bfloat16"


def test_a_16_bit_model_can_compute_in_float32(tiny: Path, adapter: Path) -> None:
    narrow = load_with_adapter(tiny, adapter, "bfloat16")
    wide = load_with_adapter(tiny, adapter, "bfloat16").float()
    expected = logits(wide)
    compute_in_float32(narrow)
    for _ in range(2):  # the second time the weights must be back as they were
        assert (logits(narrow) - expected).abs().max() < 1e-4
    assert next(narrow.parameters()).dtype == torch.bfloat16
