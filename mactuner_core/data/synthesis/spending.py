"""What a request may cost at most, so that the budget holds before it is sent."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mactuner_core.data.synthesis.endpoint import Reply

TEMPLATE_TOKENS = 64  # what a chat template puts around a prompt


@dataclass
class Spending:
    """Learned from the replies so far; before the first, a token is taken for one byte, which no tokenizer undercuts."""

    max_tokens: int
    tokens_per_byte: float = 0.0

    def estimate(self, prompt: str) -> int:
        """Return the most tokens that prompt and reply may cost together."""
        size = len(prompt.encode("utf-8"))
        prompt_tokens = math.ceil(size * self.tokens_per_byte * 1.1) if self.tokens_per_byte else size
        return prompt_tokens + TEMPLATE_TOKENS + self.max_tokens

    def learn(self, prompt: str, reply: Reply) -> int:
        """Return what the reply did cost: what the endpoint reports, or the most it can have been."""
        if reply.prompt_tokens is None or reply.completion_tokens is None:
            return self.estimate(prompt)
        self.tokens_per_byte = max(self.tokens_per_byte, reply.prompt_tokens / len(prompt.encode("utf-8")))
        self.max_tokens = max(self.max_tokens, reply.completion_tokens)
        return reply.prompt_tokens + reply.completion_tokens
