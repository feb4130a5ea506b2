"""Words of a million letters, with the tokenizers whose regular expressions recurse: they ended the process once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mactuner_core.export.converter import converter_folder
from serving.engine.long_words import cut
from tests.serving.conftest import Taught

RECURSING = ("tekken", "gpt-4o", "deepseek-llm", "deepseek-v3")
PROGRAM = """
import sys, threading
from pathlib import Path
from serving.engine.llama import Model

def read():
    for file in sys.argv[1:]:
        model = Model(Path(file))
        for sign in ("a", "aB", ".", "한", "कि", "中", " ", "\\n", "<", "a1"):
            data = b"".join(model.piece(int(token), special=True) for token in model.tokenize(sign * 60_000))
            assert data.decode() == sign * 60_000, (file, sign)
    print("whole")

threading.stack_size(2 * 1024 * 1024)  # the smallest that threads have where nobody says otherwise
thread = threading.Thread(target=read)
thread.start()
thread.join()
"""


@pytest.fixture(scope="module")
def files(taught: Taught, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The taught model with its words split in the ways of other families."""
    folder = tmp_path_factory.mktemp("recursing")
    package = str(converter_folder() / "gguf-py")
    for name in RECURSING:
        command = [sys.executable, "-m", "gguf.scripts.gguf_new_metadata", "--force", "--pre-tokenizer", name]
        subprocess.run(
            [*command, str(taught.gguf), str(folder / f"{name}.gguf")],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": package},
        )
    return [folder / f"{name}.gguf" for name in RECURSING]


def test_no_word_ends_the_process(files: list[Path]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr[-2000:]


@pytest.mark.parametrize(
    "text", ["", "a", "word " * 3000, "한글은 " * 3000, "a" * 100, "\n" * 5000, "x" * 1999 + "한" * 900]
)
def test_pieces_are_the_text_and_short_enough(text: str) -> None:
    pieces = cut(text.encode(), 2000)
    assert b"".join(pieces) == text.encode()
    for piece in pieces:
        piece.decode()  # no character is cut in two
        assert max(map(len, piece.split()), default=0) <= 2000


def test_no_mark_is_cut_in_two() -> None:
    for before in range(1900, 2000):
        data = b"a" * before + b"<|im_end|>" + b"b" * 3000
        assert any(b"<|im_end|>" in piece for piece in cut(data, 2000)), before
