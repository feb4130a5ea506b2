"""A model that thinks before it answers and can fill in, and a server over it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.serving.conftest import Running

THOUGHT, SAID = "Let me see.", "Because it is so."
_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"
    "{%- endif %}"
)


@pytest.fixture(scope="session")
def thinker(start: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A server over a model that was taught to think, and whose vocabulary has the tokens for filling in."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from mactuner_core.export.convert import merge_and_convert
    from mactuner_core.export.merge import Source
    from tests.tiny_models import teach, tiny_qwen3

    folder = tiny_qwen3(tmp_path_factory.mktemp("thinker") / "model", vocabulary=500)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|im_start|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]}
    )
    tokenizer.chat_template = _TEMPLATE
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.resize_token_embeddings(len(tokenizer))
    model.config.max_position_embeddings = 4096
    model.save_pretrained(folder)
    teach(folder, {"Why?": f"<think>\n{THOUGHT}\n</think>\n\n{SAID}", "Say hello": "Hello!"})
    gguf = folder.parent / "thinker-F16.gguf"
    merge_and_convert(Source(folder), gguf, scratch=folder.parent / "scratch", name="thinker")
    return start(model=[str(gguf)], embedding_model="none")
