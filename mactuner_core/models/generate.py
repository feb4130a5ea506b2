"""Answers of a Hugging Face model folder, with or without an adapter, by transformers.

For the scores before and after training. Chatting goes through the server; there is no streaming here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.hardware import torch_device
from mactuner_core.models.quiet import quiet_transformers
from mactuner_core.models.tokenizer_files import tokenizer_folder
from mactuner_core.models.vocabulary import grow_vocabulary

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Loaded:
    """A model ready to answer: the transformers model and tokenizer, and the ids that end an answer."""

    model: Any
    tokenizer: Any
    stop_ids: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """What the model said: the text without special tokens, how many tokens it wrote, and the seconds of its batch."""

    text: str
    tokens: int
    seconds: float


def load(path: Path, adapter: Path | None = None) -> Loaded:
    """Return the model in `path`, with the LoRA adapter in `adapter` on top, on the best device of this machine."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet_transformers()
    device, _ = torch_device()
    dtype = torch.float32 if device == "cpu" else "auto"
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder(path, adapter))
    model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype)
    if adapter is not None:
        from peft import PeftModel

        grow_vocabulary(model, tokenizer)
        model = PeftModel.from_pretrained(model, str(adapter))
    model.to(device).eval()
    return Loaded(model, tokenizer, stop_ids(model, tokenizer))


def answer(
    loaded: Loaded, messages: Messages, max_tokens: int = 256, temperature: float = 0.0, seed: int | None = None
) -> Answer:
    """Return the model's answer to one conversation; temperature 0 is greedy."""
    return answers(loaded, [messages], max_tokens, temperature, seed)[0]


def answers(
    loaded: Loaded,
    conversations: Sequence[Messages],
    max_tokens: int = 256,
    temperature: float = 0.0,
    seed: int | None = None,
    batch_size: int = 16,
) -> list[Answer]:
    """Return one answer for each conversation, in order; batches are padded on the left.

    Every conversation is rendered with the model's own chat template. `seed` makes sampling repeatable.
    """
    prompts = [prompt_ids(loaded.tokenizer, messages) for messages in conversations]
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    found: dict[int, Answer] = {}
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        found |= zip(part, complete(loaded, [prompts[i] for i in part], max_tokens, temperature, seed), strict=True)
    return [found[index] for index in range(len(prompts))]


def prompt_ids(tokenizer: Any, messages: Messages) -> list[int]:
    """Return the token ids of a conversation up to where the assistant speaks; the template writes every special token."""
    text = tokenizer.apply_chat_template([dict(m) for m in messages], tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def stop_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Return every id that ends an answer: the tokenizer's, the model's, and the known end-of-turn tokens."""
    configured = model.generation_config.eos_token_id
    ids = {tokenizer.eos_token_id, *(configured if isinstance(configured, list) else [configured])}
    vocabulary = tokenizer.get_vocab()
    marks = ("<|im_end|>", "<|eot_id|>", "<|eot|>", "<end_of_turn>", "<|end|>", "[|endofturn|]", "<|endofturn|>")
    return tuple(sorted({vocabulary[mark] for mark in marks if mark in vocabulary} | {i for i in ids if i is not None}))


def complete(
    loaded: Loaded, prompts: list[list[int]], max_tokens: int, temperature: float = 0.0, seed: int | None = None
) -> list[Answer]:
    """Return what the model writes after each prompt of token ids, all in one batch."""
    import torch

    pad = loaded.tokenizer.pad_token_id if loaded.tokenizer.pad_token_id is not None else loaded.stop_ids[0]
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    settings: dict[str, Any] = {"do_sample": temperature > 0, "max_new_tokens": max_tokens, "pad_token_id": pad}
    # what a model's own generation_config says of sampling must not reach a greedy answer
    settings |= (
        {"temperature": temperature, "top_k": 0, "top_p": 1.0}
        if temperature > 0
        else dict.fromkeys(("temperature", "top_k", "top_p"))
    )
    started = time.perf_counter()
    device = next(loaded.model.parameters()).device
    with torch.inference_mode(), torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        output = loaded.model.generate(
            input_ids=ids.to(device), attention_mask=mask.to(device), eos_token_id=list(loaded.stop_ids), **settings
        )
    seconds = time.perf_counter() - started
    return [_answer(loaded, row, seconds) for row in output[:, width:].tolist()]


def _answer(loaded: Loaded, row: list[int], seconds: float) -> Answer:
    end = next((place for place, token in enumerate(row) if token in loaded.stop_ids), len(row))
    text = loaded.tokenizer.decode(row[:end], skip_special_tokens=True)
    return Answer(text, min(end + 1, len(row)), seconds)
