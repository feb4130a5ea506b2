"""What the model answers to the person's test prompts while it learns: short, greedy, all at once.

Draws no random number and leaves the model in the mode it was in, so that a run is the same with and without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mactuner_core.models.generate import Loaded, complete, prompt_ids, stop_ids

MOST_TOKENS = 64
BATCH = 16


def sample_answers(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, system: str | None, plain: bool
) -> list[dict[str, str]]:
    """Return `[{"prompt", "answer"}]` in order.

    Each prompt is asked after the `system` prompt that the data has, or, with `plain`, gone on with as a text without a chat.
    """
    loaded = Loaded(model, tokenizer, stop_ids(model, tokenizer))
    start = [{"role": "system", "content": system}] if system else []
    ids = [
        list(tokenizer(prompt)["input_ids"])
        if plain
        else prompt_ids(tokenizer, [*start, {"role": "user", "content": prompt}])
        for prompt in prompts
    ]
    training = model.training
    model.eval()
    try:
        parts = [ids[begin : begin + BATCH] for begin in range(0, len(ids), BATCH)]
        found = [answer.text for part in parts for answer in complete(loaded, part, MOST_TOKENS)]
    finally:
        model.train(training)
    return [{"prompt": prompt, "answer": answer} for prompt, answer in zip(prompts, found, strict=True)]


def common_system(rows: Sequence[Any]) -> str | None:
    """Return the system prompt that all conversations begin with, None when they differ or are none."""
    firsts = {
        row[0]["content"] if isinstance(row, list) and row and row[0]["role"] == "system" else None for row in rows
    }
    return firsts.pop() if len(firsts) == 1 else None
