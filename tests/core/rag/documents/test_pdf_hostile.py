"""PDFs that are locked, broken, empty or made to do harm: each is refused by a message of its own, and the next is read."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest

from mactuner_core.errors import InputError
from mactuner_core.rag.documents import LIMITS, page_picture, read_document

from .make_pdf import simple_pdf


def _raw_pdf(objects: list[bytes], root: int = 1) -> bytes:
    """Return a PDF of these objects, numbered from 1, with a true cross-reference table."""
    data = b"%PDF-1.7\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return data + b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, root, start)


def _one_page(content: bytes, page: bytes = b"", tree: bytes = b"/Kids[3 0 R]/Count 1", stream: bytes = b"") -> bytes:
    return _raw_pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>",
            b"<</Type/Pages" + tree + b">>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R"
            + page
            + b">>",
            b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(content), stream, content),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ]
    )


TEXT = b"BT /F 12 Tf 72 700 Td (Still readable.) Tj ET"


def _refused(path: Path, **limits: float) -> InputError:
    with pytest.raises(InputError) as caught:
        read_document(path, limits=replace(LIMITS, **limits))  # type: ignore[arg-type]
    error = caught.value
    assert error.text("ko") != error.text("en")
    assert path.name in error.text("ko") and path.name in error.text("en")
    return error


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_locked_pdf_says_how_to_remove_the_password(tmp_path: Path) -> None:
    path = simple_pdf(
        tmp_path / "locked.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="boss"
    )
    error = _refused(path)
    assert error.code == "rag_documents.pdf_locked"
    assert "password" in error.text("en") and "암호" in error.text("ko")


def test_a_pdf_that_opens_without_its_password_is_read(tmp_path: Path) -> None:
    path = simple_pdf(tmp_path / "owner.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="", owner_pw="boss")
    assert read_document(path).pages[0].text == "A page that can be read."


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"This is no PDF at all.", "not_pdf"),
        (b"%PDF-1.7\n", "pdf_broken"),
        (b"%PDF-1.7\n" + bytes(range(256)) * 50, "pdf_broken"),
        (_raw_pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"]), "pdf_no_pages"),
        (_one_page(TEXT, tree=b"/Kids[3 0 R]/Count 100000"), "pdf_broken"),
        (_one_page(b""), "no_text"),
    ],
)
def test_broken_and_empty_files_have_a_message_each(tmp_path: Path, content: bytes, code: str) -> None:
    assert _refused(_write(tmp_path / "bad.pdf", content)).code == f"rag_documents.{code}"


def test_a_wrong_cross_reference_is_repaired_and_said(tmp_path: Path) -> None:
    data = _one_page(TEXT).replace(b"startxref\n", b"startxref\n9")
    document = read_document(_write(tmp_path / "xref.pdf", data))
    assert document.pages[0].text == "Still readable."
    assert [warning.code for warning in document.warnings] == ["rag_documents.repaired"]


def test_of_a_pdf_nothing_saved_before_its_text_it_is_said_that_it_is_cut(tmp_path: Path) -> None:
    whole = simple_pdf(tmp_path / "whole.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="", owner_pw="boss")
    data = whole.read_bytes()
    assert _refused(_write(tmp_path / "cut.pdf", data[: len(data) // 2])).code == "rag_documents.pdf_nothing_saved"


def test_a_truncated_pdf_gives_what_is_left_or_a_message(tmp_path: Path) -> None:
    whole = simple_pdf(tmp_path / "whole.pdf", pages=30).read_bytes()
    codes = set()
    for part in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        path = _write(tmp_path / "cut.pdf", whole[: int(len(whole) * part)])
        try:
            codes |= {warning.code for warning in read_document(path).warnings}
        except InputError as problem:
            codes.add(problem.code)
    assert codes <= {
        f"rag_documents.{code}"
        for code in ("pdf_broken", "pdf_no_pages", "pdf_no_page_readable", "repaired", "pdf_nothing_saved")
    }
    assert codes


def test_too_many_pages_are_refused(tmp_path: Path) -> None:
    error = _refused(simple_pdf(tmp_path / "long.pdf", pages=30), pages=20)
    assert (error.code, error.values["pages"], error.values["limit"]) == ("rag_documents.pdf_many_pages", 30, 20)


def test_more_pages_claimed_than_there_are_is_said(tmp_path: Path) -> None:
    document = read_document(_write(tmp_path / "claims.pdf", _one_page(TEXT, tree=b"/Kids[3 0 R]/Count 4")))
    assert document.pages[0].text == "Still readable."
    assert len(document.pages) == 1 or "rag_documents.pages_unread" in [warning.code for warning in document.warnings]


def test_scripts_in_a_pdf_are_not_text_and_not_run(tmp_path: Path) -> None:
    document = read_document(_write(tmp_path / "script.pdf", _one_page(TEXT, page=b"/AA<</O<</S/JavaScript/JS(x)>>>>")))
    assert document.pages[0].text == "Still readable."


@pytest.mark.parametrize(
    "box", [b"0 0 1000000000 1000000000", b"0 0 0 0", b"-5000000 -5000000 5000000 5000000", b"9 9 1 1"]
)
def test_huge_and_empty_page_boxes_are_read_and_drawn_small(tmp_path: Path, box: bytes) -> None:
    data = _one_page(TEXT).replace(b"[0 0 595 842]", b"[" + box + b"]")
    path = _write(tmp_path / "box.pdf", data)
    try:
        assert read_document(path).characters < 100
    except InputError as problem:
        assert problem.code in ("rag_documents.pdf_nothing_saved", "rag_documents.pdf_no_page_readable")
    try:
        picture = pymupdf.Pixmap(page_picture(path, 1))
    except InputError as problem:
        assert problem.code == "rag_documents.page_not_drawn"
    else:
        assert picture.width * picture.height <= 1.1 * LIMITS.picture_pixels


def test_deeply_nested_objects_end_nothing(tmp_path: Path) -> None:
    nested = b"[" * 200_000 + b"]" * 200_000
    path = _write(tmp_path / "nested.pdf", _one_page(TEXT, page=b"/Deep " + nested))
    try:
        assert read_document(path).pages[0].text in ("Still readable.", "")
    except InputError as problem:
        assert problem.code.startswith("rag_documents.")
    _still_works(tmp_path)


def test_pages_that_contain_themselves_end_nothing(tmp_path: Path) -> None:
    path = _write(tmp_path / "loop.pdf", _one_page(TEXT, tree=b"/Kids[2 0 R 3 0 R]/Count 3"))
    try:
        read_document(path)
    except InputError as problem:
        assert problem.code.startswith("rag_documents.")
    _still_works(tmp_path)


def test_a_page_that_takes_for_ever_is_given_up(tmp_path: Path) -> None:
    bomb = zlib.compress(b"q 1 0 0 1 0 0 cm 0 0 m 9 9 l S Q " * 20_000_000, 9)
    path = _write(tmp_path / "slow.pdf", _one_page(bomb, stream=b"/Filter/FlateDecode"))
    assert path.stat().st_size < 5_000_000
    error = _refused(path, step_seconds=1.5)
    assert error.code == "rag_documents.took_long"
    _still_works(tmp_path)


def test_a_page_that_fills_the_memory_is_given_up(tmp_path: Path) -> None:
    text = b"BT /F 1 Tf " + (b"1 0 0 1 72 700 Tm (" + b"a" * 400 + b") Tj ") * 20_000 + b"ET"
    bomb = zlib.compress(text, 9)
    path = _write(tmp_path / "large.pdf", _one_page(bomb, stream=b"/Filter/FlateDecode"))
    error = _refused(path, memory_bytes=450_000_000)
    assert error.code in ("rag_documents.much_memory", "rag_documents.pdf_no_page_readable", "rag_documents.crashed")
    _still_works(tmp_path)


def _still_works(folder: Path) -> None:
    assert read_document(simple_pdf(folder / "next.pdf")).pages[0].text == "A page that can be read."
