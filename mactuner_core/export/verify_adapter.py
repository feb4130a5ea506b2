"""The proof that an adapter file, put on its base in llama.cpp, does what PEFT does with the adapter on the same base.

The checks of a model file are run with the adapter on, and one more: what the adapter changes in the logits must be what it
changes in PEFT. Without it an adapter that does little could be missing, or twice as strong, within the limits of a file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mactuner_core.export.gguf_adapter import LORA, check_adapter
from mactuner_core.export.llama_file import FloatArray
from mactuner_core.export.merge import Source
from mactuner_core.export.reference import make_reference
from mactuner_core.export.verify import entry_of, verify_file

# Rounding in F16 moves the logits by the same amount with and without an adapter: the change was off by 0.0006 to 0.0011 of
# the logits' spread, whether the adapter moved them by 0.0003 or by 0.7 of it. A missing adapter is off by all of the change,
# a factor of 1.1 by a tenth of it. So the limit is a twentieth of the change, but no less than rounding can do.
MAX_EFFECT_DIFFERENCE = 0.05
ROUNDING = 0.003


def verify_adapter(
    adapter: Path, base: Path, source: Source, *, check: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Return the report on `adapter` with the F16 file `base` of its model; `source` is the original of both.

    The report is as `verify_file` gives it, with "effect". Raises InputError when the adapter does not fit the base.
    """
    check_adapter(adapter, base)
    plain = make_reference(Source(source.model), check=check)
    _, plain_logits = verify_file(base, "F16", plain, check=check)
    tuned = make_reference(source, check=check)
    report, logits = verify_file(base, LORA, tuned, adapter=adapter, check=check)
    if plain.sequences != tuned.sequences:  # other token ids: the check of these says so
        return report | {"passed": False}
    effect = compare_effect(
        changes(tuned.logits, plain.logits), changes(logits, plain_logits), report["logits"]["spread"]
    )
    checks = [*report["checks"], entry_of("effect", effect)]
    return report | {"passed": report["passed"] and effect["passed"], "checks": checks, "effect": effect}


def changes(tuned: list[FloatArray], plain: list[FloatArray]) -> list[FloatArray]:
    """Return what the adapter changed in the logits, for each text."""
    return [a - b for a, b in zip(tuned, plain, strict=True)]


def compare_effect(reference: list[FloatArray], found: list[FloatArray], spread: float) -> dict[str, Any]:
    """Return how far two changes of the logits are apart; `spread` is that of the logits themselves."""
    width = min(reference[0].shape[1], found[0].shape[1])
    wanted, got = (np.concatenate([one[:, :width] for one in both]) for both in (reference, found))
    scale = spread or 1.0
    effect, error = _rms(wanted) / scale, _rms(got - wanted) / scale
    limit = max(MAX_EFFECT_DIFFERENCE * effect, ROUNDING)
    return {"passed": error <= limit, "positions": len(wanted), "effect": effect, "error": error, "limit": limit}


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))
