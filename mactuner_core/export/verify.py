"""The proof that a GGUF file says what the original model says. It is run on every file of every export.

Four checks: token ids equal, chat template renders equal, F16 logits agree with transformers, and a quantised file's
next-token distributions stay close to F16's (Kullback-Leibler divergence). It does not judge how good the model is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mactuner_core.errors import InputError
from mactuner_core.export.gguf_file import check_gguf
from mactuner_core.export.llama_file import FloatArray, LlamaFile
from mactuner_core.export.reference import MAX_TOKENS, Reference
from mactuner_core.export.verify_texts import CONVERSATIONS
from mactuner_core.models.template import render

# F16 keeps 11 bits of a weight and llama.cpp rounds activations to F16 in its products; an error in the file (a permuted
# head, a missing bias, a wrong RoPE base, one layer from another checkpoint) moves the logits by a large part of their
# spread. So the limits are shares of that spread, because the scale of logits is a model's own. Root mean square: 0.0009 to
# 0.0014 was measured for honest files (random models of 0.1M and 59M, a trained one of 3M), 0.04 to 0.1 for a mild fault,
# one matrix of one layer scaled by 1.1. The limit lies between; it is a normalised squared error of 1e-4, the border of
# "excellent" in llama.cpp's own check (examples/model-conversion/scripts/utils/check-nmse.py).
MAX_RMS_DIFFERENCE = 0.01
# The largest of a million differences is an outlier: 0.01 to 0.03 was measured, 0.2 to 1 with the mild fault. This catches
# one spoilt token or position.
MAX_LOGIT_DIFFERENCE = 0.2
# Where two tokens are within rounding of each other the argmax may differ with nothing wrong: one position in 50.
MIN_ARGMAX_AGREEMENT = 0.98

# Mean KL divergence from F16, in nats. llama.cpp measured, for a model of 8B parameters, 0.0014 at Q8_0, 0.0055 at Q6_K,
# 0.011 at Q5_K_M, 0.031 at Q4_K_M and 0.10 at Q3_K_M (tools/perplexity/README.md). Here a trained model of 3M gave 0.0003,
# 0.003, 0.006, 0.018 and 0.06, and a random one of 59M, the worst case, 0.0014, 0.011, 0.026, 0.08 and 0.20 (Q4_0: 0.14,
# Q5_0: 0.04). The limits are at least twice the worst of these: they do not grade a quant, they catch a broken file,
# which is off by whole nats.
KL_LIMITS = {"Q8_0": 0.02, "Q6_K": 0.05, "Q5": 0.1, "Q4": 0.3, "IQ4": 0.3, "Q3": 0.8}
# KL alone is blind where a model is unsure: two flat distributions are close whatever the logits were. So the error may not
# be as large as the logits' own variance: 0.02 (trained) to 0.5 (random, Q3_K_M) were measured, unrelated files score 2.
MAX_VARIANCE_CHANGED = 1.0


def verify_file(
    path: Path,
    quant: str,
    reference: Reference,
    f16_logits: list[FloatArray] | None = None,
    f16_passed: bool = True,
    *,
    adapter: Path | None = None,
    check: Callable[[], None] = lambda: None,
) -> tuple[dict[str, Any], list[FloatArray]]:
    """Return the report on the GGUF file `path` and its logits.

    Without `f16_logits` the file is the F16 one, with `adapter` on it where one is given, and is held against transformers
    and PEFT; with them, against these. The report is
    `{"passed", "checks": [{"name", "passed", "code", "values"}], "token_ids", "template", "logits" or "kl"}`; `code` and
    `values` are a message. `check` is called between texts and may raise to stop.
    """
    facts = check_gguf(path)
    with LlamaFile(path, context=max(MAX_TOKENS, 64), adapter=adapter) as file:
        tokens = _check_tokens(file, reference)
        template = _check_template(facts.chat_template, file, reference)
        logits = []
        for ids in reference.sequences:
            check()
            logits.append(file.logits(ids))
    report: dict[str, Any] = {"token_ids": tokens, "template": template}
    checks = [entry_of("token_ids", tokens), entry_of("template", template)]
    if f16_logits is None:
        report["logits"] = compare_logits(reference.logits, logits)
        checks.append(entry_of("logits", report["logits"]))
    else:
        report["kl"] = compare_distributions(f16_logits, logits, kl_limit(quant))
        checks.append(entry_of("kl", report["kl"]))
        checks.append(entry_of("f16_source", {"passed": f16_passed}))
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
    pairs = list(zip(reference, found, strict=True))
    difference = float(np.max([np.abs(a[:, :width] - b[:, :width]).max() for a, b in pairs]))
    spread = float(np.mean([a[:, :width].std(axis=1).mean() for a in reference]))
    same = [a[:, :width].argmax(1) == b[:, :width].argmax(1) for a, b in pairs]
    agreement = float(np.concatenate(same).mean())
    error = sum(float(((a[:, :width] - b[:, :width]) ** 2).sum(dtype=np.float64)) for a, b in pairs)
    positions = sum(len(one) for one in same)
    scale = spread or 1.0
    relative, rms = difference / scale, float(np.sqrt(error / (positions * width))) / scale
    passed = rms <= MAX_RMS_DIFFERENCE and relative <= MAX_LOGIT_DIFFERENCE and agreement >= MIN_ARGMAX_AGREEMENT
    return {
        "passed": passed,
        "positions": positions,
        "max_abs_difference": difference,
        "spread": spread,
        "rms_difference": rms,
        "rms_limit": MAX_RMS_DIFFERENCE,
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


def entry_of(name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return one line of a report's list of checks, with the message that describes it."""
    values: dict[str, Any] = {
        key: value for key, value in result.items() if isinstance(value, int | float) and key != "passed"
    }
    if "different" in result:
        values["different"] = ", ".join(result["different"]) or "–"
    state = "" if result["passed"] else "_failed"
    return {"name": name, "passed": result["passed"], "code": f"export.check_{name}{state}", "values": values}
