"""Documents in files, folders and archives."""

from __future__ import annotations

import os
import unicodedata
import zipfile
from pathlib import Path

import pytest

from mactuner_core.errors import InputError
from mactuner_core.rag.documents import find_documents, read_document

from .make_pdf import simple_pdf


def test_a_folder_of_200_files_is_read_whole(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    for number in range(200):
        place = folder / f"shelf {number % 5}"
        place.mkdir(parents=True, exist_ok=True)
        if number % 10:
            (place / f"{number:03}.txt").write_text(f"Text number {number}.", encoding="utf-8")
        else:
            simple_pdf(place / f"{number:03}.pdf", f"Text number {number}.")
    (folder / "shelf 0" / "000.pdf").write_bytes(b"%PDF-1.7 broken")
    found = find_documents([folder])
    assert len(found) == 200
    assert found == sorted(found, key=lambda one: one.name)
    read, failed = {}, []
    for one in found:
        try:
            read[one.name] = read_document(one).pages[0].text
        except InputError as problem:
            failed.append((one.name, problem.code))
    assert failed == [("library/shelf 0/000.pdf", "rag_documents.pdf_broken")]
    assert read["library/shelf 3/123.txt"] == "Text number 123."
    assert len(set(read.values())) == 199


def test_hidden_temporary_and_linked_files_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / ".git").mkdir(parents=True)
    outside = tmp_path / "outside.txt"
    outside.write_text("secret")
    for name in ("a.txt", ".hidden.txt", "~$a.docx", "b.txt.tmp", ".git/c.txt", "photo.png"):
        (folder / name).write_text("x")
    (folder / "link.txt").symlink_to(outside)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "pipe.txt")
    found = {one.name: one.problem and one.problem.code for one in find_documents([folder])}
    assert found == {
        "f/a.txt": None,
        "f/photo.png": "rag_documents.unknown_kind",
        "f/pipe.txt": "rag_documents.no_file",
    }


def test_what_is_not_there_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A")
    found = find_documents([tmp_path / "missing", tmp_path / "a.md"])
    assert [(one.name, one.problem and one.problem.code) for one in found] == [
        ("missing", "rag_documents.no_file"),
        ("a.md", None),
    ]
    with pytest.raises(InputError):
        read_document(found[0])


def test_an_archive_is_read_without_following_its_paths(tmp_path: Path) -> None:
    path = tmp_path / "papers.zip"
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    korean = zipfile.ZipInfo(unicodedata.normalize("NFD", "한글/보고서.txt"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.txt", "Text one.")
        archive.writestr("../../evil.txt", "Out of the way.")
        archive.writestr("/etc/absolute.md", "# Absolute")
        archive.writestr(link, "/etc/passwd")
        archive.writestr(korean, "본문")
        archive.writestr("__MACOSX/._one.txt", "x")
        archive.writestr("inner.zip", "PK")
        archive.writestr("bomb.txt", bytes(50_000_000))
        archive.writestr("picture.png", "x")
    found = {one.name: one for one in find_documents([path])}
    assert {name: one.problem and one.problem.code for name, one in found.items()} == {
        "papers.zip/a/one.txt": None,
        "papers.zip/evil.txt": None,
        "papers.zip/etc/absolute.md": None,
        "papers.zip/한글/보고서.txt": None,
        "papers.zip/inner.zip": "rag_documents.zip_in_zip",
        "papers.zip/bomb.txt": "rag_documents.zip_bomb",
        "papers.zip/picture.png": "rag_documents.unknown_kind",
    }
    before = sorted(tmp_path.rglob("*"))
    document = read_document(found["papers.zip/evil.txt"])
    assert (document.name, document.pages[0].text) == ("papers.zip/evil.txt", "Out of the way.")
    assert read_document(found["papers.zip/한글/보고서.txt"]).pages[0].text == "본문"
    assert sorted(tmp_path.rglob("*")) == before


def test_korean_names_of_windows_archives_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("XXXXXX.txt", "x")
    path.write_bytes(path.read_bytes().replace(b"XXXXXX", "보고서".encode("cp949")))
    assert [one.name for one in find_documents([path])] == ["old.zip/보고서.txt"]


@pytest.mark.parametrize("content", [b"PK\x03\x04 broken", b"", b"nothing"])
def test_a_broken_archive_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(content)
    (found,) = find_documents([path])
    assert found.problem is not None and found.problem.code == "rag_documents.zip_broken"


def test_a_lying_archive_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "lies.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"a" * 5_000_000)
    data = bytearray(path.read_bytes())
    central = data.rindex(b"PK\x01\x02")
    data[central + 24 : central + 28] = (100).to_bytes(4, "little")  # claims 100 bytes
    path.write_bytes(bytes(data))
    (found,) = find_documents([path])
    assert found.bytes == 100
    with pytest.raises(InputError) as caught:
        read_document(found)
    assert caught.value.code in ("rag_documents.zip_bomb", "rag_documents.zip_broken")
