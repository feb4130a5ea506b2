import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mactuner_core.export.gguf_file import check_gguf
from mactuner_core.export.merge import Source
from mactuner_core.export.quantize import quantize
from mactuner_core.export.reference import make_reference
from mactuner_core.export.verify import compare_distributions, compare_logits, verify_file
from mactuner_core.export.verify_texts import TEXTS
from mactuner_core.messages import text
from tests.core.export.conftest import Exported


def failed(report: dict[str, Any]) -> list[str]:
    return [entry["name"] for entry in report["checks"] if not entry["passed"]]


def replaced(source: Path, target: Path, old: bytes, new: bytes) -> Path:
    """Copy a GGUF file with one stretch of bytes changed for another of the same length."""
    content = source.read_bytes()
    assert content.count(old) == 1
    assert len(old) == len(new)
    target.write_bytes(content.replace(old, new))
    return target


def reweighted(source: Path, target: Path, tensor: str, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Copy an F16 GGUF file with the values of one tensor changed."""
    shutil.copyfile(source, target)
    found = next(t for t in check_gguf(source).tensors if t.name == tensor)
    shape = tuple(reversed(found.shape))
    values = np.memmap(target, dtype=np.float16, mode="r+", offset=found.offset, shape=shape)
    values[:] = change(values.copy())
    values.flush()
    return target


def test_an_honest_export_passes_with_figures(exported: Exported) -> None:
    report, f16 = verify_file(exported.f16, "F16", exported.reference)
    assert report["passed"]
    assert [entry["name"] for entry in report["checks"]] == ["token_ids", "template", "logits"]
    assert report["token_ids"]["texts"] == len(TEXTS) + 1
    assert report["template"]["conversations"] == 8
    assert report["logits"]["max_abs_difference"] < 0.02
    assert report["logits"]["rms_difference"] < 0.003
    assert report["logits"]["argmax_agreement"] > 0.99
    for path, quant, most in ((exported.q8, "Q8_0", 0.001), (exported.q4, "Q4_K_M", 0.02)):
        report, _ = verify_file(path, quant, exported.reference, f16, True)
        assert report["passed"]
        assert 0 < report["kl"]["mean"] < most
        assert report["kl"]["mean"] < report["kl"]["max"]
    for entry in report["checks"]:
        for language in ("ko", "en"):
            assert text(entry["code"], language, **entry["values"])


def test_a_changed_template_fails(exported: Exported, tmp_path: Path) -> None:
    wrong = replaced(exported.f16, tmp_path / "m.gguf", b"<|im_start|>assistant\\n", b"<|im_start|>Assistant\\n")
    report, _ = verify_file(wrong, "F16", exported.reference)
    assert not report["passed"]
    assert failed(report) == ["template"]
    assert "Assistant" in report["template"]["first_difference"]["found"]


def test_a_lost_template_fails(exported: Exported, tmp_path: Path) -> None:
    wrong = replaced(exported.f16, tmp_path / "m.gguf", b"tokenizer.chat_template", b"tokenizer.chat_tempLATE")
    report, _ = verify_file(wrong, "F16", exported.reference)
    assert failed(report) == ["template"]


def test_a_template_that_attacks_fails_and_does_no_harm(exported: Exported, tmp_path: Path) -> None:
    old = b"{%- for message in messages %}{{- '<|im_start|>' + message['role']"
    new = b"{{ ''.__class__.__mro__[1] }}{% for message in messages %}{{ ''"
    wrong = replaced(exported.f16, tmp_path / "m.gguf", old, new.ljust(len(old)))
    report, _ = verify_file(wrong, "F16", exported.reference)
    assert failed(report) == ["template"]


def test_another_pre_tokenizer_fails(exported: Exported, tmp_path: Path) -> None:
    wrong = replaced(exported.f16, tmp_path / "m.gguf", b"qwen2" + b"\x15", b"gpt-2" + b"\x15")
    report, _ = verify_file(wrong, "F16", exported.reference)
    assert "token_ids" in failed(report)
    assert report["token_ids"]["different"]
    first = report["token_ids"]["first_difference"]
    assert first["expected"] != first["found"]


@pytest.mark.parametrize(
    ("tensor", "change"),
    [
        ("blk.0.attn_q.weight", lambda w: w.reshape(2, 2, 16, 64).swapaxes(1, 2).reshape(w.shape)),
        ("blk.1.ffn_down.weight", lambda w: w * 1.1),
        ("token_embd.weight", np.flipud),
    ],
    ids=["permuted head", "scaled layer", "shuffled embedding"],
)
def test_changed_weights_fail(exported: Exported, tmp_path: Path, tensor: str, change: Callable[..., Any]) -> None:
    wrong = reweighted(exported.f16, tmp_path / "m.gguf", tensor, change)
    report, _ = verify_file(wrong, "F16", exported.reference)
    assert failed(report) == ["logits"]
    assert report["logits"]["rms_difference"] > 0.03


def test_an_export_without_the_adapter_fails(exported: Exported, tiny: Path) -> None:
    report, _ = verify_file(exported.f16, "F16", make_reference(Source(tiny)))
    assert "logits" in failed(report)


def test_a_quantised_file_of_other_weights_fails(exported: Exported, tmp_path: Path) -> None:
    _, f16 = verify_file(exported.f16, "F16", exported.reference)
    other = reweighted(exported.f16, tmp_path / "other.gguf", "token_embd.weight", np.flipud)
    quantize(other, tmp_path / "m.gguf", "Q4_K_M")
    report, _ = verify_file(tmp_path / "m.gguf", "Q4_K_M", exported.reference, f16, True)
    assert failed(report) == ["kl"]


def test_a_quantised_file_from_a_failed_f16_fails(exported: Exported) -> None:
    _, f16 = verify_file(exported.f16, "F16", exported.reference)
    report, _ = verify_file(exported.q8, "Q8_0", exported.reference, f16, False)
    assert failed(report) == ["f16_source"]


def test_kl_divergence_is_what_the_formula_says() -> None:
    p, q = np.array([[0.5, 0.3, 0.2]]), np.array([[0.4, 0.4, 0.2]])
    expected = float((p * np.log(p / q)).sum())
    found = compare_distributions([np.log(p).astype(np.float32) + 3], [np.log(q).astype(np.float32)], 0.1)
    assert found["mean"] == pytest.approx(expected, rel=1e-4)
    assert found["max"] == pytest.approx(expected, rel=1e-4)
    assert found["top1_agreement"] == 1.0


def test_values_that_are_not_numbers_fail() -> None:
    good = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)
    bad = np.array([[1.0, np.nan, 3.0]], dtype=np.float32)
    assert not compare_logits([good], [bad])["passed"]
    assert not compare_distributions([good], [bad], 1.0)["passed"]
    assert compare_logits([good], [good])["passed"]
