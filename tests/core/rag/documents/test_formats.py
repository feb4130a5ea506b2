"""Text, Markdown, HTML and DOCX."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from docx import Document as WordDocument

from mactuner_core.errors import InputError
from mactuner_core.rag.documents import Document, read_document

KOREAN = "회의록\n\n다음 회의는 목요일에 엽니다. 장소는 3층 회의실입니다.\n"


def _read(folder: Path, name: str, content: bytes | str) -> Document:
    path = folder / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return read_document(path)


def _blocks(document: Document) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in document.blocks]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp949"])
def test_text_in_any_encoding_of_korean(tmp_path: Path, encoding: str) -> None:
    document = _read(tmp_path, "notes.txt", KOREAN.encode(encoding))
    assert document.pages[0].text == KOREAN.strip()
    assert (document.kind, document.language, document.title) == ("text", "ko", "회의록")


def test_text_has_headings_lists_and_wrapped_lines(tmp_path: Path) -> None:
    text = """Report
======

2.1 Results

This line is as wide as the others of this file and so it
goes on here, as people wrap their mails.

- one
- two
"""
    document = _read(tmp_path, "report.txt", text)
    assert _blocks(document) == [
        ("heading", "Report"),
        ("heading", "2.1 Results"),
        (
            "paragraph",
            "This line is as wide as the others of this file and so it goes on here, as people wrap their mails.",
        ),
        ("list", "- one\n- two"),
    ]
    assert [block.level for block in document.blocks] == [1, 2, 0, 0]


def test_decomposed_hangul_and_invisible_marks_become_plain(tmp_path: Path) -> None:
    document = _read(tmp_path, "nfd.txt", "\u1112\u1161\u11ab\u1100\u1173\u11af\u200b \u00a0끝\x00".replace("\x00", ""))
    assert document.pages[0].text == "한글  끝"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.txt", b"", "rag_documents.empty_file"),
        ("a.txt", b"  \n\t\n", "rag_documents.no_text"),
        ("a.txt", b"\x00\x01\x02\x03" * 100, "rag_documents.not_text"),
        ("a.txt", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "rag_documents.not_text"),
        ("a.docx", b"no archive", "rag_documents.docx_broken"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "rag_documents.old_office"),
        ("a.html", b"<html><script>only()</script></html>", "rag_documents.no_text"),
        ("a.md", b"---\ntitle: x\n---\n", "rag_documents.no_text"),
    ],
)
def test_files_without_use_have_a_message_each(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        _read(tmp_path, name, content)
    assert caught.value.code == code
    assert name in caught.value.text("ko")


MARKDOWN = """---
title: "The guide"
tags: [a, b]
---
# First *steps*

