"""Prompt lookup: guess the next tokens from an earlier place in the same text where the last few tokens stood.

Answers that quote their context repeat it word for word, so a guess costs a dictionary look-up and saves whole turns.
The guesses are checked by the model: the answer is the same as without them. How long a guess may be follows from how
often this answer's guesses were right and from what a larger batch costs on this machine (`Costs`).
Source: A. Saxena, "Prompt Lookup Decoding", 2023, https://github.com/apoorvumang/prompt-lookup-decoding
"""

from __future__ import annotations

from serving.engine.generation import Tokens

LONGEST_DRAFT = 16
_GRAM = 3  # tokens that must match: fewer give guesses that are mostly wrong
_FIRST_GUESS = 0.7  # how sure a first match is, before this answer showed it
_WORTH_A_TRY = 0.6
_CLEAR_GAIN = 1.03  # a longer guess must win by more than noise
_MEMORY = 0.8  # share of the old estimate that a new observation leaves


class Lookup:
    """The places of every run of three tokens in one sequence; grows with it."""

    def __init__(self) -> None:
        self._places: dict[tuple[int, int, int], int] = {}
        self._indexed = 0
        self.rate = _FIRST_GUESS  # estimated chance that a guessed token is right

    def draft(self, tokens: Tokens, most: int) -> list[int]:
        """Return up to `most` tokens that followed the last earlier place of the text's last three tokens."""
        count = len(tokens)
        if count < _GRAM + 1 or most < 1:
            return []
        # the last gram itself is not indexed yet, so that it finds the place before
        begin = max(0, self._indexed - _GRAM + 1)
        fresh = tokens[begin : count - 1].tolist()
        for end, gram in enumerate(zip(fresh, fresh[1:], fresh[2:], strict=False), start=begin + _GRAM):
            self._places[gram] = end
        self._indexed = count - 1
        first, second, third = tokens[count - _GRAM :].tolist()
        place = self._places.get((first, second, third))
        return [] if place is None else [int(token) for token in tokens[place : place + most]]

    def observe(self, drafted: int, accepted: int) -> None:
        """Learn from a checked guess: `accepted` tokens were right, then one was wrong unless all were."""
        tried = min(drafted, accepted + 1)
        self.rate = _MEMORY**tried * self.rate + (1 - _MEMORY**tried) * (accepted / tried)


class Costs:
    """Seconds that a turn takes by the number of its rows, learned from the turns themselves."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def observe(self, rows: int, seconds: float) -> None:
        """Take note of a turn without prompt tokens."""
        size = _size(rows)
        known = self._seconds.get(size)
        self._seconds[size] = seconds if known is None else 0.9 * known + 0.1 * min(seconds, 4 * known)

    def ratio(self, rows: int, more: int) -> float | None:
        """Return how many times longer a turn of `rows + more` rows takes than one of `rows`; None when unknown."""
        base, larger = self._seconds.get(_size(rows)), self._seconds.get(_size(rows + more))
        return larger / base if base and larger else None


def _size(rows: int) -> int:
    """Return the class of batch sizes: exact when small, then in steps of four."""
    return rows if rows <= 8 else 4 * -(-rows // 4)


def best_length(rate: float, rows: int, longest: int, costs: Costs) -> int:
    """Return how many tokens to guess, so that the most tokens come out of a second; 0 when guessing does not pay.

    With chance p for each token, n guesses give 1 + p + p² + … + pⁿ tokens where there was one, and the other `rows - 1`
    tokens of the turn wait for them. A batch size that was never tried is tried: there is no other way to learn its cost.
    """
    best, length = 1.0, 0
    for guess in (2, 4, 8, LONGEST_DRAFT):
        if guess > longest:
            break
        expected = (rows - 1 + sum(rate**power for power in range(guess + 1))) / rows
        cost = costs.ratio(rows, guess)
        if cost is None:
            return guess if rate >= _WORTH_A_TRY else length
        if expected / cost > best * _CLEAR_GAIN:
            best, length = expected / cost, guess
    return length
