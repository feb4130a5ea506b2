#!/usr/bin/env bash
# Sets up everything from nothing but Python 3.11+, a C/C++ compiler and cmake; quick the second time.
#
# The slow things are made once and kept in a cache outside the checkout (MACTUNER_CACHE, default ~/.cache/mactuner):
#   wheels/KEY   llama-cpp-python, compiled for this Python and processor
#   env/KEY      a virtual environment, keyed by the requirements; a changed file makes a new one
#   llama.cpp-*  the converter of the same version
# The checkout gets a small .venv of its own that looks into that environment.
set -euo pipefail
cd "$(dirname "$0")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "setup: $*" >&2; }
fail() { say "$*"; exit 1; }
sha() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-16; }

find_python() {
    for name in "${PYTHON:-}" python3.12 python3.13 python3.11 python3; do
        if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    fail "needs Python 3.11, 3.12 or 3.13 (found: $(python3 --version 2>&1 || echo none)); install it or set PYTHON=/path/to/python3"
}

cpu_flags() { # a compiled wheel fits the processor it was made on
    if [ -r /proc/cpuinfo ]; then grep -m1 -E '^(flags|Features)' /proc/cpuinfo; else sysctl -n machdep.cpu.brand_string; fi
}

PYTHON_BIN=$(find_python)
PLATFORM=$("$PYTHON_BIN" -c 'import sys, sysconfig; print(sysconfig.get_platform(), sys.version_info[:3])')
CACHE=${MACTUNER_CACHE:-$HOME/.cache/mactuner}
LLAMA=$(sed -n 's/^llama-cpp-python==//p' requirements.txt)
WHEELS=$CACHE/wheels/$(printf '%s' "$LLAMA $PLATFORM $(cpu_flags)" | sha)
ENV=$CACHE/env/$( (cat requirements.txt requirements-dev.txt; printf '%s' "$PLATFORM $PYTHON_BIN $(cpu_flags)") | sha)
mkdir -p "$CACHE/wheels" "$CACHE/env"

one_at_a_time() { # two set-ups at once would build everything twice
    local lock=$CACHE/setup.lock waited=0
    until mkdir "$lock" 2>/dev/null; do
        local owner; owner=$(cat "$lock/pid" 2>/dev/null || true)
        if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then rm -rf "$lock"; continue; fi
        [ "$waited" -gt 0 ] || say "another set-up is under way; waiting for it"
        waited=$((waited + 1)); sleep 2
    done
    echo $$ >"$lock/pid"
    trap 'rm -rf "$CACHE/setup.lock"' EXIT
}

build_wheel() {
    command -v cmake >/dev/null || fail "needs cmake (macOS: brew install cmake; Debian/Ubuntu: apt-get install cmake)"
    command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null ||
        fail "needs a C/C++ compiler (macOS: xcode-select --install; Debian/Ubuntu: apt-get install build-essential)"
    say "compiling llama-cpp-python $LLAMA: 4 to 12 minutes, once"
    local sdist=$CACHE/sdists/llama_cpp_python-$LLAMA.tar.gz new=$WHEELS.new-$$
    "$1" mactuner_core/export/converter.py >/dev/null || fail "llama.cpp's source could not be had"
    CMAKE_BUILD_PARALLEL_LEVEL=$(getconf _NPROCESSORS_ONLN) CMAKE_ARGS="-DLLAVA_BUILD=OFF ${CMAKE_ARGS:-}" \
        "$1" -m pip wheel --quiet --no-deps --wheel-dir "$new" "$sdist" || { rm -rf "$new"; fail "the compilation failed; its last lines are above"; }
    rm -rf "$WHEELS" && mv "$new" "$WHEELS"
}

build_environment() {
    say "installing the libraries into $ENV: 2 to 5 minutes, once"
    rm -rf "$ENV"
    "$PYTHON_BIN" -m venv "$ENV"
    ls "$WHEELS"/llama_cpp_python-"$LLAMA"-*.whl >/dev/null 2>&1 || build_wheel "$ENV/bin/python"
    # torch first and alone: resolved together with the rest, a resolver may choose a build with gigabytes of CUDA
    "$ENV/bin/python" -m pip install --quiet "$(grep '^torch==' requirements.txt)"
    "$ENV/bin/python" -m pip install --quiet "$WHEELS"/llama_cpp_python-"$LLAMA"-*.whl
    "$ENV/bin/python" -m pip install --quiet -r requirements.txt -r requirements-dev.txt
    touch "$ENV/READY"
}

link_checkout() { # .venv: this checkout first, then the shared environment
    local packages; packages=$("$ENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    rm -rf .venv
    "$PYTHON_BIN" -m venv --without-pip .venv
    local own; own=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$PWD" "import site; site.addsitedir('$packages')" >"$own/mactuner.pth"
    printf '#!%s\nfrom mactuner_core.cli.main import main\n\nmain()\n' "$PWD/.venv/bin/python" >.venv/bin/mactuner
    chmod +x .venv/bin/mactuner
    echo "$ENV" >.venv/environment
}

if [ ! -f "$ENV/READY" ] || [ ! -d "$CACHE/llama.cpp-$LLAMA" ]; then
    one_at_a_time
    [ -f "$ENV/READY" ] || build_environment
    "$ENV/bin/python" mactuner_core/export/converter.py >/dev/null
fi
if [ "$(cat .venv/environment 2>/dev/null)" != "$ENV" ] || [ ! -x .venv/bin/mactuner ]; then
    link_checkout
    say "ready: .venv/bin/mactuner --help"
fi
