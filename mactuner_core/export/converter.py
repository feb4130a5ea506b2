"""llama.cpp's own converter, of exactly the version that is installed: fetched once, checked, unpacked into the cache.

The converter (`convert_hf_to_gguf.py` with `conversion/` and `gguf-py/`) is not on the registry as a package, but the
source archive of llama-cpp-python carries it. Standard library only: the set-up runs this file with a bare Python,

    python mactuner_core/export/converter.py [--sdist FILE]

It does not convert anything; `convert.py` does.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.metadata
import os
import secrets
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

LLAMA_CPP_PYTHON_VERSION = "0.3.36"
SDIST_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
SDIST_NAME = f"llama_cpp_python-{LLAMA_CPP_PYTHON_VERSION}.tar.gz"

_INSIDE = f"llama_cpp_python-{LLAMA_CPP_PYTHON_VERSION}/vendor/llama.cpp/"
_FILES = ("convert_hf_to_gguf.py", "convert_lora_to_gguf.py", "LICENSE")
_FOLDERS = ("conversion/", "gguf-py/gguf/")


class ConverterError(Exception):
    """The converter cannot be had; `code` names the entry in messages/export.yaml and `values` fill it."""

    def __init__(self, code: str, message: str, **values: str) -> None:
        super().__init__(message)
        self.code = code
        self.values = values


def default_cache() -> Path:
    """Return MACTUNER_CACHE or `~/.cache/mactuner`."""
    return Path(os.environ.get("MACTUNER_CACHE") or Path.home() / ".cache" / "mactuner").expanduser()


def fetch_sdist(cache: Path) -> Path:
    """Return the source archive of llama-cpp-python in `cache`, downloading it with pip when it is not there.

    Raises ConverterError when pip fails or the archive's SHA-256 is not the known one; such a file is removed.
    """
    archive = cache / "sdists" / SDIST_NAME
    if archive.is_file():
        _check_hash(archive, remove=True)
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(archive) as folder:
        folder.mkdir()
        requirement = f"llama-cpp-python=={LLAMA_CPP_PYTHON_VERSION}"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python", requirement]
        done = subprocess.run([*command, "--dest", str(folder)], capture_output=True, text=True, check=False)
        if done.returncode or not (folder / SDIST_NAME).is_file():
            reason = (done.stderr or done.stdout).strip()[-500:] or f"no {SDIST_NAME} came"
            message = f"pip could not download the source of {requirement}: {reason}"
            raise ConverterError("converter_download", message, requirement=requirement, reason=reason)
        _check_hash(folder / SDIST_NAME, remove=True)
        (folder / SDIST_NAME).replace(archive)
    return archive


def converter_folder(cache: Path | None = None, sdist: Path | None = None) -> Path:
    """Return the folder of the unpacked converter, making it on the first call from `sdist` or the downloaded archive.

    Raises ConverterError when the installed llama-cpp-python is another version or the archive cannot be had.
    """
    _check_installed_version()
    cache = cache or default_cache()
    folder = cache / f"llama.cpp-{LLAMA_CPP_PYTHON_VERSION}"
    if (folder / "COMPLETE").is_file():
        return folder
    if sdist is not None:
        _check_hash(sdist, remove=False)
    archive = sdist or fetch_sdist(cache)
    with _temporary(folder) as temporary:
        _unpack(archive, temporary)
        (temporary / "COMPLETE").write_text(SDIST_SHA256 + "\n", encoding="utf-8")
        if folder.exists() and not (folder / "COMPLETE").is_file():
            shutil.rmtree(folder)
        # Another process may have been quicker; then its folder is as good as ours.
        with contextlib.suppress(OSError):
            temporary.replace(folder)
    if not (folder / "COMPLETE").is_file():
        raise ConverterError("converter_archive", f"{folder} could not be written", archive=str(archive))
    return folder


def _check_installed_version() -> None:
    try:
        installed = importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        return
    if installed != LLAMA_CPP_PYTHON_VERSION:
        message = (
            f"llama-cpp-python {installed} is installed, but the converter is of {LLAMA_CPP_PYTHON_VERSION}. "
            f"Install llama-cpp-python=={LLAMA_CPP_PYTHON_VERSION}."
        )
        raise ConverterError("converter_version", message, installed=installed, wanted=LLAMA_CPP_PYTHON_VERSION)


def _check_hash(archive: Path, *, remove: bool) -> None:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == SDIST_SHA256:
        return
    if remove:
        archive.unlink()
    message = f"{archive} has the SHA-256 {found}, but {SDIST_SHA256} is expected. It was not used."
    raise ConverterError("converter_hash", message, path=str(archive), found=found, wanted=SDIST_SHA256)


def _unpack(archive: Path, target: Path) -> None:
    """Write the converter's files below `target`; only plain files whose names stay inside are taken."""
    taken = 0
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = member.name.removeprefix(_INSIDE)
            wanted = member.name.startswith(_INSIDE) and (name in _FILES or name.startswith(_FOLDERS))
            if not wanted or not member.isfile() or ".." in PurePosixPath(name).parts:
                continue
            source = tar.extractfile(member)
            if source is None:
                continue
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with source, path.open("wb") as file:
                shutil.copyfileobj(source, file)
            taken += 1
    missing = [
        name for name in (*_FILES, "conversion/base.py", "gguf-py/gguf/__init__.py") if not (target / name).is_file()
    ]
    if missing:
        message = f"{archive} does not hold the converter: {', '.join(missing)} missing ({taken} files found)."
        raise ConverterError("converter_archive", message, archive=str(archive))


@contextlib.contextmanager
def _temporary(final: Path) -> Iterator[Path]:
    """Yield a name beside `final` and remove whatever is left under it."""
    temporary = final.with_name(f".new-{final.name}-{secrets.token_hex(4)}")
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def main() -> int:
    """Make the converter's folder and print where it is; the set-up's entry."""
    parser = argparse.ArgumentParser(description="Fetch llama.cpp's converter into the cache.")
    parser.add_argument("--sdist", type=Path, help=f"an already downloaded {SDIST_NAME}")
    parser.add_argument("--cache", type=Path, help="default: MACTUNER_CACHE or ~/.cache/mactuner")
    given = parser.parse_args()
    try:
        folder = converter_folder(given.cache, given.sdist)
    except (ConverterError, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
