"""Files of questions with their sources, as a person writes them, and how they are held against hits.

CSV or TSV with a header, JSONL or a JSON list. Columns: `question` and `document`; as wished `page`, `text` (what a hit has to
hold) and `kind`. Rows with the same question are one question with several sources.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from mactuner_core.data import records
from mactuner_core.data.reading import read_records
from mactuner_core.data.records import Record
from mactuner_core.data.rows import Rejected
from mactuner_core.data.text_file import decode, read_raw_file
from mactuner_core.errors import InputError
from mactuner_core.rag.answer_checks import plain_letters
from mactuner_core.rag.evaluate import Question

COLUMNS = {
    "question": ("question", "질문"),
    "document": ("document", "source", "문서"),
    "page": ("page", "쪽", "페이지"),
    "text": ("text", "quote", "내용"),
    "kind": ("kind", "종류"),
}
ALIKE = 0.7  # of the shorter text's letter triples; chunks cut elsewhere share the answer, not the borders
TRIPLE = 3


@dataclass(frozen=True)
class FileSource:
    """Where an answer stands: a document, and as far as given its page (from 1) and a text that the hit has to hold."""

    document: str
    page: int | None = None
    text: str | None = None


class HitLike(Protocol):
    """What is looked at of a hit."""

    @property
    def document(self) -> str: ...
    @property
    def page(self) -> int: ...
    @property
    def last_page(self) -> int: ...
    @property
    def text(self) -> str: ...


class _BadRow(Exception):
    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


def read_questions(path: Path) -> list[Question[FileSource]]:
    """Return the questions in a file; raises InputError for a file, or for the first row, that cannot be used."""
    raw = read_raw_file(path)
    if raw.is_parquet or not raw.content.strip():
        raise InputError("rag_evaluate.no_questions", path=path)
    file = decode(raw)
    form = records.text_format(file)
    if form == "text":
        raise InputError("rag_evaluate.not_a_table", path=path)
    sources: dict[str, list[FileSource]] = {}
    kinds: dict[str, str] = {}
    bad: list[tuple[int, _BadRow]] = []
    for row in read_records(file, form):
        try:
            question, source, kind = _read(row)
        except _BadRow as problem:
            bad.append((row.line, problem))
            continue
        places = sources.setdefault(question, [])
        if source not in places:
            places.append(source)
        kinds.setdefault(question, kind)
    if bad:
        line, first = bad[0]
        raise InputError(f"rag_evaluate.{first.code}", path=path, line=line, more=len(bad) - 1, **first.values)
    if not sources:
        raise InputError("rag_evaluate.no_questions", path=path)
    return [Question(question, tuple(places), kinds[question]) for question, places in sources.items()]


def check_documents(questions: Sequence[Question[FileSource]], documents: Collection[str]) -> None:
    """Raise InputError when a question names a document that is not among `documents`, with the nearest names."""
    named = dict.fromkeys(source.document for question in questions for source in question.sources)
    unknown = [name for name in named if not any(_same_document(document, name) for document in documents)]
    if unknown:
        nearest = difflib.get_close_matches(unknown[0], list(documents), 3, 0.4) or sorted(documents)[:3]
        raise InputError(
            "rag_evaluate.unknown_document", name=unknown[0], count=len(unknown), nearest=", ".join(nearest) or "–"
        )


def hit_matches(hit: HitLike, source: FileSource) -> bool:
    """Tell whether a hit is the source: the same document, and as far as given its page and its text."""
    if not _same_document(hit.document, source.document):
        return False
    if source.page is not None and not hit.page <= source.page <= hit.last_page:
        return False
    return source.text is None or shared(hit.text, source.text) >= ALIKE


def shared(one: str, other: str) -> float:
    """Return the share of the shorter text's letter triples that the other has, from 0 to 1; 1 when it stands in it."""
    short, long = sorted((plain_letters(one), plain_letters(other)), key=len)
    if short in long:
        return 1.0 if short else 0.0
    triples = set(_triples(short))
    return len(triples & set(_triples(long))) / max(1, len(triples))


def _triples(content: str) -> Iterator[str]:
    return (content[start : start + TRIPLE] for start in range(len(content) - TRIPLE + 1))


def _same_document(document: str, named: str) -> bool:
    """Names are equal but for case and Unicode form; a name without its folder is enough."""
    one, other = (unicodedata.normalize("NFC", name).casefold().replace("\\", "/") for name in (document, named))
    return one == other or ("/" not in other and PurePosixPath(one).name == other)


def _read(row: Record | Rejected) -> tuple[str, FileSource, str]:
    if isinstance(row, Rejected):
        raise _BadRow("row_unreadable", reason=row.text())
    fields = {str(name).strip().casefold(): value for name, value in row.fields.items()}
    values = {name: next((fields[one] for one in names if one in fields), None) for name, names in COLUMNS.items()}
    for name in ("question", "document"):
        if not _words(values[name]):
            raise _BadRow("row_lacks", column=name, found=", ".join(map(str, row.fields))[:200] or "–")
    page = _page(values["page"])
    source = FileSource(_words(values["document"]), page, _words(values["text"]) or None)
    return " ".join(_words(values["question"]).split()), source, _words(values["kind"])


def _words(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _page(value: Any) -> int | None:
    written = _words(value).removeprefix("p.").removesuffix("쪽").removesuffix(".0").strip()
    if not written:
        return None
    if not written.isdecimal() or int(written) < 1:
        raise _BadRow("row_bad_page", value=_words(value)[:40])
    return int(written)
