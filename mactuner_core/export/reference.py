"""What the original model says: token ids, rendered conversations and float32 logits, from transformers and PEFT.

The reference is the base with its adapter beside it, not the merged folder, so that a wrong merge shows too. The model is
loaded once and is gone from memory when `make_reference` returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mactuner_core.export.llama_file import FloatArray
from mactuner_core.export.merge import Source, load_dtype, load_with_adapter
from mactuner_core.export.verify_texts import CONVERSATIONS, TEXTS, special_text

MAX_TOKENS = 64  # of one text; the logits of all positions are kept
MAX_LOGIT_BYTES = 256_000_000
MAX_SPECIAL_TOKENS = 24


@dataclass(frozen=True)
class Rendered:
    """One conversation as the original template renders it; `text` is None when the template refuses it."""

    name: str
    add_generation_prompt: bool
    text: str | None


@dataclass(frozen=True)
class Reference:
    """The original's answers. `token_ids` has (text, with special tokens, without); `logits` go with `sequences`."""

    token_ids: dict[str, tuple[str, list[int], list[int]]]
    has_template: bool
    rendered: list[Rendered]
    sequences: list[list[int]]
    logits: list[FloatArray]


def make_reference(source: Source, *, check: Callable[[], None] = lambda: None) -> Reference:
    """Return what the original says on the fixed texts; `check` is called between texts and may raise to stop."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source.tokenizer)
    token_ids = _token_ids(tokenizer)
    rendered = _rendered(tokenizer)
    sequences, logits = _logits(source, _sequences(tokenizer, token_ids, rendered), check)
    return Reference(token_ids, bool(tokenizer.chat_template), rendered, sequences, logits)


def _token_ids(tokenizer: Any) -> dict[str, tuple[str, list[int], list[int]]]:
    special = list(dict.fromkeys(token.content for token in tokenizer.added_tokens_decoder.values() if token.special))
    texts = TEXTS | {"special_tokens": special_text(special[:MAX_SPECIAL_TOKENS])}
    found = {}
    for name, text in texts.items():
        ids = [list(tokenizer(text, add_special_tokens=add).input_ids) for add in (True, False)]
        found[name] = (text, ids[0], ids[1])
    return found


def _rendered(tokenizer: Any) -> list[Rendered]:
    if not tokenizer.chat_template:
        return []
    found = []
    for name, messages in CONVERSATIONS.items():
        for prompt in (True, False):
            try:
                text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt)
            except Exception:  # a template may refuse a role; then the GGUF's must refuse it as well
                text = None
            found.append(Rendered(name, prompt, text))
    return found


def _sequences(
    tokenizer: Any, token_ids: dict[str, tuple[str, list[int], list[int]]], rendered: list[Rendered]
) -> list[list[int]]:
    """The token sequences whose logits are compared: conversations first, as the model will be used on them."""
    chats = [
        tokenizer(r.text, add_special_tokens=False).input_ids
        for r in rendered
        if r.text and not r.add_generation_prompt
    ]
    texts = [ids for _, ids, _ in token_ids.values()]
    return [list(ids[:MAX_TOKENS]) for ids in (*chats, *texts) if ids]


def _logits(
    source: Source, sequences: list[list[int]], check: Callable[[], None]
) -> tuple[list[list[int]], list[FloatArray]]:
    import torch

    dtype = load_dtype(source.model)
    model = load_with_adapter(source.model, source.adapter, dtype)
    if dtype != "float32":
        compute_in_float32(model)
    used: list[list[int]] = []
    found: list[FloatArray] = []
    total_bytes = 0
    with torch.inference_mode():
        for ids in sequences:
            check()
            logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float().numpy()
            total_bytes += logits.nbytes
            if total_bytes > MAX_LOGIT_BYTES and used:
                break
            used.append(ids)
            found.append(logits.copy())
    return used, found


def compute_in_float32(model: Any) -> None:
    """Let a model stored in 16 bits compute in float32, one module's weights at a time, where all do not fit in memory.

    Widening a 16-bit weight loses nothing, so the logits are those of the float32 model.
    """

    def widen(module: Any, _inputs: Any) -> None:
        module.narrow_weights = {name: p.data for name, p in module.named_parameters(recurse=False)}
        for parameter in module.parameters(recurse=False):
            parameter.data = parameter.data.float()

    def narrow(module: Any, _inputs: Any, _output: Any) -> None:
        for name, parameter in module.named_parameters(recurse=False):
            parameter.data = module.narrow_weights[name]
        del module.narrow_weights

    for module in model.modules():
        if next(module.parameters(recurse=False), None) is not None:
            module.register_forward_pre_hook(widen)
            module.register_forward_hook(narrow)
