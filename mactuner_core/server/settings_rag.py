"""The settings of which collections of documents a server answers from."""

from __future__ import annotations

from mactuner_core.config import Config, setting

ALL = "all"


class CollectionSettings(Config):
    """Which collections may be asked."""

    collection: list[str] = setting(
        [],
        label={"en": "Collections", "ko": "문서 모음"},
        help={
            "en": "a collection of documents that clients may ask, as MODEL+COLLECTION or with the field rag; all: every one "
            "of the workspace, later ones too; can be given several times",
            "ko": "클라이언트가 MODEL+COLLECTION 이름이나 rag 필드로 물을 수 있는 문서 모음. all이면 나중에 만든 것까지 작업 "
            "폴더의 모든 모음. 여러 번 지정할 수 있습니다",
        },
    )
