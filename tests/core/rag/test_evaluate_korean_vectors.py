"""Korean word vectors out of kiwipiepy: what they are, and what they find that an English model does not."""

from __future__ import annotations

import numpy as np
import pytest

from mactuner_core.rag.bilingual import BilingualEmbedder, hangul_share
from mactuner_core.rag.config import PACKAGED
from mactuner_core.rag.embedder import Embedder, Vectors
from mactuner_core.rag.evaluate import Report, evaluate
from mactuner_core.rag.korean_vectors import SIZE, KoreanVectors
from mactuner_core.rag.measures import difference
from tests.core.rag.quality.quality_set import passages, questions


@pytest.fixture(scope="module")
def korean() -> KoreanVectors:
    return KoreanVectors()


@pytest.fixture(scope="module")
def english() -> Embedder:
    return Embedder(PACKAGED)


@pytest.fixture(scope="module")
def bilingual() -> BilingualEmbedder:
    return BilingualEmbedder()


def measured(prefix: str, embedder: KoreanVectors | Embedder | BilingualEmbedder) -> Report[str]:
    """Measure plain nearness of vectors on a quality set."""
    ids = np.array([passage.id for passage in passages(prefix)])
    stored = embedder.embed([f"{one.title}\n{one.text}" for one in passages(prefix)])
    asked: Vectors = embedder.embed([one.question for one in questions(prefix)])
    order = np.argsort(-(asked @ stored.T), axis=1, kind="stable")[:, :10]
    found = {question.question: list(ids[row]) for question, row in zip(questions(prefix), order, strict=True)}
    return evaluate(lambda question: found[question], questions(prefix))


def test_vectors_are_unit_vectors_and_the_same_every_time(korean: KoreanVectors) -> None:
    vectors = korean.embed(["집주인이 보증금을 돌려주지 않아요", "김치찌개를 끓입니다", "!!!", ""])
    assert vectors.shape == (4, SIZE) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(KoreanVectors().embed(["김치찌개를 끓입니다"])[0], vectors[1])
    assert korean.embed([]).shape == (0, SIZE)


def test_words_of_one_matter_are_near_and_others_are_not(korean: KoreanVectors) -> None:
    near, far = korean.embed(["집주인"])[0] @ korean.embed(["임대인", "알고리즘"]).T
    assert near > 0.4 > 0.2 > far


def test_other_words_for_the_same_are_near(korean: KoreanVectors) -> None:
    question, right, wrong = korean.embed(
        [
            "돈을 다른 사람 계좌에 잘못 보냈어요",
            "착오 송금은 은행에 반환을 요청합니다.",
            "카드 결제일은 매달 15일입니다.",
        ]
    )
    assert question @ right > question @ wrong + 0.1


def test_on_the_korean_set_they_find_what_an_english_model_cannot(korean: KoreanVectors, english: Embedder) -> None:
    by_words, by_english = measured("", korean), measured("", english)
    assert by_words.measure("recall@5").mean > 0.94 and by_words.measure("mrr").mean > 0.85
    assert by_words.measure("recall@5", "paraphrase").mean > 0.85
    assert by_english.measure("recall@5").mean < 0.2  # hardly better than guessing, and so noise in a hybrid
    assert difference(by_words.values("mrr"), by_english.values("mrr")).low > 0.7


@pytest.mark.parametrize(("prefix", "recall"), [("", 0.94), ("english_", 0.92)])
def test_side_by_side_each_language_keeps_its_own(bilingual: BilingualEmbedder, prefix: str, recall: float) -> None:
    assert measured(prefix, bilingual).measure("recall@5").mean > recall


def test_a_text_of_one_language_has_one_part_only(bilingual: BilingualEmbedder, english: Embedder) -> None:
    seen: list[tuple[int, int]] = []
    texts = ["보증금을 돌려받는 방법", "How to get a deposit back", "VPN 접속 방법", "123", ""]
    vectors = bilingual.embed(texts, "query", lambda done, total: seen.append((done, total)))
    assert vectors.shape == (5, bilingual.size) and seen == [(5, 5)]
    assert not vectors[0, SIZE:].any() and vectors[0, :SIZE].any()
    np.testing.assert_allclose(vectors[1, SIZE:], english.embed(texts[1:2])[0], atol=1e-5)
    assert vectors[2, SIZE:].any() and vectors[2, :SIZE].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[:3], axis=1), 1, atol=1e-5)
    assert np.isfinite(vectors).all() and bilingual.embed([]).shape == (0, bilingual.size)


def test_lengths_let_nothing_be_cut_and_do_not_count_hangul_letter_by_letter(
    bilingual: BilingualEmbedder, english: Embedder
) -> None:
    marks = english.lengths([""])[0]
    assert bilingual.lengths(["", "보증금", "보증금은 ABC"]) == [
        marks,
        marks + 2,
        marks + 2 + english.lengths(["ABC"])[0] - marks,
    ]
    assert bilingual.lengths(["The deposit is returned."]) == english.lengths(["The deposit is returned."])
    assert bilingual.lengths([passages()[0].text])[0] < english.lengths([passages()[0].text])[0] / 2


def test_the_identity_is_of_both_parts(bilingual: BilingualEmbedder, english: Embedder) -> None:
    assert bilingual.identity != english.identity and bilingual.identity == BilingualEmbedder().identity


def test_the_share_of_hangul() -> None:
    assert hangul_share("한글만 123") == 1 and hangul_share("no") == 0 and hangul_share("1 2 !") == 0
    assert hangul_share("가나 ab") == 0.5
