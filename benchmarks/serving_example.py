"""llama-cpp-python's example server without images. Runs in the peers' environment.

python benchmarks/serving_example.py SERVER.py -C CONFIG.json

The example imports the library for images, which is left out when the project's llama-cpp-python is compiled. It uses it
only when a configuration asks for images, so an empty module in its place changes nothing that is measured.
"""

from __future__ import annotations

import importlib
import runpy
import sys
import types


def main() -> None:
    """Run the example as a program."""
    try:
        importlib.import_module("llama_cpp.mtmd_cpp")
    except FileNotFoundError:
        import llama_cpp

        stand_in = types.ModuleType("llama_cpp.mtmd_cpp")
        sys.modules["llama_cpp.mtmd_cpp"] = stand_in
        llama_cpp.mtmd_cpp = stand_in
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
