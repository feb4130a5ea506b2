"""What to do with each kind of personal data: the settings behind the form, the flags and the recipe."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mactuner_core.config import Config, setting
from mactuner_core.data.privacy.spans import KINDS

Action = Literal["tag", "pseudonym", "drop", "keep"]


def _action(kind: str) -> Any:
    about = KINDS[kind]
    return setting(
        "tag",
        label={"ko": about.ko, "en": about.en},
        help={
            "ko": f"tag: {about.tag}(으)로 바꿉니다. pseudonym: 같은 것은 늘 같은 가짜 값으로 바꿉니다. drop: 들어 있는 행을 버립니다. keep: 그대로 둡니다.",
            "en": f"tag: put {about.tag} instead. pseudonym: put an invented value, the same one each time. drop: leave the row out. keep: change nothing.",
        },
    )


class MaskPolicy(Config):
    """One action for each kind, and the people who are known by name."""

    name: Action = _action("name")
    phone: Action = _action("phone")
    resident_number: Action = _action("resident_number")
    foreigner_number: Action = _action("foreigner_number")
    driver_licence: Action = _action("driver_licence")
    passport: Action = _action("passport")
    business_number: Action = _action("business_number")
    card: Action = _action("card")
    bank_account: Action = _action("bank_account")
    email: Action = _action("email")
    url: Action = _action("url")
    ip: Action = _action("ip")
    address: Action = _action("address")
    plate: Action = _action("plate")
    messenger_id: Action = _action("messenger_id")
    postal_code: Action = _action("postal_code")
    names: list[str] = Field(default_factory=list)
    names_left_out: int = Field(default=0, ge=0)  # typed names that a saved recipe no longer holds
    find_other_names: bool = setting(
        False,
        label={"ko": "다른 사람 이름도 찾기", "en": "Find other people's names"},
        help={
            "ko": "대화 상대가 아닌 사람의 이름도 형태소 분석으로 찾습니다. 코어 하나로 초당 메시지 1,000개 남짓이라 느립니다.",
            "en": "Also look for names of people who are not in the conversation, with a morphological analyser. Slow: about 1,000 messages a second a core.",
        },
        advanced=True,
    )

    def action(self, kind: str) -> Action:
        """Return the action for a kind."""
        action: Action = getattr(self, kind)
        return action
