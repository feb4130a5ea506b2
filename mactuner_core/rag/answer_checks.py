"""Looking at an answer without asking a model: do its quotes stand in the sources, are the cited numbers among them, is it in
the question's language.

Not covered: whether the answer is true, or whether it follows from the sources. Languages are told apart by their writing only
(Korean, Japanese, Chinese, Latin, Cyrillic and so on), so that English and German count as the same.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

STANDS = 0.9  # of a quote's letters; a changed ending passes, a changed word of a sentence does not
SHORTEST_QUOTE = 6  # letters; a shorter one is a name or a stressed word
HANGUL_SHARE = 0.2  # Korean with English terms in it stays Korean

MARK = re.compile(
    r"[\[【]\s*(\d{1,3}(?:\s*[,、·;]\s*\d{1,3})*)\s*(?:†[^\]】\n]{0,80})?[\]】](?!\()"
)  # a cite, its numbers
NO_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+?(?=[\[【\s)]|\Z)", re.DOTALL)
_QUOTED = re.compile(r"“([^”\n]+)”|\"([^\"\n]+)\"|「([^」\n]+)」|『([^』\n]+)』|«([^»\n]+)»")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_CUT = re.compile(r"\[?(?:…|\.{3,})\]?")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SCRIPTS = (("HANGUL", "ko"), ("HIRAGANA", "ja"), ("KATAKANA", "ja"), ("CJK", "zh"), ("LATIN", "latin"))


@dataclass(frozen=True)
class QuoteCheck:
    """A quote of an answer: the source it stands in best (None: there are none), and the share of its letters found there.

    `stands`: the share is at least 0.9 and every number of the quote is in the source.
    """

    quote: str
    source: int | None
    share: float
    stands: bool


@dataclass(frozen=True)
class AnswerCheck:
    """What was found: `cited` are the numbers in brackets, `unknown` those of them that no source has.

    `given` is how many sources the model had; `same_language` is None when question or answer has too few letters to tell.
    """

    cited: list[int]
    unknown: list[int]
    quotes: list[QuoteCheck]
    same_language: bool | None
    given: int
    empty: bool

    @property
    def passed(self) -> bool:
        """Whether something is cited if there was a source, all of it exists, all quotes stand, and the language fits."""
        cites_well = not self.empty and bool(self.cited or not self.given) and not self.unknown
        return cites_well and all(quote.stands for quote in self.quotes) and self.same_language is not False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {**asdict(self), "passed": self.passed}


def check_answer(question: str, answer: str, sources: Mapping[int, str]) -> AnswerCheck:
    """Return what the answer cites and quotes held against `sources`, the texts by the numbers that the model saw.

    A quote is text in quotation marks of at least six letters, unless it repeats the question. With a number in it, or behind
    it in the same sentence, it has to stand in that source, without one in any. The language is that of what is not quoted.
    """
    prose = _CODE.sub(" ", answer)
    cited = cited_numbers(prose)
    quotes = []
    for found in _QUOTED.finditer(prose):
        marked = next(group for group in found.groups() if group is not None)
        quote = MARK.sub(" ", marked).strip()
        letters = plain_letters(quote)
        if len(letters) < SHORTEST_QUOTE or letters in plain_letters(question):
            continue
        numbers = cited_numbers(marked + _rest_of_sentence(prose, found.end()))
        known = [number for number in numbers if number in sources]
        quotes.append(check_quote(quote, {number: sources[number] for number in known or sources}))
    languages = language_of(question), language_of(_QUOTED.sub(" ", prose))
    same = None if "" in languages else languages[0] == languages[1]
    unknown = [number for number in cited if number not in sources]
    return AnswerCheck(cited, unknown, quotes, same, len(sources), not answer.strip())


def check_quote(quote: str, sources: Mapping[int, str]) -> QuoteCheck:
    """Return the source that holds most of the quote, and whether it stands there."""
    best = QuoteCheck(quote, None, 0.0, False)
    for number, source in sources.items():
        share = quote_share(quote, source)
        stands = share >= STANDS and not missing_numbers(quote, source)
        if best.source is None or (stands, share) > (best.stands, best.share):
            best = QuoteCheck(quote, number, round(share, 4), stands)
    return best


def quote_share(quote: str, source: str) -> float:
    """Return how much of a quote stands in a source, from 0 to 1; only letters and digits count, in any case and Unicode form.

    1 is verbatim. A quote with dots for what it leaves out is as good as its worst part. Else the stretch of the source that holds
    the longest common piece is aligned with the quote: twice the shared letters over the letters of both.
    """
    parts = [part for part in map(plain_letters, _CUT.split(quote)) if part]
    return min((_part_share(part, plain_letters(source)) for part in parts), default=0.0)


def missing_numbers(quote: str, source: str) -> list[str]:
    """Return the numbers of a quote that the source does not have: one changed digit changes a fact, but few letters."""
    known = Counter(_numbers(source))
    return [number for number in _numbers(quote) if number not in known]


def cited_numbers(answer: str) -> list[int]:
    """Return the numbers that an answer cites as [1] or [1, 3], each once, in order of appearance; code and links are no cites."""
    groups = MARK.findall(NO_PROSE.sub(" ", answer))
    return list(dict.fromkeys(int(number) for group in groups for number in re.findall(r"\d+", group)))


def language_of(content: str) -> str:
    """Return "ko", "ja", "zh", "latin" or the lower-case name of another script, "" when there are under three letters."""
    counts: Counter[str] = Counter()
    for letter in unicodedata.normalize("NFC", NO_PROSE.sub(" ", content)):
        if letter.isalpha():
            name = unicodedata.name(letter, "?").split()[0]
            counts[next((language for script, language in _SCRIPTS if name == script), name.lower())] += 1
    total = counts.total()
    if total < 3:
        return ""
    for language in ("ko", "ja"):  # both are written together with letters of other scripts
        if counts[language] >= HANGUL_SHARE * total:
            return language
    return counts.most_common(1)[0][0]


def plain_letters(content: str) -> str:
    """Return the letters and digits only, in one Unicode form and case."""
    folded = unicodedata.normalize("NFKC", content).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def _numbers(content: str) -> list[str]:
    return [number.replace(",", "") for number in _NUMBER.findall(unicodedata.normalize("NFKC", content))]


def _part_share(part: str, source: str) -> float:
    if part in source:
        return 1.0
    longest = difflib.SequenceMatcher(None, source, part, autojunk=False).find_longest_match()
    if not longest.size:
        return 0.0
    slack = len(part) // 10 + 1
    start = max(0, longest.a - longest.b - slack)
    stretch = source[start : longest.a - longest.b + len(part) + slack]
    blocks = difflib.SequenceMatcher(None, stretch, part, autojunk=False).get_matching_blocks()[:-1]
    span = blocks[-1].a + blocks[-1].size - blocks[0].a
    return 2 * sum(block.size for block in blocks) / (len(part) + span)


def _rest_of_sentence(content: str, start: int) -> str:
    """Return what follows in the same sentence; a mark right behind its full stop still belongs to it."""
    end = re.search(r"[.!?。](?:\s+(?!\[)|\Z)|\n", content[start:])
    return content[start : start + end.start() + 1] if end else content[start:]
