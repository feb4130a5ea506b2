"""Masking by policy: tags, pseudonyms that stay the same, dropped rows, the report, the second scan."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

from mactuner_core.config import settings_of
from mactuner_core.data.privacy.finder import find
from mactuner_core.data.privacy.masker import SAMPLE_PER_KIND, Masker
from mactuner_core.data.privacy.policy import MaskPolicy
from mactuner_core.data.privacy.spans import KINDS
from mactuner_core.errors import ConfigError, WorkError
from tests.core.data.privacy.score import sentences

PSEUDONYMS = MaskPolicy.check(dict.fromkeys(KINDS, "pseudonym") | {"names": ["김민수", "이지은"]})


def test_tags_replace_finds() -> None:
    masked = Masker(MaskPolicy(names=["김민수"])).mask("민수야 010-1234-5678로 전화해 😀")
    assert masked.text == "[이름]야 [전화번호]로 전화해 😀"
    assert [tuple(span) for span in masked.spans] == [("name", 0, 2), ("phone", 4, 17)]
    assert not masked.dropped


def test_every_kind_has_a_setting_in_both_languages() -> None:
    settings = {setting.name: setting for setting in settings_of(MaskPolicy)}
    assert set(KINDS) <= set(settings)
    for kind, about in KINDS.items():
        assert settings[kind].label == {"ko": about.ko, "en": about.en}
        assert settings[kind].choices == ("tag", "pseudonym", "drop", "keep")
    with pytest.raises(ConfigError):
        MaskPolicy.check({"phone": "erase"})


def test_the_same_person_and_number_stay_the_same() -> None:
    masker = Masker(PSEUDONYMS)
    texts = [
        "민수야 지은아",
        "김민수가 이지은한테",
        "010-1234-5678",
        "+82 10 1234 5678",
        "공일공일이삼사오육칠팔",
        "010-9999-8888",
    ]
    first, second, *numbers = (masked.text for masked in masker.mask_many(texts))
    minsu, jieun = first.split()
    assert second == f"가{minsu[:-1]}가 가{jieun[:-1]}한테"
    assert minsu.endswith("야") and jieun.endswith("아"), "the particles still agree"
    assert numbers == ["010-0000-0001"] * 3 + ["010-0000-0002"]


def test_a_pseudonym_is_never_the_name_of_a_participant() -> None:
    masker = Masker(MaskPolicy(name="pseudonym", names=["김도리", "박도담", "이지우"]))
    assert masker.mask("도리야 도담아 지우야").text == "나래야 라온아 미르야"


def test_many_people_get_many_names() -> None:
    names = [f"김{first}{second}" for first in "가나다라마바사" for second in "구누두루무부수주"]
    masked = Masker(MaskPolicy(name="pseudonym", names=names)).mask(" ".join(names))
    assert len(set(masked.text.split())) == len(names)


def test_rows_are_dropped_and_kinds_kept() -> None:
    masker = Masker(MaskPolicy(card="drop", email="keep"))
    masked = masker.mask("카드 4111 1111 1111 1111 메일 a@example.com")
    assert masked.dropped
    assert masked.text == "카드 [카드번호] 메일 a@example.com"
    assert masker.mask("a@example.com").spans == []
    assert masker.report() == {"counts": {"card": 1}, "dropped_rows": 1, "actions": {"card": "drop"}}


def test_the_sample_shows_context_but_not_in_logs_or_the_report() -> None:
    masker = Masker()
    masker.mask_many([f"{number}번째 010-1234-{number:04d} 연락" for number in range(200)])
    findings = masker.sample()["phone"]
    assert len(findings) == SAMPLE_PER_KIND
    assert findings[0].before.endswith("번째 ") and findings[0].after == " 연락"
    assert any(not finding.found.startswith("010-1234-00") for finding in findings), "drawn from all, not the first"
    assert "010" not in repr(findings)
    assert "010" not in json.dumps(masker.report())


@pytest.mark.parametrize("action", ["tag", "pseudonym"])
def test_the_second_scan_of_all_labelled_sentences_finds_nothing(action: str) -> None:
    names = sorted({name for row in sentences() for name in row.get("names", ())})
    masker = Masker(MaskPolicy.check(dict.fromkeys(KINDS, action) | {"names": names}))
    rows = [
        {"messages": [{"role": "user", "content": masked.text}]}
        for masked in masker.mask_many(r["text"] for r in sentences())
    ]
    assert masker.rescan(rows) == []
    assert masker.counts["phone"] > 40


def test_the_second_scan_sees_what_was_left() -> None:
    masker = Masker()
    left = masker.rescan(["깨끗함", {"messages": [{"role": "user", "content": "내 번호 010-1234-5678"}]}])
    assert [(found.row, found.path, found.span.kind) for found in left] == [(1, "messages[0].content", "phone")]


def test_other_processes_scan_and_one_applies() -> None:
    masker = Masker(PSEUDONYMS)
    texts = ["민수야", "맑음", "010-1234-5678", "민수가 010-1234-5678"]
    with ProcessPoolExecutor(1) as pool:
        spans = pool.submit(masker.scan, texts).result()
    assert sorted(spans) == [0, 2, 3]
    alone = [masked.text for masked in Masker(PSEUDONYMS).mask_many(texts)]
    assert [masker.apply(text, spans.get(index, [])).text for index, text in enumerate(texts)] == alone


def test_a_masker_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(Masker(PSEUDONYMS)))  # noqa: S301 (our own object)
    assert copy.mask("민수야").spans == find("민수야", ["김민수"])


def test_names_of_others_on_request() -> None:
    pytest.importorskip("kiwipiepy")
    masker = Masker(MaskPolicy(find_other_names=True))
    assert masker.mask("어제 최다은 봤어 영희씨도 왔고 강릉 갔다").text == "어제 [이름] 봤어 [이름]씨도 왔고 강릉 갔다"
    assert Masker().mask("어제 최다은 봤어").spans == []


def test_without_the_analyser_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kiwipiepy", None)
    with pytest.raises(WorkError, match="pip install kiwipiepy"):
        Masker(MaskPolicy(find_other_names=True)).mask("최다은 봤어")
