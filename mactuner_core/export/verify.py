"""The proof that a GGUF file says what the original model says. It is run on every file of every export.

Four checks: token ids equal, chat template renders equal, F16 logits agree with transformers, and a quantised file's
next-token distributions stay close to F16's (Kullback-Leibler divergence). It does not judge how good the model is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mactuner_core.chat.template import render
from mactuner_core.errors import InputError
from mactuner_core.export.gguf_file import check_gguf
from mactuner_core.export.llama_file import FloatArray, LlamaFile
from mactuner_core.export.reference import MAX_TOKENS, Reference
from mactuner_core.export.verify_texts import CONVERSATIONS

# F16 keeps 11 bits of a weight and llama.cpp rounds activations to F16 in its products, so a logit is off by about a
# thousandth of the spread of the logits (0.0006 to 0.002 of their standard deviation was measured, 0.01 at most). An error
# in the file (a permuted head, a missing bias, a wrong RoPE base, one layer from another checkpoint) moves logits by a
# large part of that spread. A twentieth lies clear of both. The limit is relative because the scale of logits is a
# model's own.
MAX_LOGIT_DIFFERENCE = 0.05
# Where two tokens are within rounding of each other the argmax may differ with nothing wrong: one position in 50.
MIN_ARGMAX_AGREEMENT = 0.98

# Mean KL divergence from F16, in nats. For models of some billion parameters llama.cpp's own figures are about 0.001 for
# Q8_0, 0.01 for Q5, 0.03 for Q4, 0.1 for Q3; for a model of 3M parameters a matrix has fewer weights to average over and
# they are several times larger. The limits are some ten times the figures of large models: they do not grade a quant, they
# catch a file that is broken, which is off by whole nats.
KL_LIMITS = {"Q8_0": 0.02, "Q6_K": 0.05, "Q5": 0.1, "Q4": 0.3, "IQ4": 0.3, "Q3": 0.8}
# KL alone is blind where a model is unsure: two flat distributions are close whatever the logits were. So the part of the
# logits' variance that quantising changed is limited as well; two unrelated files score 2.
MAX_VARIANCE_CHANGED = 0.25


def verify_file(
    path: Path,
    quant: str,
    reference: Reference,
    f16_logits: list[FloatArray] | None = None,
    f16_passed: bool = True,
    *,
    check: Callable[[], None] = lambda: None,
) -> tuple[dict[str, Any], list[FloatArray]]:
    """Return the report on the GGUF file `path` and its logits.

    Without `f16_logits` the file is the F16 one and is held against transformers; with them, against these. The report is
    `{"passed", "checks": [{"name", "passed", "code", "values"}], "token_ids", "template", "logits" or "kl"}`; `code` and
    `values` are a message. `check` is called between texts and may raise to stop.
    """
    facts = check_gguf(path)
    with LlamaFile(path, context=max(MAX_TOKENS, 64)) as file:
        tokens = _check_tokens(file, reference)
        template = _check_template(facts.chat_template, file, reference)
        logits = []
        for ids in reference.sequences:
            check()
            logits.append(file.logits(ids))
    report: dict[str, Any] = {"token_ids": tokens, "template": template}
    checks = [_entry("token_ids", tokens), _entry("template", template)]
    if f16_logits is None:
        report["logits"] = compare_logits(reference.logits, logits)
        checks.append(_entry("logits", report["logits"]))
    else:
        report["kl"] = compare_distributions(f16_logits, logits, kl_limit(quant))
        checks.append(_entry("kl", report["kl"]))
        checks.append(_entry("f16_source", {"passed": f16_passed}))
    passed = all(entry["passed"] for entry in checks)
    return {"passed": passed, "checks": checks, **report}, logits


def kl_limit(quant: str) -> float:
    """Return the largest mean KL divergence that a file of this type may have."""
    return next(limit for prefix, limit in KL_LIMITS.items() if quant.startswith(prefix))


def compare_logits(reference: list[FloatArray], found: list[FloatArray]) -> dict[str, Any]:
    """Return how far `found` is from `reference`; each is a list of (tokens, vocabulary).

    A file may have more rows of vocabulary than the tokenizer has tokens; the smaller number is compared.
    """
    width = min(reference[0].shape[1], found[0].shape[1])
    difference = max(float(np.abs(a[:, :width] - b[:, :width]).max()) for a, b in zip(reference, found, strict=True))
    spread = float(np.mean([a[:, :width].std(axis=1).mean() for a in reference]))
    same = [a[:, :width].argmax(1) == b[:, :width].argmax(1) for a, b in zip(reference, found, strict=True)]
    agreement = float(np.concatenate(same).mean())
    relative = difference / spread if spread else float("inf") if difference else 0.0
    passed = bool(np.isfinite(difference)) and relative <= MAX_LOGIT_DIFFERENCE and agreement >= MIN_ARGMAX_AGREEMENT
    return {
        "passed": passed,
        "positions": sum(len(s) for s in same),
        "max_abs_difference": difference,
        "spread": spread,
        "relative_difference": relative,
        "relative_limit": MAX_LOGIT_DIFFERENCE,
        "argmax_agreement": agreement,
        "argmax_limit": MIN_ARGMAX_AGREEMENT,
    }


def compare_distributions(f16: list[FloatArray], found: list[FloatArray], limit: float) -> dict[str, Any]:
    """Return the KL divergence of `found` from `f16` over all positions (nats), and how often the first choice is the same."""
    divergence, same, changed, variance = [], [], 0.0, 0.0
    for a, b in zip(f16, found, strict=True):
        p, q = _log_softmax(a), _log_softmax(b)
        divergence.append((np.exp(p) * (p - q)).sum(1))
        same.append(a.argmax(1) == b.argmax(1))
        centred = a - a.mean(1, keepdims=True)
        changed += float(((b - b.mean(1, keepdims=True) - centred) ** 2).sum(dtype=np.float64))
        variance += float((centred**2).sum(dtype=np.float64))
    each = np.concatenate(divergence)
    mean, share = float(each.mean()), changed / variance if variance else 0.0
    return {
        "passed": bool(np.isfinite(mean)) and mean <= limit and share <= MAX_VARIANCE_CHANGED,
        "positions": len(each),
        "mean": mean,
        "max": float(each.max()),
        "limit": limit,
        "top1_agreement": float(np.concatenate(same).mean()),
        "variance_changed": share,
        "variance_limit": MAX_VARIANCE_CHANGED,
    }


def _log_softmax(logits: FloatArray) -> np.ndarray[Any, np.dtype[np.float64]]:
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))


def _check_tokens(file: LlamaFile, reference: Reference) -> dict[str, Any]:
    wrong = []
    for name, (text, with_special, without) in reference.token_ids.items():
        for add_special, expected in ((True, with_special), (False, without)):
            found = file.tokenize(text, add_special=add_special)
            if found != expected:
                at = next((i for i, pair in enumerate(zip(expected, found, strict=False)) if pair[0] != pair[1]), -1)
                wrong.append({"text": name, "add_special": add_special, "expected": expected, "found": found, "at": at})
    different = sorted({str(entry["text"]) for entry in wrong})
    return {
        "passed": not wrong,
        "texts": len(reference.token_ids),
        "tokens": sum(len(ids) for _, ids, _ in reference.token_ids.values()),
        "different": different,
        "first_difference": wrong[0] if wrong else None,
    }


def _check_template(template: str | None, file: LlamaFile, reference: Reference) -> dict[str, Any]:
    """Render the file's own template, with its own bos and eos, as the server will."""
    bos, eos = file.special_text("bos"), file.special_text("eos")
    different = []
    for case in reference.rendered:
        messages = CONVERSATIONS[case.name]
        text: str | None = None
        if template is not None:
            try:
                text = render(
                    template, messages, add_generation_prompt=case.add_generation_prompt, bos_token=bos, eos_token=eos
                )
            except InputError:
                text = None
        if text != case.text or template is None:
            different.append({"conversation": case.name, "expected": case.text, "found": text})
    extra = template is not None and not reference.has_template
    return {
        "passed": not different and not extra,
        "has_template": reference.has_template,
        "conversations": len(reference.rendered),
        "different": sorted({str(entry["conversation"]) for entry in different}) or (["template"] if extra else []),
        "first_difference": different[0] if different else None,
    }


def _entry(name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return one line of the list of checks, with the message that describes it."""
    values: dict[str, Any] = {
        key: value for key, value in result.items() if isinstance(value, int | float) and key != "passed"
    }
    if "different" in result:
        values["different"] = ", ".join(result["different"]) or "–"
    state = "" if result["passed"] else "_failed"
    return {"name": name, "passed": result["passed"], "code": f"export.check_{name}{state}", "values": values}
