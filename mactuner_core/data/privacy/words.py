"""Korean word lists for names: surnames, what may follow a name, and given names that are ordinary words as well."""

from __future__ import annotations

SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민진나지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁"
    "봉편경복피"
)
# The surnames of nine in ten: with one of them before a known given name, it is another person's full name.
COMMON_SURNAMES = "김이박최정강조윤장임한오서신권황안송류전홍고문손배백허남심노곽성차주"
DOUBLE_SURNAMES = ("남궁", "황보", "제갈", "사공", "서문", "독고", "동방", "선우")

# Titles and kinship words that people put right behind a name.
TITLES = (
    "씨|님|군|양|형|형님|누나|누님|언니|오빠|선배|선배님|후배|쌤|샘|선생|선생님|교수님|박사님|대리님?|과장님?|차장님?|부장님?|팀장님?|실장님?|사장님?|대표님?|이사님?|주임님?|매니저님?|기사님"
    "|사원|작가님?|감독님?|코치님?|원장님?|아저씨|아줌마|이모|삼촌|고모|할머니|할아버지|엄마|아빠|어머니|어머님|아버지|아버님|동생|친구|학생|의원|변호사|의사"
)
PARTICLES = (
    "이|가|은|는|을|를|과|와|랑|이랑|하고|한테|한테서|에게|에게서|께|께서|의|에|도|만|까지|부터|보다|처럼|같이|같은|같아|마저|조차|나|이나|라고|이라고|라는|이라는|란|이란|라도|이라도"
    "|라서|이라서|라면|이라면|래|이래|랬어|야|이야|아|여|이여|다|이다|입니다|이에요|예요|에요|이예요|이요|요|죠|이죠|지|이지|고|이고|인데|인가|인지|인|였|였어|였다|이었|이었어|네|이네|들|거|꺼|건|걸|보고|더러|로|으로"
    "|때문에|땜에|덕분에|덕에|말고|뿐|만큼|밖에|대로|쪽|집|임|는데|ㄴ|앞|뒤|옆|폰|생일|번호|주소|짱"
)

_NOUNS = """
하늘 사랑 이슬 보라 가을 나라 지혜 은혜 미래 소리 우주 바다 유리 수정 진리 소원 지원 지수 진주 세계 다정 성실 태양 시원 대한 민국 기쁨 승리 영광 평화 하나 두리 우리 미소 사라 소망
믿음 희망 단비 지구 정의 인정 의사 여름 겨울 구름 나무 노을 파도 마음 행복 축복 선물 자유 정원 공원 주인 기자 가수 선수 감사 사과 수박 포도 장미 나비 보배 보물 진실 진심 열정 도전
용기 현재 서울 한국 경주 나주 여주 광주 전주 청주 상주 제주 성공 발전 영원 시대 시간 세상 인생 이유 이미 정도 정리 정보 조사 주소 주문 주의 장소 장난 안녕 연락 연구 연기 연주 유지
유명 여행 친구 현대 민원 민족 변수 함수 정답 수영 수상 수고 영화 영상 영어 국수 기준 기술 기대 기도 지도 진행 진보 보람 동화 동시 새벽 아침 저녁
"""
_BARE_WORDS = "지은 나은 고은 보은 다은 철수 다운 고운 새론 한결 한창 이든 해든 유진 정수 재수 선정 인수 대기 주연 은하 예지 수지 슬기 민주 누리 다온 가온 온유"
_VERBS = "지우 이루 세우 다루 나누 미루 비우 채우 키우 태우 배우 피우 재우 가리 보아 보이 모이"

# Given names that are nouns of everyday speech: they count only where a noun would not stand so.
NOUN_NAMES = frozenset(_NOUNS.split())
# Given names that are words only when nothing is attached: 지은 집, 철수 결정.
BARE_WORD_NAMES = frozenset(_BARE_WORDS.split())
# Given names that are stems of verbs: 지우고, 지우면.
VERB_NAMES = frozenset(_VERBS.split())
VERB_ENDINGS = "고|면|지|는|자|기|다|려|니|던|라|며|게|든|네"
