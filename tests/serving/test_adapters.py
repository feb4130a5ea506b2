"""LoRA adapters and several models through the API: chosen by the model's name, listed, and refused when they do not fit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from mactuner_core.errors import MacTunerError
from serving.models import resolve_all
from serving.settings import ServeSettings
from tests.serving.conftest import PAIRS, Running, Taught, ask


def greedy(server: Running, model: str, question: str) -> str:
    """Return a greedy answer of one of the server's models."""
    whole = server.client.chat.completions.create(model=model, messages=ask(question), temperature=0, max_tokens=60)
    assert whole.model == model
    return whole.choices[0].message.content or ""


def test_the_model_s_name_chooses_the_adapter(start: Callable[..., Running], adapter: Path) -> None:
    server = start(adapter=[f"tuned={adapter}"], n_ctx=4096)
    names = [one.id for one in server.client.models.list().data]
    assert names[:2] == [server.name, "tuned"]
    plain, tuned = greedy(server, server.name, "Say hello"), greedy(server, "tuned", "Say hello")
    assert plain == PAIRS["Say hello"] != tuned
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda n: greedy(server, "tuned" if n % 2 else server.name, "Say hello"), range(12)))
    assert found == [plain, tuned] * 6
    with pytest.raises(openai.NotFoundError, match="tuned"):
        greedy(server, "other", "Say hello")


def test_several_models_answer_by_name(start: Callable[..., Running], taught: Taught, tmp_path: Path) -> None:
    second = tmp_path / "second.gguf"
    shutil.copy(taught.gguf, second)
    server = start(model=[str(taught.gguf), str(second)], n_ctx=512)
    assert greedy(server, server.name, "Say hello") == greedy(server, "second", "Say hello") == PAIRS["Say hello"]


def test_names_and_files_are_checked_before_anything_is_loaded(taught: Taught, adapter: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    shutil.copy(taught.gguf, other)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(adapter.read_bytes()[:100])
    base = {"model": [str(taught.gguf)]}
    for values, word in (
        ({"adapter": [f"{taught.gguf.stem}={adapter}"]}, taught.gguf.stem),
        ({"adapter": [f"tuned={adapter}@nobody"]}, "nobody"),
        ({"adapter": [f"tuned={other}"]}, "other"),
        ({"adapter": [f"tuned={broken}"]}, "broken"),
        ({"adapter": [f"tuned={tmp_path}/none.gguf"]}, "none"),
        ({"model": [str(taught.gguf), str(taught.gguf)]}, taught.gguf.stem),
        ({"model": [str(adapter)]}, "adapter"),
    ):
        with pytest.raises(MacTunerError, match=word):
            resolve_all(ServeSettings.check(base | values))
