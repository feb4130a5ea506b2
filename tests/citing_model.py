"""A small model that was really taught to answer questions about a collection, with the number of a source in its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mactuner_core.rag.answer import answer_language, pack, with_sources
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.config import SearchConfig
from tests.tiny_models import tiny_qwen3

CONTEXT = 8192  # tokens; of a small vocabulary, so a page of Korean takes thousands


def citing_model(folder: Path, collection: Collection, answers: dict[str, str]) -> Path:
    """Write a model into `folder` that answers the questions of `answers` in its words, with their sources before it."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tiny_qwen3(folder, vocabulary=500, context=CONTEXT)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    rows = []
    for question, answer in answers.items():
        chat = [*_asked(collection, question, tokenizer), {"role": "assistant", "content": answer}]
        whole = tokenizer.apply_chat_template(chat, return_tensors="pt", return_dict=True)["input_ids"]
        rows.append((whole, len(tokenizer(f"{answer}<|im_end|>\n").input_ids)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3)
    for _ in range(200):
        losses = [_loss(model, ids, kept) for ids, kept in rows]
        optimizer.zero_grad()
        torch.stack(losses).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if max(loss.item() for loss in losses) < 0.02:
            break
    model.half().float().save_pretrained(folder)
    return folder


def _asked(collection: Collection, question: str, tokenizer: Any) -> list[dict[str, Any]]:
    """Return the question with the sources that the server puts before it."""
    config = SearchConfig()
    packed = pack(
        collection.search(question, config),
        collection.neighbours,
        lambda text: len(tokenizer(text).input_ids),
        CONTEXT - 1024,
        window=config.window,
    )
    assert packed.sources, "the model is to learn from the very prompt that it will get"
    return with_sources([{"role": "user", "content": question}], packed, answer_language(question))


def _loss(model: Any, ids: Any, kept: int) -> Any:
    """Return the loss of the last `kept` tokens."""
    import torch

    logits = model(input_ids=ids, logits_to_keep=kept + 1).logits[0, :-1]
    return torch.nn.functional.cross_entropy(logits, ids[0, -kept:])
