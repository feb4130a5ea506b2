"""What a run learned beyond LoRA's two matrices is refused with the reason, before anything is converted."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from mactuner_core.errors import InputError
from mactuner_core.export.adapter_source import check_adapter_source, fingerprint, write_adapter_folder
from mactuner_core.export.merge import Source
from tests.tiny_models import lora_adapter, tiny_qwen3


def refusal(source: Source) -> InputError:
    with pytest.raises(InputError) as caught:
        check_adapter_source(source, "law-1")
    for language in ("ko", "en"):
        assert "law-1" in caught.value.text(language)
        assert "--adapter" in caught.value.text(language)
    return caught.value


@pytest.mark.parametrize(
    "settings", [{}, {"use_rslora": True}, {"target_modules": "all-linear"}, {"rank_pattern": {"q_proj": 2}}]
)
def test_plain_lora_can_be_an_adapter(tiny: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    check_adapter_source(Source(tiny, lora_adapter(tiny, tmp_path / "a", **settings)), "law-1")


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"bias": "lora_only"}, "bias"),
        ({"alpha_pattern": {"q_proj": 2}}, "alpha_pattern"),
        ({"use_rslora": True, "rank_pattern": {"q_proj": 2}}, "rsLoRA + rank_pattern"),
    ],
)
def test_more_than_lora_is_refused(tiny: Path, tmp_path: Path, settings: dict[str, Any], found: str) -> None:
    problem = refusal(Source(tiny, lora_adapter(tiny, tmp_path / "a", **settings)))
    assert (problem.code, problem.values["found"]) == ("export_adapter.beyond_lora", found)


@pytest.mark.parametrize(
    "settings",
    [
        {"modules_to_save": ["embed_tokens"]},
        {"trainable_token_indices": [1, 2]},
        {"target_modules": ["q_proj", "lm_head"]},
        {"target_modules": ["q_proj", "embed_tokens"]},
    ],
)
def test_trained_tokens_are_refused(tiny: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    adapter = lora_adapter(tiny, tmp_path / "a", ensure_weight_tying=True, **settings)
    assert refusal(Source(tiny, adapter)).code == "export_adapter.vocabulary"


def test_a_longer_tokenizer_is_refused(tiny: Path, adapter: Path, tmp_path: Path) -> None:
    longer = shutil.copytree(adapter, tmp_path / "longer")
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.save_pretrained(longer)
    check_adapter_source(Source(tiny, longer), "law-1")  # written anew, but the same tokens
    tokenizer.add_tokens(["<|law|>"])
    tokenizer.save_pretrained(longer)
    assert refusal(Source(tiny, longer)).code == "export_adapter.vocabulary"


def test_without_an_adapter_or_its_weights(tiny: Path, adapter: Path, tmp_path: Path) -> None:
    assert refusal(Source(tiny)).code == "export_adapter.no_adapter"
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copyfile(adapter / "adapter_config.json", bare / "adapter_config.json")
    with pytest.raises(InputError) as caught:
        check_adapter_source(Source(tiny, bare), "law-1")
    assert caught.value.code == "export.adapter_without_weights"


def test_the_converter_reads_the_factor_that_was_trained_with(tiny: Path, tmp_path: Path) -> None:
    for name, settings, alpha in (("plain", {"r": 16}, 8), ("rs", {"r": 16, "use_rslora": True}, 8 * 4)):
        adapter = lora_adapter(tiny, tmp_path / name, **settings)
        folder = write_adapter_folder(adapter, tmp_path / f"{name}-folder", 'a "name"')
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        assert config["lora_alpha"] / config["r"] == alpha / 16


def test_a_fingerprint_is_of_the_weights(tiny: Path, adapter: Path, tmp_path: Path) -> None:
    same = shutil.copytree(tiny, tmp_path / "same")
    (same / "README.md").write_text("another card", encoding="utf-8")
    other = tiny_qwen3(tmp_path / "other", seed=8)
    assert fingerprint(Source(tiny)) == fingerprint(Source(same))
    assert len({fingerprint(source) for source in (Source(tiny), Source(other), Source(tiny, adapter))}) == 3
