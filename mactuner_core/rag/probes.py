"""Questions with their answers, unrelated to each other, to measure an embedding model with when a collection is too small."""

from __future__ import annotations

PROBES: dict[str, tuple[tuple[str, str], ...]] = {
    "ko": (
        ("쓰지 않은 휴가를 다음 해로 넘길 수 있나요?", "남은 연차는 이듬해 3월까지 사용할 수 있습니다."),
        ("김치찌개에 고기는 언제 넣어요?", "돼지고기를 먼저 볶은 뒤 물을 붓고 끓이면 국물이 진해집니다."),
        ("막차 시간이 어떻게 되나요?", "지하철 2호선은 새벽 한 시에 운행을 마칩니다."),
        ("이 약은 하루에 몇 번 먹어야 하나요?", "식후 30분에 한 알씩 세 번 복용하십시오."),
        ("고래는 물고기인가요?", "바다에 살지만 허파로 숨을 쉬고 새끼에게 젖을 먹이는 포유동물이다."),
        ("프린터에 종이가 끼면 어떻게 하죠?", "전원을 끄고 뒤쪽 덮개를 열어 걸린 용지를 천천히 빼냅니다."),
        ("전세금은 언제 돌려받나요?", "임대차 계약이 끝나고 집을 비우면 보증금을 반환한다."),
        ("올해 쌀 수확은 어땠습니까?", "잦은 비로 벼농사가 흉작이어서 생산량이 크게 줄었다."),
    ),
    "en": (
        ("Can I take unused holidays into next year?", "Remaining leave may be used until the end of March."),
        ("When does the meat go into the stew?", "Brown the pork first, then add the stock and let it simmer."),
        ("What time is the last train?", "Line 2 stops running at one in the morning."),
        ("How often do I take this medicine?", "Swallow one tablet after each meal, three a day."),
        ("Are whales fish?", "They live in the sea but breathe air and feed their young with milk."),
        (
            "What do I do about a paper jam?",
            "Switch the printer off, open the rear cover and pull the sheet out slowly.",
        ),
        ("When do I get my deposit back?", "The money is returned when the lease ends and the flat is empty."),
        ("How was this year's rice crop?", "Heavy rain ruined the fields and the harvest was poor."),
    ),
}