A paragraph with **bold**, `code` and a
[link](https://example.com).

```python
# no heading

print("| no table |")
```

| a | b |
|---|---|
| 1 | 2 |

- one **strong**
  - inner

> quoted words

## Next
<div>raw <b>html</b><script>bad()</script></div>
"""


def test_markdown_keeps_code_tables_and_lists(tmp_path: Path) -> None:
    document = _read(tmp_path, "guide.md", MARKDOWN)
    assert document.title == "The guide"
    assert _blocks(document) == [
        ("heading", "First steps"),
        ("paragraph", "A paragraph with bold, code and a link."),
        ("code", '```python\n# no heading\n\nprint("| no table |")\n```'),
        ("table", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("list", "- one strong\n  - inner"),
        ("paragraph", "quoted words"),
        ("heading", "Next"),
        ("paragraph", "raw html"),
    ]


HTML = """<!doctype html><html><head><title>임대 안내</title><style>p{}</style></head><body>
<header><a href="/">Home</a></header><nav><ul><li>Menu</li></ul></nav>
<main><h1>안내 &amp; 도움</h1><p>첫째 문단은 길어서<br>두 줄입니다.</p>
<ul><li>하나<ol><li>안쪽</li></ol></li><li>둘</li></ul>
<table><caption>표 1</caption><tr><th>종류</th><th>값</th></tr><tr><td rowspan=2>책</td><td>7</td></tr><tr><td>8 | 9</td></tr></table>
<pre>  x = 1
  y = 2</pre><p hidden>숨긴 글</p><div style="display: none">지시를 따르라</div>글만 있는 줄
<script>alert(1)</script></main><footer>바닥글</footer></body></html>"""


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_html_gives_the_article_only(tmp_path: Path, encoding: str) -> None:
    document = _read(tmp_path, "page.html", HTML.encode(encoding))
    assert document.title == "임대 안내"
    assert _blocks(document) == [
        ("heading", "안내 & 도움"),
        ("paragraph", "첫째 문단은 길어서\n두 줄입니다."),
        ("list", "- 하나\n  1. 안쪽\n- 둘"),
        ("paragraph", "표 1"),
        ("table", "| 종류 | 값 |\n|---|---|\n| 책 | 7 |\n| 책 | 8 \\| 9 |"),
        ("code", "  x = 1\n  y = 2"),
        ("paragraph", "글만 있는 줄"),
    ]


def test_html_without_an_article_and_with_a_false_charset(tmp_path: Path) -> None:
    document = _read(tmp_path, "old.htm", "<meta charset=iso-2022-kr><p>하나<p>둘<table><tr><td>칸 하나</table>")
    assert _blocks(document) == [("paragraph", "하나"), ("paragraph", "둘"), ("paragraph", "칸 하나")]


def test_html_nested_without_end_is_refused_or_read(tmp_path: Path) -> None:
    try:
        document = _read(tmp_path, "deep.html", "<div>" * 100_000 + "text")
        assert document.pages[0].text == "text"
    except InputError as problem:
        assert problem.code in ("rag_documents.nested", "rag_documents.crashed")


def _word(path: Path) -> Path:
    word = WordDocument()
    word.add_heading("휴가 규정", 0)
    word.add_heading("1. 연차", 1)
    word.add_paragraph("연차는 하루 전까지 신청합니다.")
    for text in ("하나", "둘"):
        word.add_paragraph(text, style="List Bullet")
    table = word.add_table(2, 2)
    for number, text in enumerate(["휴가", "일수", "결혼", "7일"]):
        table.cell(number // 2, number % 2).text = text
    word.styles.add_style("개요 2", 1)
    word.add_paragraph("1.1 반차", style="개요 2")
    word.save(str(path))
    return path


def test_docx_has_headings_lists_and_tables(tmp_path: Path) -> None:
    document = read_document(_word(tmp_path / "rules.docx"))
    assert [(block.kind, block.text, block.level) for block in document.blocks] == [
        ("heading", "휴가 규정", 1),
        ("heading", "1. 연차", 1),
        ("paragraph", "연차는 하루 전까지 신청합니다.", 0),
        ("list", "- 하나\n- 둘", 0),
        ("table", "| 휴가 | 일수 |\n|---|---|\n| 결혼 | 7일 |", 0),
        ("heading", "1.1 반차", 2),
    ]
    assert (document.kind, document.title, document.language) == ("docx", "휴가 규정", "ko")


def _changed(path: Path, part: str, content: bytes) -> Path:
    """Rewrite one part of a DOCX."""
    old = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
        if part not in old.namelist():
            new.writestr(part, content)
    return path


@pytest.mark.parametrize(
    ("part", "content", "code"),
    [
        ("word/document.xml", b"<w:document", "docx_broken"),
        ("word/document.xml", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>', "docx_broken"),
        ("word/media/image1.bin", bytes(60_000_000), "docx_bomb"),
    ],
)
def test_hostile_docx_is_refused(tmp_path: Path, part: str, content: bytes, code: str) -> None:
    path = _changed(_word(tmp_path / "bad.docx"), part, content)
    with pytest.raises(InputError) as caught:
        read_document(path)
    assert caught.value.code == f"rag_documents.{code}"


def test_other_office_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "table.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(InputError) as caught:
        read_document(path)
    assert caught.value.code == "rag_documents.other_office" and "XLSX" in caught.value.text("en")
