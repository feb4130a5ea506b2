"""One small model that was really taught a few answers, its GGUF file, and a server over it, made once for all tests."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import openai
import pytest

from serving.server import serve
from serving.settings import ServeSettings

LONG_ANSWER = " ".join(str(number) for number in range(1, 46))
PAIRS = {
    "계약은 언제 성립하나요?": "청약과 승낙이 합치하면 성립한다. 😀👍",
    "소멸시효는 몇 년인가요?": "채권은 10년간 행사하지 않으면 소멸한다.",
    "Who jumps over the dog?": "The quick brown fox jumps over the lazy dog.",
    "What do you show?": "emoji: 😀 👨‍👩‍👧 👍 – and 한글 too.",
    "임대차 기간은?": "존속기간은 당사자가 정한다.",
    "Say hello": "Hello, world!",
    "Count": LONG_ANSWER,
    "상속은 언제까지?": "상속개시 있음을 안 날로부터 3월 내에 할 수 있다.",
}


@dataclass(frozen=True)
class Taught:
    """The model's folder and its GGUF file; `pairs` is what it was taught."""

    folder: Path
    gguf: Path
    pairs: dict[str, str]

    def greedy(self, messages: list[dict[str, str]], max_tokens: int) -> str:
        """Return what transformers answers greedily to `messages`."""
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        model = AutoModelForCausalLM.from_pretrained(self.folder, dtype=torch.float32)
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
        with torch.no_grad():
            made = model.generate(**prompt, max_new_tokens=max_tokens, do_sample=False)
        return str(tokenizer.decode(made[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True))


@dataclass(frozen=True)
class Running:
    """A server that runs: its address without /v1, its model's name and an openai client for it."""

    url: str
    name: str
    client: openai.OpenAI


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    from mactuner_core.export.convert import merge_and_convert
    from mactuner_core.export.merge import Source
    from tests.tiny_models import teach, tiny_qwen3

    folder = tiny_qwen3(tmp_path_factory.mktemp("taught") / "model", vocabulary=500, context=4096)
    teach(folder, PAIRS)
    gguf = folder.parent / "taught-F16.gguf"
    merge_and_convert(Source(folder), gguf, scratch=folder.parent / "scratch", name="taught")
    return Taught(folder, gguf, PAIRS)


@pytest.fixture(scope="session")
def adapter(taught: Taught, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter of the taught model as a GGUF file; its answers differ from the model's own."""
    from mactuner_core.export.converter import converter_folder
    from tests.tiny_models import lora_adapter

    folder = lora_adapter(taught.folder, tmp_path_factory.mktemp("lora") / "adapter", r=8, lora_alpha=64)
    file = folder.parent / "adapter.gguf"
    script = converter_folder() / "convert_lora_to_gguf.py"
    command = [sys.executable, str(script), "--base", str(taught.folder), "--outfile", str(file), "--outtype", "f16"]
    subprocess.run([*command, str(folder)], check=True, capture_output=True)
    return file


@pytest.fixture(scope="session")
def start(taught: Taught) -> Iterator[Callable[..., Running]]:
    """A function that starts a server in this process with settings of its own; all are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def one(api_key: str = "-", **values: Any) -> Running:
            return stack.enter_context(
                running({"model": str(taught.gguf), "port": 0, "n_threads": 1, **values}, api_key)
            )

        yield one


@pytest.fixture(scope="session")
def server(start: Callable[..., Running]) -> Running:
    """The server that most tests share: four sequences at once."""
    return start(n_ctx=4096)


@contextlib.contextmanager
def running(values: dict[str, Any], api_key: str = "-") -> Iterator[Running]:
    """Serve in a thread of this process until the end of the block."""
    stop = threading.Event()
    answers: SimpleQueue[tuple[str, list[str]] | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            serve(
                ServeSettings.check(values),
                on_ready=lambda url, models: answers.put((url, models)),
                on_warning=lambda key: None,
                should_stop=stop.is_set,
            )
        except BaseException as problem:
            answers.put(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    answer = answers.get(timeout=180)
    if isinstance(answer, BaseException):
        raise answer
    url, models = answer
    try:
        with openai.OpenAI(base_url=url, api_key=api_key, max_retries=0, timeout=180) as client:
            yield Running(url.removesuffix("/v1"), models[0], client)
    finally:
        stop.set()
        thread.join(timeout=180)
        assert not thread.is_alive()


def ask(question: str) -> list[Any]:
    """Return the messages of one question."""
    return [{"role": "user", "content": question}]
