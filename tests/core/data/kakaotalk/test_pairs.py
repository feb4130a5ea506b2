"""From chats to examples: who answers whom, what is left out, and why."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from mactuner_core.data.kakaotalk.chat import Chat
from mactuner_core.data.kakaotalk.pairs import ChatExample, make_pairs
from mactuner_core.data.kakaotalk.parse import parse
from mactuner_core.data.kakaotalk.recipe import PairRecipe
from mactuner_core.data.kakaotalk.turns import Turn, Turns, is_one_word
from mactuner_core.data.rows import Rejected
from mactuner_core.data.text_file import TextFile, read_text_file
from mactuner_core.errors import ConfigError, InputError
from tests.conftest import SAMPLES

DAY = "--------------- 2026년 10월 1일 목요일 ---------------\n"


def chat_of(*lines: str) -> Chat:
    """Return a chat of "이름 15:16 내용" lines on one day."""
    rows = [line.split(" ", 2) for line in lines]
    text = DAY + "".join(f"[{sender}] [{time}] {body}\n" for sender, time, body in rows)
    return parse(TextFile(Path("chat.txt"), text, "utf-8", ""))


def pairs(chat: Chat, me: str = "나", **settings: Any) -> tuple[list[ChatExample], list[Rejected]]:
    examples: list[ChatExample] = []
    left_out: list[Rejected] = []
    for row in make_pairs(chat, PairRecipe.check({"me": me, **settings})):
        if isinstance(row, Rejected):
            left_out.append(row)
        else:
            examples.append(row)
    return examples, left_out


def said(example: ChatExample) -> list[str]:
    return [f"{message['role'][0]}:{message['content']}" for message in example.messages]


def reasons(left_out: list[Rejected]) -> list[tuple[int, str]]:
    return [(row.line, row.code.removeprefix("kakaotalk.left_out_")) for row in left_out]


def test_her_line_and_my_answer() -> None:
    chat = chat_of("지은 9:00 오늘 뭐 해?", "나 9:01 일하지")
    (example,), left_out = pairs(chat, instruction="여자친구가 이렇게 말했어:")
    assert example.messages == [
        {"role": "user", "content": "여자친구가 이렇게 말했어:\n오늘 뭐 해?"},
        {"role": "assistant", "content": "일하지"},
    ]
    assert example.as_alpaca() == {
        "instruction": "여자친구가 이렇게 말했어:",
        "input": "오늘 뭐 해?",
        "output": "일하지",
    }
    assert (example.line, example.time, example.session) == (2, datetime(2026, 10, 1, 9, 1), 0)
    assert left_out == []


def test_messages_close_together_are_one_turn() -> None:
    chat = chat_of(
        "지은 9:00 자?",
        "지은 9:05 일어나",
        "나 9:06 응 방금",
        "나 9:12 밥은?",
        "지은 9:30 먹었어",
        "지은 9:40 너는?",
        "나 9:41 나도",
    )
    examples, left_out = pairs(chat)
    assert [said(example) for example in examples] == [
        ["u:자?\n일어나", "a:응 방금"],
        ["u:너는?", "a:나도"],
    ]
    assert reasons(left_out) == [(5, "not_a_reply"), (6, "no_reply")]
    examples, left_out = pairs(chat, merge_gap_minutes=10)
    assert [said(example) for example in examples] == [
        ["u:자?\n일어나", "a:응 방금\n밥은?"],
        ["u:먹었어\n너는?", "a:나도"],
    ]
    assert left_out == []


def test_context_is_the_turns_before_and_starts_with_the_other() -> None:
    chat = chat_of("나 9:00 뭐 해?", "지은 9:01 공부", "나 9:02 무슨 공부", "지은 9:03 수학", "나 9:04 힘내")
    one = [said(example) for example in pairs(chat, context_turns=1)[0]]
    assert one == [["u:공부", "a:무슨 공부"], ["u:수학", "a:힘내"]]
    two = [said(example) for example in pairs(chat, context_turns=2)[0]]
    assert two == [["u:공부", "a:무슨 공부"], ["u:공부", "a:무슨 공부", "u:수학", "a:힘내"]]
    rows = [
        example.as_alpaca()
        for example in pairs(chat, context_turns=2, instruction="그녀:", system_prompt="너는 나다.")[0]
    ]
    assert rows[1] == {
        "instruction": "그녀:",
        "input": "수학",
        "output": "힘내",
        "system": "너는 나다.",
        "history": [["공부", "무슨 공부"]],
    }


def test_a_long_pause_starts_a_new_session() -> None:
    chat = chat_of("지은 1:00 자니", "나 7:00 이제 봤네", "지은 7:01 그래?", "나 7:02 그럼", "지은 23:00 잘 자")
    examples, left_out = pairs(chat, context_turns=20)
    assert [(said(example), example.session) for example in examples] == [(["u:그래?", "a:그럼"], 1)]
    assert reasons(left_out) == [(2, "no_reply"), (3, "not_a_reply"), (6, "no_reply")]
    assert len(pairs(chat, session_gap_hours=6.5)[0]) == 2
    assert [example.session for example in pairs(chat, session_gap_hours=6.5)[0]] == [0, 0]


def test_a_whole_session_is_one_conversation() -> None:
    chat = chat_of(
        "나 9:00 시작은 나", "지은 9:01 가", "나 9:02 나나", "나 9:20 덧붙임", "지은 9:21 다", "지은 9:50 라", "나 9:51 마마",
        "지은 20:00 다음 대화", "나 20:01 그러자", "지은 20:02 끝",
    )  # fmt: skip
    examples, left_out = pairs(chat, shape="multi_turn", system_prompt="{other}의 친구 {me}")
    assert [said(example) for example in examples] == [
        ["s:지은의 친구 나", "u:가", "a:나나\n덧붙임", "u:다\n라", "a:마마"],
        ["s:지은의 친구 나", "u:다음 대화", "a:그러자"],
    ]
    assert [(example.line, example.session) for example in examples] == [(3, 0), (9, 1)]
    assert reasons(left_out) == [(2, "not_a_reply"), (11, "no_reply")]
    cut, _ = pairs(chat, shape="multi_turn", conversation_turns=2)
    assert [said(example) for example in cut] == [
        ["u:가", "a:나나\n덧붙임"],
        ["u:다\n라", "a:마마"],
        ["u:다음 대화", "a:그러자"],
    ]


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("drop", ["u:봐", "a:예쁘다"]),
        ("replace", ["u:봐\n[사진]", "a:예쁘다"]),
        ("keep", ["u:봐\n사진 2장", "a:예쁘다"]),
    ],
)
def test_each_kind_is_dropped_replaced_or_kept(policy: str, wanted: list[str]) -> None:
    chat = chat_of("지은 9:00 봐", "지은 9:00 사진 2장", "나 9:01 예쁘다", "나 9:01 삭제된 메시지입니다.")
    (example,), left_out = pairs(chat, photo=policy)
    assert said(example) == wanted
    dropped = [(row.line, row.values["kind"]) for row in left_out]
    assert dropped == ([(3, "photo"), (5, "deleted")] if policy == "drop" else [(5, "deleted")])


def test_tags_are_in_the_language_of_the_chat() -> None:
    text = "Thursday, October 1, 2026\nOct 1, 2026 at 9:00, Mina : Photo\nOct 1, 2026 at 9:01, Me : nice one\n"
    chat = parse(TextFile(Path("chat.txt"), text, "utf-8", ""))
    (example,), _ = pairs(chat, me="Me", photo="replace")
    assert said(example) == ["u:[photo]", "a:nice one"]


@pytest.mark.parametrize(
    "reply",
    ["ㅋㅋㅋㅋ", "ㅇㅇ", "ㅠㅠ", "네", "네네", "넵!!", "응 ㅋㅋ", "ㅋㅋ\nㅎㅎ 😂", "...", "👍", "OK", "ok!", "헐"],
)
def test_one_word_replies(reply: str) -> None:
    assert is_one_word(reply)


@pytest.mark.parametrize(
    "reply", ["네가 와", "응원할게", "7", "오늘", "예쁘다", "어제", "book", "ㅋㅋ 진짜?", "그래도 갈래", "아침"]
)
def test_replies_of_more_than_one_word(reply: str) -> None:
    assert not is_one_word(reply)


def conversation(replies: list[str]) -> Chat:
    lines = [
        line for number, reply in enumerate(replies) for line in (f"지은 9:00 {number}번 질문", f"나 9:00 {reply}")
    ]
    return chat_of(*lines)


@pytest.mark.parametrize(("share", "kept"), [(0.0, 0), (0.1, 1), (0.25, 3), (0.5, 9), (1.0, 11)])
def test_one_word_replies_keep_their_share(share: float, kept: int) -> None:
    chat = conversation([f"답변 {number}" for number in range(9)] + [f"{'ㅋ' * number}" for number in range(1, 12)])
    examples, left_out = pairs(chat, one_word_share=share)
    short = [example for example in examples if is_one_word(example.messages[-1]["content"])]
    assert (len(short), len(examples)) == (kept, 9 + kept)
    assert [reason for _, reason in reasons(left_out)] == ["one_word"] * (11 - kept)


def test_the_seed_chooses_the_one_word_replies() -> None:
    chat = conversation([f"답변 {number}" for number in range(9)] + ["ㅋ" * number for number in range(1, 12)])
    chosen = [[said(row) for row in pairs(chat, one_word_share=0.3, seed=seed)[0]] for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_short_and_repeated_replies() -> None:
    chat = conversation(["같은 답"] * 5 + ["짧", "조금 긴 답"])
    examples, left_out = pairs(chat, maximum_repeats=2, minimum_characters=2)
    assert [row.messages[-1]["content"] for row in examples] == ["같은 답", "같은 답", "조금 긴 답"]
    assert [code for _, code in reasons(left_out)] == ["repeated", "repeated", "repeated", "short"]
    assert left_out[-1].text("en") == "the reply has 1 characters; at least 2 are wanted"


def test_a_reply_left_out_is_no_context_either() -> None:
    chat = chat_of("지은 9:00 하나", "나 9:01 ㅋㅋ", "지은 9:02 둘", "나 9:03 셋이야")
    for shape in ("single", "multi_turn"):
        (example,), left_out = pairs(chat, context_turns=4, one_word_share=0, shape=shape)
        assert said(example) == ["u:하나\n둘", "a:셋이야"]
        assert reasons(left_out) == [(3, "one_word")]


def test_a_group_chat() -> None:
    chat = chat_of("지은 9:00 갈 사람", "철수 9:01 나는 감", "나 9:02 나도 갈래", "철수 9:03 좋아", "나 9:04 그럼 봐")
    examples, _ = pairs(chat, instruction="{other}의 말:")
    assert said(examples[0]) == ["u:철수의 말:\n갈 사람\n나는 감", "a:나도 갈래"]
    examples, _ = pairs(chat, name_speakers=True)
    assert said(examples[0]) == ["u:지은: 갈 사람\n철수: 나는 감", "a:나도 갈래"]


def test_braces_in_what_is_said_are_left_alone() -> None:
    chat = chat_of("지은 9:00 {me} {x}", "나 9:01 {other}?")
    (example,), _ = pairs(chat)
    assert said(example) == ["u:{me} {x}", "a:{other}?"]


def test_messages_without_a_day_still_make_pairs() -> None:
    chat = parse(TextFile(Path("chat.txt"), "[지은] [9:00] 안녕\n[나] [9:01] 그래 안녕\n", "utf-8", ""))
    assert [problem.code for problem in chat.problems] == ["kakaotalk.no_date"]
    (example,), _ = pairs(chat)
    assert said(example) == ["u:안녕", "a:그래 안녕"]
    assert example.time is None


def test_a_name_in_decomposed_letters_is_the_same_name() -> None:
    chat = chat_of("지은 9:00 안녕", f"{normalize('NFD', '철수')} 9:01 그래 안녕", "지은 9:02 응")
    assert chat.speakers == {"지은": 2, "철수": 1}
    assert len(pairs(chat, me=normalize("NFD", "철수"))[0]) == 1


def test_one_speaker_and_a_wrong_name() -> None:
    alone = chat_of("지은 9:00 나뿐이야", "지은 9:01 정말")
    with pytest.raises(InputError, match=r"1 speaker\(s\) only \(지은\). Pairs need two"):
        make_pairs(alone, PairRecipe(me="지은"))
    chat = chat_of("지은 9:00 안녕", "철수 9:01 안녕")
    with pytest.raises(
        InputError, match=r"“영희” has written nothing in chat\.txt\. Say who you are with --me: 지은, 철수"
    ):
        make_pairs(chat, PairRecipe(me="영희"))


def test_the_recipe_is_checked() -> None:
    with pytest.raises(ConfigError) as caught:
        PairRecipe.check({"context_turns": 21, "photo": "burn"})
    assert {problem.values["name"] for problem in caught.value.problems} == {"me", "context_turns", "photo"}
    with pytest.raises(ConfigError, match=r"is 120 minutes, longer than .* \(60 minutes\)"):
        PairRecipe.check({"me": "나", "merge_gap_minutes": 120, "session_gap_hours": 1})
    recipe = PairRecipe(me="나", link="replace")
    assert PairRecipe.check(recipe.model_dump()) == recipe


def test_the_sample_chat_becomes_pairs_and_nothing_gets_lost() -> None:
    chat = parse(read_text_file(SAMPLES / "kakaotalk_two_people.txt"))
    examples, left_out = pairs(
        chat, me="김민수", instruction="여자친구가 이렇게 말했어:", one_word_share=1, maximum_repeats=1000
    )
    assert len(examples) > 150
    assert all(example.messages[0]["content"].startswith("여자친구가 이렇게 말했어:\n") for example in examples)
    times = [example.time for example in examples if example.time]
    assert times == sorted(times)
    learned = {example.messages[-1]["content"] for example in examples}
    named = {row.line for row in left_out}
    turns = Turns(chat, PairRecipe(me="김민수"))
    told = [turn for turn in turns if isinstance(turn, Turn)]
    assert any(turn.mine for turn in told)
    assert all(turns.joined(turn.numbers) in learned or turns.line(turn) in named for turn in told if turn.mine)
    kept = sum(len(turn.numbers) for turn in told)
    assert kept + sum(row.code.endswith(("_kind", "_empty")) for row in left_out) == 703
