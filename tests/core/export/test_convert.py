import json
import shutil
import time
from pathlib import Path

import pytest

from mactuner_core.errors import InputError, WorkError
from mactuner_core.export.convert import merge_and_convert
from mactuner_core.export.gguf_file import check_gguf
from mactuner_core.export.merge import Source
from tests.core.export.conftest import Exported


def changed_copy(model: Path, folder: Path, file: str, **values: object) -> Path:
    shutil.copytree(model, folder)
    content = json.loads((folder / file).read_text(encoding="utf-8"))
    (folder / file).write_text(json.dumps(content | values), encoding="utf-8")
    return folder


def test_the_stages_are_reported_and_the_file_is_f16(exported: Exported) -> None:
    assert exported.stages == ["merge", "convert"]
    facts = check_gguf(exported.f16)
    assert facts.quant == "F16"
    assert facts.metadata["tokenizer.ggml.pre"] == "qwen2"
    assert {tensor.type for tensor in facts.tensors} == {"F16", "F32"}


def test_a_tokenizer_of_no_known_family_is_the_persons_to_solve(tiny: Path, tmp_path: Path) -> None:
    bytes_only = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    odd = {"type": "Split", "pattern": {"Regex": "[0-9]"}, "behavior": "Isolated", "invert": False}
    pre_tokenizer = {"type": "Sequence", "pretokenizers": [odd, bytes_only]}
    model = changed_copy(tiny, tmp_path / "model", "tokenizer.json", pre_tokenizer=pre_tokenizer)
    with pytest.raises(InputError) as caught:
        merge_and_convert(Source(model), tmp_path / "m.gguf", scratch=tmp_path / "scratch", name="m")
    assert caught.value.code == "export.unknown_pretokenizer"
    assert "[0-9]" in caught.value.text("en")
    assert not (tmp_path / "m.gguf").exists()


def test_an_architecture_the_converter_lacks_is_reported_in_its_own_words(tiny: Path, tmp_path: Path) -> None:
    model = changed_copy(tiny, tmp_path / "model", "config.json", architectures=["NobodyForCausalLM"])
    log = tmp_path / "converter.log"
    with pytest.raises(WorkError) as caught:
        merge_and_convert(Source(model), tmp_path / "m.gguf", scratch=tmp_path / "scratch", name="m", log=log)
    assert caught.value.code == "export.convert_failed"
    assert "NobodyForCausalLM" in caught.value.text("en")
    assert "NobodyForCausalLM" in log.read_text(encoding="utf-8")


class StopError(Exception):
    pass


def test_a_stop_ends_the_worker_at_once(tiny: Path, adapter: Path, tmp_path: Path) -> None:
    began = time.monotonic()

    def stop() -> None:
        if time.monotonic() - began > 0.5:
            raise StopError

    with pytest.raises(StopError):
        merge_and_convert(
            Source(tiny, adapter), tmp_path / "m.gguf", scratch=tmp_path / "scratch", name="m", check=stop
        )
    assert time.monotonic() - began < 3
    assert not (tmp_path / "scratch" / "result.json").exists()


@pytest.mark.parametrize("adapter_too", [False, True], ids=["while converting", "while merging"])
def test_a_disk_that_fills_up_is_named_and_nothing_half_made_stays(
    tiny: Path, adapter: Path, tmp_path: Path, small_disk: Path, adapter_too: bool
) -> None:
    """The merged folder takes 450 kB and the F16 file 240 kB; 256 kB hold neither once something else is there."""
    (small_disk / "other").write_bytes(b"\0" * 150_000)
    source = Source(tiny, adapter) if adapter_too else Source(tiny)
    gguf = small_disk / "m.gguf"
    log = tmp_path / "converter.log"
    with pytest.raises(WorkError) as caught:
        merge_and_convert(source, gguf, scratch=small_disk / "scratch", name="m", log=log)
    assert caught.value.code in ("export.disk_full", "workspace.disk_full")
    assert str(small_disk) in caught.value.text("ko")
    assert not gguf.exists()
