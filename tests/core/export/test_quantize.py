import contextlib
from pathlib import Path

import pytest

from mactuner_core.errors import InputError, WorkError
from mactuner_core.export.gguf_file import check_gguf
from mactuner_core.export.llama_file import LlamaFile
from mactuner_core.export.quantize import QUANTS, check_quants, fallback_tensors, quantize
from mactuner_core.export.verify import kl_limit
from tests.core.export.conftest import Exported


def test_names_are_read_loosely_and_unknown_ones_listed_with_the_allowed() -> None:
    assert check_quants(["q4_k_m", " Q8_0", "Q4_K_M"]) == ["Q4_K_M", "Q8_0"]
    for wrong in (["Q4_K_M", "Q9_X"], [], [""]):
        with pytest.raises(InputError) as caught:
            check_quants(wrong)
        assert caught.value.code == "export.unknown_quant"
        assert all(quant in caught.value.text("ko") for quant in QUANTS)


@pytest.mark.parametrize("quant", [quant for quant in QUANTS if quant != "F16"])
def test_every_offered_type_is_made_and_says_its_name(exported: Exported, tmp_path: Path, quant: str) -> None:
    target = tmp_path / "m.gguf"
    quantize(exported.f16, target, quant)
    facts = check_gguf(target)
    assert facts.quant == quant
    assert facts.bytes < exported.f16.stat().st_size
    assert kl_limit(quant) > 0


def test_matrices_that_do_not_divide_into_blocks_are_counted(exported: Exported) -> None:
    facts = check_gguf(exported.f16)
    matrices = sum(len(tensor.shape) > 1 for tensor in facts.tensors)
    assert fallback_tensors(facts, "Q4_K_M") == matrices  # rows of 64 and 128, blocks of 256
    assert fallback_tensors(facts, "Q8_0") == 0
    assert not any(tensor.type == "Q4_K" for tensor in check_gguf(exported.q4).tensors)


def test_what_is_no_gguf_file_fails_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(WorkError) as caught:
        quantize(tmp_path / "broken.gguf", tmp_path / "m.gguf", "Q8_0")
    assert caught.value.code == "export.quantize_failed"
    assert not (tmp_path / "m.gguf").exists()


def test_a_disk_that_fills_up_is_named_and_the_half_file_removed(exported: Exported, small_disk: Path) -> None:
    (small_disk / "other").write_bytes(b"\0" * 200_000)
    with pytest.raises(WorkError) as caught:
        quantize(exported.f16, small_disk / "m.gguf", "Q8_0")
    assert caught.value.code == "export.disk_full"
    assert [file.name for file in small_disk.iterdir()] == ["other"]


def test_a_stop_leaves_no_file(exported: Exported, tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantize(exported.f16, tmp_path / "m.gguf", "Q8_0", check=stop)
    assert not (tmp_path / "m.gguf").exists()


def test_work_goes_on_beside_quantisations_that_were_left(exported: Exported, tmp_path: Path) -> None:
    """A stopped quantisation goes on logging for a moment; that once crashed the process."""

    def stop() -> None:
        raise KeyboardInterrupt

    for i in range(40):
        with contextlib.suppress(KeyboardInterrupt):  # a quick one may be done before it is asked to stop
            quantize(exported.f16, tmp_path / f"{i}.gguf", "IQ4_NL", check=stop)
        with LlamaFile(exported.f16) as file:
            assert file.tokenize("안녕", add_special=True)
