"""Which of llama.cpp's pre-tokenizers splits text as this tokenizer.json does.

The converter knows published tokenizers by a hash of token ids. A tokenizer trained here has another vocabulary and so
another hash, but the way it splits text before BPE is one of the known families, and that is written in tokenizer.json:
the regular expressions of `pre_tokenizer`, and whether merges are ignored. The token-id check of `verify.py` is the proof.

Sources: the regular expressions in llama.cpp `src/llama-vocab.cpp` (with the originals in its comments) and the
tokenizer.json of the models named beside each family.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError

_ENGLISH = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_MARKS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
_CASED_LOW = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
_CASED_UP = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
_CASED_MARKS = r" ?[^\s\p{L}\p{N}]+[\r\n/]*"

QWEN2 = rf"{_ENGLISH}|{_WORDS}|\p{{N}}|{_MARKS}|{_SPACES}"
QWEN35 = rf"{_ENGLISH}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}"
LLAMA3 = rf"{_ENGLISH}|{_WORDS}|\p{{N}}{{1,3}}|{_MARKS}|{_SPACES}"
GPT4O = rf"{_CASED_LOW}{_ENGLISH}?|{_CASED_UP}{_ENGLISH}?|\p{{N}}{{1,3}}|{_CASED_MARKS}|{_SPACES}"
TEKKEN = rf"{_CASED_LOW}|{_CASED_UP}|\p{{N}}|{_CASED_MARKS}|{_SPACES}"
# What `ByteLevel(use_regex=True)` splits by: GPT-2's expression, built into the tokenizers library.
BYTE_LEVEL = "ByteLevel"
DIGITS = "Digits"

# (steps of the pre-tokenizer, ignore_merges) → tokenizer.ggml.pre
_FAMILIES: dict[tuple[tuple[str, ...], bool], str] = {
    ((QWEN2,), False): "qwen2",  # Qwen2, Qwen2.5, Qwen3, and the starter model
    ((QWEN35,), False): "qwen35",  # Qwen3.5
    ((LLAMA3,), True): "llama-bpe",  # Llama 3
    ((LLAMA3,), False): "smaug-bpe",  # the same expression with merges obeyed
    ((GPT4O,), False): "gpt-4o",
    ((TEKKEN,), True): "tekken",  # Mistral Nemo
    ((BYTE_LEVEL,), False): "gpt-2",
    ((DIGITS, BYTE_LEVEL), False): "smollm",  # SmolLM, StarCoder: digits one by one, then GPT-2
}
KNOWN = tuple(sorted(_FAMILIES.values()))


def family_of(tokenizer_json: Path) -> str:
    """Return the `tokenizer.ggml.pre` of a byte-level BPE tokenizer; raises InputError when its family is not known."""
    data = json.loads(tokenizer_json.read_text(encoding="utf-8"))
    model = data.get("model") or {}
    steps = _steps(data.get("pre_tokenizer"))
    family = _FAMILIES.get((steps, bool(model.get("ignore_merges"))))
    if family is None or model.get("type") != "BPE":
        found = " + ".join(steps)[:200] or str(model.get("type"))
        raise InputError("export.unknown_pretokenizer", path=tokenizer_json, found=found, known=", ".join(KNOWN))
    return family


def _steps(part: dict[str, Any] | None) -> tuple[str, ...]:
    """Return what splits the text, in order; a byte-level step that only maps bytes splits nothing."""
    if not part:
        return ()
    kind = part.get("type")
    if kind == "Sequence":
        return tuple(step for inner in part.get("pretokenizers", []) for step in _steps(inner))
    if kind == "ByteLevel":
        if part.get("add_prefix_space"):
            return ("ByteLevel with add_prefix_space",)
        return (BYTE_LEVEL,) if part.get("use_regex", True) else ()
    if kind == "Digits" and part.get("individual_digits"):
        return (DIGITS,)
    # "Removed" with `invert` keeps exactly the matches, which is what "Isolated" does when all text matches.
    keeps_matches = part.get("behavior") == ("Removed" if part.get("invert") else "Isolated")
    if kind == "Split" and keeps_matches and isinstance(part.get("pattern"), dict):
        return tuple(str(pattern) for pattern in part["pattern"].values())
    return (json.dumps(part, ensure_ascii=False),)
