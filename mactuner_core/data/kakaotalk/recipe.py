"""The settings that, with the same chat, give the same training pairs again."""

from __future__ import annotations

from typing import Any, Literal

from mactuner_core.config import Config, setting
from mactuner_core.data.kakaotalk.kinds import Kind
from mactuner_core.errors import SettingProblem

Policy = Literal["drop", "replace", "keep"]
Shape = Literal["single", "multi_turn"]


def _policy(default: Policy, en: str, ko: str) -> Any:
    return setting(
        default,
        advanced=True,
        label={"en": en, "ko": ko},
        help={
            "en": f"{en}: leave out, replace by a tag, or keep as written",
            "ko": f"{ko}: 빼기(drop), 태그로 바꾸기(replace), 그대로 두기(keep)",
        },
    )


class PairRecipe(Config):
    """How a chat becomes examples in which `me` answers."""

    me: str = setting(
        ...,
        label={"en": "Me", "ko": "나 (me)"},
        help={
            "en": "The speaker whose replies are learned: the name, or the mark (speaker:…) that a masked version keeps of it",
            "ko": "답변을 배울 사람의 이름. 가린 버전의 레시피에는 이름 대신 표식(speaker:…)이 남습니다",
        },
    )
    shape: Shape = setting(
        "single",
        label={"en": "Shape", "ko": "모양 (shape)"},
        help={
            "en": "single: one example a reply; multi_turn: one example a conversation",
            "ko": "single: 답변마다 예제 하나, multi_turn: 대화마다 예제 하나",
        },
    )
    context_turns: int = setting(
        0,
        ge=0,
        le=20,
        label={"en": "Turns of context", "ko": "앞 대화 (context turns)"},
        help={
            "en": "Turns before what is answered that a single example starts with",
            "ko": "single 예제 앞에 붙일 이전 말차례 수",
        },
    )
    conversation_turns: int = setting(
        20,
        ge=2,
        le=200,
        advanced=True,
        label={"en": "Turns of a conversation", "ko": "대화 길이 (turns)"},
        help={
            "en": "A longer conversation is cut into several multi_turn examples",
            "ko": "이보다 긴 대화는 여러 multi_turn 예제로 나눕니다",
        },
    )
    merge_gap_minutes: float = setting(
        5,
        ge=0,
        le=1440,
        unit="min",
        label={"en": "Merge within", "ko": "합치는 간격 (merge gap)"},
        help={
            "en": "Messages of one side that follow each other this closely are one turn",
            "ko": "한쪽이 이 간격 안에 이어 보낸 메시지는 한 말차례로 합칩니다",
        },
    )
    session_gap_hours: float = setting(
        6,
        gt=0,
        le=720,
        unit="h",
        label={"en": "New session after", "ko": "대화가 끊기는 간격 (session gap)"},
        help={
            "en": "After a pause this long nothing before it counts as context",
            "ko": "이만큼 쉬고 나면 그 앞은 맥락으로 보지 않습니다",
        },
    )
    system_prompt: str | None = setting(
        None,
        label={"en": "System prompt", "ko": "시스템 프롬프트 (system prompt)"},
        help={
            "en": "Put before every example; {me} and {other} become the names",
            "ko": "모든 예제 앞에 붙입니다. {me}와 {other}는 이름으로 바뀝니다",
        },
    )
    instruction: str | None = setting(
        None,
        label={"en": "Instruction", "ko": "지시문 (instruction)"},
        help={
            "en": "A line above what the other says, such as “여자친구가 이렇게 말했어:”; {me} and {other} become the names",
            "ko": "상대의 말 위에 붙는 줄. 예: “여자친구가 이렇게 말했어:”. {me}와 {other}는 이름으로 바뀝니다",
        },
    )
    name_speakers: bool = setting(
        False,
        label={"en": "Name the speakers", "ko": "말한 사람 표시"},
        help={
            "en": "Put “name: ” before what the others say; for group chats",
            "ko": "상대의 말 앞에 “이름: ”을 붙입니다. 단체 대화방용",
        },
    )
    minimum_characters: int = setting(
        1,
        ge=1,
        le=1000,
        unit="characters",
        label={"en": "Shortest reply", "ko": "가장 짧은 답변"},
        help={"en": "Shorter replies are left out", "ko": "이보다 짧은 답변은 뺍니다"},
    )
    one_word_share: float = setting(
        0.1,
        ge=0.0,
        le=1.0,
        label={"en": "Share of one-word replies", "ko": "단답 비율 (ㅋㅋ, ㅇㅇ, 네)"},
        help={
            "en": "At most this share of the replies is only ㅋㅋ, ㅇㅇ, ㅠㅠ, 네, ok …; which ones stay, the seed decides",
            "ko": "ㅋㅋ, ㅇㅇ, ㅠㅠ, 네처럼 한마디뿐인 답변을 이 비율까지만 남깁니다. 남길 것은 시드로 고릅니다",
        },
    )
    maximum_repeats: int = setting(
        10,
        ge=1,
        le=1_000_000,
        label={"en": "Same reply at most", "ko": "같은 답변 최대 수"},
        help={
            "en": "The first so many of identical replies stay",
            "ko": "똑같은 답변은 처음 이만큼만 남깁니다",
        },
    )
    seed: int = setting(
        42,
        ge=0,
        le=2**31 - 1,
        advanced=True,
        label={"en": "Seed", "ko": "시드 (seed)"},
        help={"en": "The same seed keeps the same replies", "ko": "같은 시드는 같은 답변을 남깁니다"},
    )
    photo: Policy = _policy("drop", "Photos", "사진")
    video: Policy = _policy("drop", "Videos", "동영상")
    emoticon: Policy = _policy("drop", "Emoticons", "이모티콘")
    voice: Policy = _policy("drop", "Voice messages", "음성메시지")
    file: Policy = _policy("drop", "Files", "파일")
    map: Policy = _policy("drop", "Maps", "지도")
    search: Policy = _policy("drop", "Searches", "샵검색")
    contact: Policy = _policy("drop", "Contacts", "연락처")
    deleted: Policy = _policy("drop", "Deleted messages", "삭제된 메시지")
    call: Policy = _policy("drop", "Calls", "통화")
    live: Policy = _policy("drop", "Live talks", "라이브톡")
    link: Policy = _policy("drop", "Messages that are only a link", "링크만 있는 메시지")

    def policy(self, kind: Kind) -> Policy:
        """Return what happens to messages of `kind`; text stays, system lines never count as somebody's words."""
        if kind in ("text", "system"):
            return "keep" if kind == "text" else "drop"
        policy: Policy = getattr(self, kind)
        return policy

    def problems(self) -> list[SettingProblem]:
        """Return whether messages would be merged across sessions."""
        limit = self.session_gap_hours * 60
        if self.merge_gap_minutes <= limit:
            return []
        values = {"name": "merge_gap_minutes", "value": f"{self.merge_gap_minutes:g}", "maximum": f"{limit:g}"}
        return [SettingProblem("kakaotalk.merge_over_session", dict(values))]
