"""Personal data: finding it in Korean text, masking it by tag or consistent pseudonym, and proving that none is left.

`find` says where it is, `Masker` replaces it as a `MaskPolicy` says. What it does not do: understand a sentence. A place
without a number, a company's hotline, a nickname nobody gave and anything described in words ("옆집 사는 그 의사") stay.
"""

from mactuner_core.data.privacy.finder import find
from mactuner_core.data.privacy.masker import Finding, Left, Masked, Masker
from mactuner_core.data.privacy.policy import MaskPolicy
from mactuner_core.data.privacy.spans import KINDS, Span

__all__ = ["KINDS", "Finding", "Left", "MaskPolicy", "Masked", "Masker", "Span", "find"]
