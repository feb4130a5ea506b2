"""A tokenizer with more tokens than its model has rows, and rows of the vocabulary that nobody has trained yet.

A chat template brings marks such as <|im_start|>. Their rows may be missing, or there and empty; both must be learned, or
the model can neither read nor write them.
"""

from __future__ import annotations

from typing import Any


def grow_vocabulary(model: Any, tokenizer: Any) -> int:
    """Add the rows that `tokenizer` has tokens for and `model` lacks, and return how many; spare rows stay."""
    rows = int(model.get_input_embeddings().weight.shape[0])
    if len(tokenizer) <= rows:
        return 0
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    for end in (model.get_input_embeddings(), model.get_output_embeddings()):
        end.weight.data[rows:] = end.weight.data[:rows].mean(dim=0)  # a new row says nothing until it is trained
    return len(tokenizer) - rows


def untrained_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Return the ids of added tokens that the chat template writes and whose row was never trained, ascending.

    A row counts as untrained when it is nothing beside the others (all zeros, or as base models leave reserved tokens), or
    equal to another added token's: rows that were trained differ.
    """
    import torch

    template = str(tokenizer.chat_template or "")
    weight = model.get_input_embeddings().weight.detach()
    written = {number for number, token in tokenizer.added_tokens_decoder.items() if token.content in template}
    written |= {number for number in (tokenizer.bos_token_id, tokenizer.eos_token_id) if number is not None}
    added = sorted(number for number in tokenizer.added_tokens_decoder if number < weight.shape[0])
    if not added or not template:
        return []
    rows = weight[added].float()
    length = rows.norm(dim=1)
    usual = weight[:: max(1, len(weight) // 1024)].float().norm(dim=1).median()
    empty = length < usual * 0.01
    alike = (torch.cdist(rows, rows) < usual * 1e-4).sum(dim=1) > 1
    return [
        number for number, fresh in zip(added, (empty | alike).tolist(), strict=True) if fresh and number in written
    ]
