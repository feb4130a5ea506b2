"""Of a long passage the part with the words that were looked for is shown."""

from __future__ import annotations

import pytest

from mactuner_core.rag.excerpt import excerpt

FILLER = "Nothing of interest stands in this sentence of the note. "


def _spans(text: str, *words: str) -> list[tuple[int, int]]:
    return sorted((at, at + len(word)) for word in words for at in range(len(text)) if text.startswith(word, at))


def test_a_short_text_is_shown_whole() -> None:
    assert excerpt("A lamp.", [(2, 6)], 600) == ("A lamp.", [(2, 6)])


def test_a_match_at_the_end_is_shown_with_whole_sentences_before_it() -> None:
    last = "The spare lamp lies in cupboard K-12."
    text = FILLER * 20 + last
    shown, spans = excerpt(text, _spans(text, "spare", "lamp"), 300)
    assert shown == "…" + FILLER * 4 + last
    assert [shown[start:end] for start, end in spans] == ["spare", "lamp"]


def test_the_place_with_most_different_words_wins() -> None:
    text = "lamp lamp lamp. " + FILLER * 20 + "\n열쇠는 파란 상자에 있고 lamp는 옷장에 있다. " + FILLER * 20
    shown, _ = excerpt(text, _spans(text, "lamp", "파란 상자"), 200)
    assert shown.startswith("…열쇠는 파란 상자에") and shown.endswith("…")
    assert len(shown) <= 202


@pytest.mark.parametrize("length", [50, 200, 599])
def test_without_a_match_it_is_the_beginning_cut_between_words(length: int) -> None:
    text = FILLER * 20
    shown, spans = excerpt(text, [], length)
    assert spans == [] and len(shown) <= length + 1
    assert shown.endswith("…") and text.startswith(shown[:-1]) and text[len(shown) - 1] == " "


def test_a_text_without_spaces_is_cut_all_the_same() -> None:
    text = "가" * 500 + "열쇠" + "나" * 500
    shown, ((start, end),) = excerpt(text, [(500, 502)], 100)
    assert shown[start:end] == "열쇠" and len(shown) <= 102
