"""The fixed texts and conversations that every exported file is checked on.

Decomposed Hangul (NFD) is not among them: llama.cpp does no Unicode normalisation, so a tokenizer with an NFC step differs
there by design. Composed text, which keyboards and files give, is what must be equal.
"""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "korean": "임대차가 끝난 뒤 보증금을 돌려받지 못하면 임차권등기명령을 신청할 수 있습니다.",
    "korean_chat": "ㅋㅋㅋㅋ 진짜?? 아니 ㅠㅠ 그럼 7시 30분에 강남역 11번 출구에서 보자~!",
    "english": "It's the tenant's right, they'll say; WE'VE read §3(1) and I'd agree: you can't evict 'em.",
    "mixed": "이 API는 JSON으로 response를 return하고, status code 200이면 OK입니다.",
    "numbers": "제123조 제4항: 1,234,567원의 3.5%는 43,209.845원, 2026-11-20T10:25:00Z, +82-10-0000-0000, ½ ² Ⅳ ①",
    "emoji": "좋아요 👍🏽 가족 👨‍👩‍👧‍👦 깃발 🇰🇷 하트 ❤️‍🔥 😀😀 끝",
    "code": "def f(x: int) -> str:\n    if x >= 10:\n        return f\"{x:,}\"  # 천 단위\n\n\treturn 'a' * x\n",
    "whitespace": "  앞 공백  둘   셋\t탭\t\t두 탭\n\n\n세 줄 \n 뒤 공백   \r\n윈도우 줄\u3000전각\u00a0고정 ",
    "scripts": "汉字かな交じり文 Русский текст العربية हिन्दी ไทย Ελληνικά Ünïcödé naïve ǅ",
    "symbols": "<b>&amp;</b> {{ x }} {% if %} \\n \\\\ ```sql\nSELECT * FROM t;\n``` … — “따옴표” ‘작은’ ※ →→ ==== ----",
    "empty": "",
}

# Special tokens are woven in between these pieces, so that their recognition inside text is checked too.
SPECIAL_PIECES = ("안녕", " hello ", "\n", "끝.", "")

CONVERSATIONS: dict[str, list[dict[str, str]]] = {
    "one_question": [{"role": "user", "content": "소멸시효는 몇 년인가요?"}],
    "system": [
        {"role": "system", "content": "당신은 친절한 법률 도우미입니다.\n짧게 답하세요."},
        {"role": "user", "content": "What's the limitation period?"},
    ],
    "many_turns": [
        {"role": "system", "content": "Answer in Korean."},
        {"role": "user", "content": "  안녕하세요 😀  "},
        {"role": "assistant", "content": "안녕하세요! 무엇을 도와드릴까요?"},
        {"role": "user", "content": "계약금을 돌려받을 수 있나요?\n\n- 계약일: 11월 1일\n- 금액: 1,000만 원"},
        {"role": "assistant", "content": "민법 제565조에 따라 해제할 수 있습니다."},
        {"role": "user", "content": "고마워요"},
    ],
    "awkward": [{"role": "user", "content": "{{ 7 * 7 }} {% raw %} <script>'\"</script> \\ \t끝"}],
}


def special_text(tokens: list[str]) -> str:
    """Return one text in which every special token stands between words, spaces, and another special token."""
    parts = []
    for i, token in enumerate(tokens):
        parts.append(SPECIAL_PIECES[i % len(SPECIAL_PIECES)] + token)
    return "".join(parts) + "그리고 계속"
