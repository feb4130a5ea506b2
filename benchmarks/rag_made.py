"""What `benchmarks.rag` indexes and asks: made-up texts about many topics, and an embedding model that costs next to nothing.

Words are as frequent as in natural language (Zipf), and a text shares many with others of its topic, so that word lists are as
long, and vectors as near to each other, as they are in real collections. The model adds up a random direction for each word,
rare words more: what search does with the vectors is real, only their making is cheap.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable, Sequence

import numpy as np

from mactuner_core.rag.documents import Block, Document, make_page
from mactuner_core.rag.embedder import Kind, Vectors

CHUNK_TOKENS = 128  # of every text, says the model below: each paragraph is a chunk of its own
_WORDS, _TOPICS, _OF_A_TOPIC = 20_000, 500, 60
_SENTENCE = 5  # words
_COMMON = 200  # words that say little
_NOUN_TEXT = """계약 청약 승낙 손해 배상 채권 채무 이행 해제 해지 보증 담보 임대 임차 매매 대금 등기 소유 점유 상속 유언 혼인 이혼 친권 후견
법인 대리 무효 취소 시효 기간 조건 기한 물건 부동산 동산 공유 저당 전세 도급 위임 임치 조합 화해 부당 이득 불법 행위 책임 과실 의사
표시 착오 사기 강박 신의 성실 권리 의무 능력 미성년 주소 실종 재단 사단 정관 이사 감사 총회 청산"""
_NOUNS = _NOUN_TEXT.split()
_ENDINGS = ("은", "이", "을", "에서", "의", "까지", "으로", "에는")


class Texts:
    """Texts of `own` words, two thirds of them from the text's topic, and a last sentence of `korean` Korean words."""

    def __init__(self, own: int, korean: int = 0, seed: int = 7) -> None:
        pick = random.Random(seed)
        syllables = [a + b + c for a in "bdfgklmnprstvz" for b in "aeiou" for c in ("", "n", "r", "l")]
        made = {"".join(pick.choices(syllables, k=pick.choice((2, 2, 3)))) for _ in range(2 * _WORDS)}
        self.words = sorted(made)[:_WORDS]
        pick.shuffle(self.words)
        self._own, self._korean, self._seed = own, korean, seed
        self._topics = np.random.default_rng(seed).integers(0, _WORDS, (_TOPICS, _OF_A_TOPIC))

    def some(self, first: int, count: int) -> list[str]:
        """Return texts number `first` and following, the same on every machine for the same two numbers."""
        choose, pick = np.random.default_rng((self._seed, first)), random.Random(first)
        topics = self._topics[choose.integers(0, _TOPICS, count)]
        columns = choose.integers(0, _OF_A_TOPIC, (count, self._own))
        common = (choose.zipf(1.3, (count, self._own)) - 1) % _WORDS
        chosen = np.where(choose.random((count, self._own)) < 2 / 3, np.take_along_axis(topics, columns, 1), common)
        return [self._written(row, pick) for row in chosen.tolist()]

    def question(self, text: str, pick: random.Random) -> str:
        """Return ten words of a text, common ones among them, and three of its Korean words: a cosine of about 0.5 with the text."""
        plain = text.lower().replace(".", " ").split()
        korean = [word for word in plain if not word.isascii()]
        return " ".join(pick.sample([word for word in plain if word.isascii()], 10) + korean[:3])

    def _written(self, numbers: list[int], pick: random.Random) -> str:
        parts = [numbers[at : at + _SENTENCE] for at in range(0, len(numbers), _SENTENCE)]
        text = " ".join(" ".join(self.words[number] for number in part).capitalize() + "." for part in parts)
        return f"{text} {korean_sentence(pick, self._korean)}" if self._korean else text


def korean_sentence(pick: random.Random, words: int) -> str:
    """Return a sentence of `words` inflected nouns and a verb."""
    return " ".join(pick.choice(_NOUNS) + pick.choice(_ENDINGS) for _ in range(words)) + " 정한다."


class WordVectors:
    """Has what `Embedder` has: the vector of a text is the sum of its words' directions."""

    name = "made-up words"
    identity = "made-up words"
    longest = CHUNK_TOKENS

    def __init__(self, words: Sequence[str], size: int) -> None:
        self.size = size
        self.prefixes: dict[str, str] = {}
        self._numbers = {word: number for number, word in enumerate(words)}
        directions = np.random.default_rng(3).normal(size=(len(words), size)).astype(np.float32)
        tells = np.minimum(1, np.arange(1, len(words) + 1, dtype=np.float32) / _COMMON)
        self._directions = directions * tells[:, None]

    def lengths(self, texts: Sequence[str], kind: Kind | None = None) -> list[int]:
        """Return that every text fills a chunk."""
        return [CHUNK_TOKENS if text else 0 for text in texts]

    def embed(
        self,
        texts: Sequence[str],
        kind: Kind | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Vectors:
        """Return unit vectors; shape (texts, size)."""
        known = self._numbers
        rows = [[known[one] for one in text.lower().replace(".", " ").split() if one in known] or [0] for text in texts]
        starts = np.cumsum([0, *(len(row) for row in rows[:-1])])
        sums = np.add.reduceat(self._directions[list(itertools.chain.from_iterable(rows))], starts, axis=0)
        progress(len(texts), len(texts))
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)


def document(name: str, texts: Sequence[str]) -> Document:
    """Return a document of these paragraphs, each on a page of its own."""
    pages = [make_page(at, [Block("paragraph", text, page=at)]) for at, text in enumerate(texts, start=1)]
    size = sum(map(len, texts))
    return Document(name, hashlib.sha256(name.encode()).hexdigest(), size, "text", name, "en", pages, [])
