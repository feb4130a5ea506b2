import hashlib
import importlib.metadata
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from mactuner_core.export import converter
from mactuner_core.messages import text


def test_the_installed_converter_is_complete_and_made_once() -> None:
    folder = converter.converter_folder()
    made = (folder / "COMPLETE").stat().st_mtime_ns
    assert (folder / "conversion" / "qwen.py").is_file()
    assert (folder / "gguf-py" / "gguf" / "constants.py").is_file()
    assert converter.converter_folder() == folder
    assert (folder / "COMPLETE").stat().st_mtime_ns == made


def test_the_module_runs_with_a_bare_python_and_reports_a_wrong_archive(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tar.gz"
    wrong.write_bytes(b"not an archive")
    command = [sys.executable, "-I", "-S", converter.__file__, "--cache", str(tmp_path), "--sdist", str(wrong)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert hashlib.sha256(b"not an archive").hexdigest() in done.stderr
    assert converter.SDIST_SHA256 in done.stderr
    assert "Traceback" not in done.stderr
    assert wrong.exists()  # what the person gave is not removed


def test_a_cached_archive_with_another_hash_is_refused_and_removed(tmp_path: Path) -> None:
    cached = tmp_path / "sdists" / converter.SDIST_NAME
    cached.parent.mkdir()
    cached.write_bytes(b"changed on the way")
    with pytest.raises(converter.ConverterError) as caught:
        converter.converter_folder(tmp_path)
    assert caught.value.code == "converter_hash"
    assert not cached.exists()
    assert not list(tmp_path.glob("llama.cpp-*"))
    for language in ("ko", "en"):
        assert converter.SDIST_SHA256 in text("export.converter_hash", language, **caught.value.values)


def test_another_installed_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.3.35")
    with pytest.raises(converter.ConverterError, match=r"0\.3\.35"):
        converter.converter_folder(tmp_path)


def test_unpacking_takes_only_plain_files_that_stay_inside(tmp_path: Path) -> None:
    inside = f"llama_cpp_python-{converter.LLAMA_CPP_PYTHON_VERSION}/vendor/llama.cpp"
    files = ["convert_hf_to_gguf.py", "convert_lora_to_gguf.py", "LICENSE", "conversion/base.py"]
    archive = tmp_path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in [*files, "gguf-py/gguf/__init__.py", "conversion/../../../escaped.py", "src/llama.cpp"]:
            member = tarfile.TarInfo(f"{inside}/{name}")
            member.size = 2
            tar.addfile(member, io.BytesIO(b"ok"))
        link = tarfile.TarInfo(f"{inside}/conversion/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    target = tmp_path / "a" / "b" / "target"
    converter._unpack(archive, target)
    found = sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file() or path.is_symlink()
    )
    assert found == ["a/b/target/LICENSE"] + [
        f"a/b/target/{name}"
        for name in (
            "conversion/base.py",
            "convert_hf_to_gguf.py",
            "convert_lora_to_gguf.py",
            "gguf-py/gguf/__init__.py",
        )
    ] + ["archive.tar.gz"]


def test_an_archive_without_the_converter_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz"):
        pass
    with pytest.raises(converter.ConverterError, match=r"conversion/base\.py"):
        converter._unpack(archive, tmp_path / "target")
