"""Columns, headings, lists, tables, running heads and broken words, in real PDFs of English and Korean."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from mactuner_core.rag.documents import Block, Document, read_document

from .make_pdf import Maker

LEFT = [
    "The first column starts with a sentence that is",
    "long enough to fill its lines from edge to edge and",
    "goes on for a while, so that nobody could take it",
    "for a table, and then it ends at the foot of the page",
]
RIGHT = [
    "and is continued in the second column, whose text",
    "stands beside the first one on the very same lines",
    "and must not be mixed with it line by line, which",
    "is what a reader that only sorts by height would do.",
]
WAY_LEFT = [
    "첫째 단은 왼쪽에서 시작하며 오른쪽 단과 줄이 나란하다",
    "그래서 높이만 보고 줄을 차례로 읽으면 글이 뒤섞이게 된다",
    "사람은 왼쪽 단을 끝까지 읽고 나서 오른쪽 단으로 넘어간다",
    "이 문장은 왼쪽 단의 맨 아래에서 끝나지 않고 그 옆의",
]
WAY_RIGHT = [
    "오른쪽 단의 맨 위로 이어져서 마침내 여기에서 끝이 난다.",
    "둘째 단에는 첫째 단과 다른 이야기가 적혀 있어야 한다.",
    "그래야 두 단이 섞였는지 섞이지 않았는지 알 수 있기 때문이다.",
    "마지막 줄은 여기이며 이 다음에는 아무것도 없다고 한다.",
]


def _kinds(document: Document) -> list[tuple[str, int]]:
    return [(block.kind, block.level) for block in document.blocks]


def _texts(document: Document, kind: str) -> list[str]:
    return [block.text for block in document.blocks if block.kind == kind]


@pytest.mark.parametrize(("left", "right"), [(LEFT, RIGHT), (WAY_LEFT, WAY_RIGHT)])
def test_columns_are_read_one_after_the_other(tmp_path: Path, left: list[str], right: list[str]) -> None:
    maker, size = Maker().new_page(), 10 if left is LEFT else 8
    maker.write(60, 80, "A title over both of the columns of this page", 18)
    for number in range(4):  # in the file the lines of both columns alternate
        maker.write(60, 130 + 14 * number, left[number], size)
        maker.write(325, 130 + 14 * number, right[number], size)
    text = read_document(maker.save(tmp_path / "two.pdf")).pages[0].text
    places = [text.find(line.split()[0]) for line in left] + [text.find(line.split()[0]) for line in right]
    assert text.startswith("A title over both")
    assert -1 not in places
    assert text.find(left[-1].split()[-1]) < text.find(right[0].split()[-1]) < text.find(right[-1].split()[-1])
    assert f"{left[-1].split()[-1]} {right[0].split()[0]}" in text  # the sentence goes on without a break


def test_a_line_across_the_page_parts_the_columns(tmp_path: Path) -> None:
    maker = Maker().new_page()
    maker.lines(60, 100, LEFT)
    maker.lines(325, 100, RIGHT)
    maker.write(60, 200, "A heading that spans the whole width of the page, both columns", 16)
    maker.lines(60, 240, ["lower " + line for line in LEFT])
    maker.lines(325, 240, ["lower " + line for line in RIGHT])
    text = read_document(maker.save(tmp_path / "bands.pdf")).pages[0].text
    order = [
        text.find(part) for part in ("The first", "and is cont", "A heading", "lower The first", "lower and is cont")
    ]
    assert -1 not in order
    assert order == sorted(order)


def test_a_sentence_over_the_page_end_stands_whole_where_it_begins(tmp_path: Path) -> None:
    maker = Maker()
    maker.new_page().write(60, 40, "The yearly report")
    maker.lines(
        60,
        700,
        [
            "This is a whole sentence that stands on the first page, as",
            "does the beginning of the next one, which goes on over the",
        ],
    )
    maker.write(290, 815, "1")
    maker.new_page().write(60, 40, "The yearly report")
    maker.lines(60, 100, ["end of the page. This sentence is on the second page alone and", "so it stays there."])
    maker.write(290, 815, "2")
    first, second = read_document(maker.save(tmp_path / "over.pdf")).pages
    assert first.text.endswith("the beginning of the next one, which goes on over the end of the page.")
    assert second.text == "This sentence is on the second page alone and so it stays there."


def test_headings_have_levels_by_size_and_number(tmp_path: Path) -> None:
    maker = Maker().new_page()
    maker.write(60, 80, "Handbook", 22)
    maker.write(60, 120, "1. Work", 14)
    maker.lines(60, 145, ["People work here every day and like it quite a lot, as it seems."])
    maker.write(60, 180, "1.1 Hours", 12, bold=True)
    maker.lines(60, 205, ["Eight hours a day are the rule, and nobody works any longer than that."])
    maker.write(60, 240, "Breaks", bold=True)
    maker.lines(60, 265, ["An hour at noon. This line is normal text and not a heading at all."])
    document = read_document(maker.save(tmp_path / "headings.pdf"))
    headings = [(block.text, block.level) for block in document.blocks if block.kind == "heading"]
    assert headings == [("Handbook", 1), ("1. Work", 2), ("1.1 Hours", 3), ("Breaks", 4)]
    assert document.title == "Handbook"


def test_korean_chapters_and_articles_are_headings_in_body_type(tmp_path: Path) -> None:
    maker = Maker().new_page()
    maker.write(60, 80, "제1장 총칙")
    maker.write(60, 110, "제1조(목적)")
    maker.write(60, 135, "이 규정은 자료와 시설을 누구나 이용할 수 있도록 정하는 것을 목적으로 한다.")
    maker.write(60, 170, "제2장 대출")
    maker.write(60, 195, "제5조에 따라 빌린 자료는 두 주 안에 돌려주어야 하며 늦으면 빌릴 수 없다.")
    document = read_document(maker.save(tmp_path / "rules.pdf"))
    assert _kinds(document) == [("heading", 1), ("heading", 2), ("paragraph", 0), ("heading", 1), ("paragraph", 0)]
    assert document.language == "ko"


def test_a_korean_table_keeps_its_spaces_and_is_one_block(tmp_path: Path) -> None:
    maker = Maker().new_page()
    maker.write(60, 80, "아래 표는 자료를 몇 권까지 얼마 동안 빌릴 수 있는지 보여 준다.")
    rows = [
        ["자료 종류", "권수", "빌리는 기간"],
        ["일반 도서", "7권", "두 주 | 연장 가능"],
        ["그림 책과 동화 책", "10권", "14일"],
    ]
    maker.table(60, 100, rows, [150, 80, 160])
    maker.write(60, 220, "표 아래에 있는 문장은 표에 들어가지 않는다.")
    document = read_document(maker.save(tmp_path / "table.pdf"))
    assert [block.kind for block in document.blocks] == ["paragraph", "table", "paragraph"]
    assert _texts(document, "table") == [
        "| 자료 종류 | 권수 | 빌리는 기간 |\n|---|---|---|\n| 일반 도서 | 7권 | 두 주 \\| 연장 가능 |\n| 그림 책과 동화 책 | 10권 | 14일 |"
    ]
    box = document.blocks[1].box
    assert box is not None
    assert box == pytest.approx((60, 100, 450, 166), abs=2)


@pytest.mark.parametrize("rotation", [0, 90])
def test_two_tables_of_a_page_are_found_beside_rules_that_belong_to_none(tmp_path: Path, rotation: int) -> None:
    maker = Maker().new_page()
    for y in (50, 800):  # under the running head, over the foot
        maker.page.draw_line((40, y), (560, y))
    maker.write(60, 80, "The first of the tables says what is lent, and the second one for how long.")
    maker.table(60, 100, [["What", "How many"], ["Books", "7"]], [150, 80])
    maker.write(60, 420, "The second table.")
    maker.table(300, 440, [["What", "Days"], ["Books", "14"]], [150, 80])
    maker.page.set_rotation(rotation)
    document = read_document(maker.save(tmp_path / "two.pdf"))
    assert _texts(document, "table") == [
        "| What | How many |\n|---|---|\n| Books | 7 |",
        "| What | Days |\n|---|---|\n| Books | 14 |",
    ]


def test_a_table_without_rules_is_found_by_its_columns(tmp_path: Path) -> None:
    maker = Maker().new_page()
    maker.write(60, 80, "What the rides of this summer cost, for those who want to know it exactly.")
    for number, row in enumerate([("Ticket", "Price", "Minutes"), ("Single", "2.40", "20"), ("Day", "6.00", "45")]):
        for column, cell in enumerate(row):
            maker.write(60 + 130 * column, 110 + 16 * number, cell)
    document = read_document(maker.save(tmp_path / "open.pdf"))
    assert _texts(document, "table") == [
        "| Ticket | Price | Minutes |\n|---|---|---|\n| Single | 2.40 | 20 |\n| Day | 6.00 | 45 |"
    ]


def test_a_frame_around_text_is_no_table(tmp_path: Path) -> None:
    maker = Maker().new_page()
    for inset in (0, 4):
        maker.page.draw_rect((50 + inset, 60 + inset, 400 - inset, 200 - inset), width=0.7)
    maker.lines(70, 100, ["A notice in a frame is still a text", "and no table of one single cell."])
    document = read_document(maker.save(tmp_path / "frame.pdf"))
    assert [block.kind for block in document.blocks] == ["paragraph"]


def test_running_heads_feet_and_page_numbers_are_left_out(tmp_path: Path) -> None:
    maker = Maker()
    for number in range(1, 7):
        maker.new_page()
        maker.write(60, 40, "Annual report" if number % 2 else "Harbour City, 2026")  # left and right pages differ
        maker.write(60, 110, f"Chapter {number}", 20)
        maker.write(60, 150, f"Here is what page number {number} has to say about the matter.")
        maker.write(60, 400, f"- {number} -")  # in the middle of a page it is text
        maker.write(280, 815, f"- {number} -")
        maker.write(400, 815, f"Confidential {number}")
    document = read_document(maker.save(tmp_path / "heads.pdf"))
    for page in document.pages:
        assert page.text.startswith(f"Chapter {page.number}\n")
        assert f"page number {page.number} has" in page.text
        assert page.text.count(f"- {page.number} -") == 1
    assert not any(word in page.text for page in document.pages for word in ("Annual", "Harbour", "Confidential"))


def test_a_chapter_of_one_page_loses_its_running_head_too(tmp_path: Path) -> None:
    maker = Maker()
    for number in range(1, 5):
        maker.new_page().write(60, 40, f"About {'birds' if number == 3 else 'trees'}").write(500, 40, str(number))
        maker.write(60, 300, f"This is the text of page {number}, which is not like that of others.")
    assert [len(page.blocks) for page in read_document(maker.save(tmp_path / "chapters.pdf")).pages] == [1, 1, 1, 1]


def test_a_table_of_contents_is_a_list_and_no_heading(tmp_path: Path) -> None:
    maker = Maker().new_page().write(60, 80, "Contents", 16)
    maker.write(60, 110, "1 Work . . . . . . . . . . . . . . . . . . 3", 12, bold=True)
    maker.write(60, 130, "1.1 Hours ............................... 4")
    maker.write(60, 200, "The text begins here, and it is set in the size of most of the letters.")
    document = read_document(maker.save(tmp_path / "contents.pdf"))
    assert [(block.kind, block.text) for block in document.blocks][:2] == [
        ("heading", "Contents"),
        ("list", "1 Work … 3\n1.1 Hours … 4"),
    ]


def test_what_stands_on_one_page_only_is_kept_near_the_edge(tmp_path: Path) -> None:
    maker = Maker()
    for number in range(1, 5):
        maker.new_page().write(60, 300, f"This is the text of page {number}, which is not like that of others.")
    maker.write(60, 815, "A footnote on the last page alone.")
    document = read_document(maker.save(tmp_path / "foot.pdf"))
    assert "A footnote on the last page alone." in document.pages[3].text


def test_words_broken_at_line_ends_are_joined(tmp_path: Path) -> None:
    maker = Maker().new_page()
    maker.lines(
        60,
        80,
        [
            "It was a remark-",
            "able year. The well-known firm kept its well-",
            "known name, from 2019-",
            "2024, and its office and traffic stayed.",
        ],
    )
    text = read_document(maker.save(tmp_path / "hyphens.pdf")).pages[0].text
    assert text == (
        "It was a remarkable year. The well-known firm kept its well-known name, from 2019-2024, and its office and "
        "traffic stayed."
    )


def test_ligatures_are_taken_apart(tmp_path: Path) -> None:
    maker = Maker().new_page()
    writer = pymupdf.TextWriter(maker.page.rect)
    writer.append((60, 80), "The oﬃce of the ﬁrst ﬂoor is eﬃcient.", font=pymupdf.Font("cjk"), fontsize=11)
    writer.write_text(maker.page)
    text = read_document(maker.save(tmp_path / "ligatures.pdf")).pages[0].text
    assert text == "The office of the first floor is efficient."


def test_korean_words_broken_between_syllables_are_made_whole(tmp_path: Path) -> None:
    maker = Maker().new_page()
    lines = [
        "종합자료실은 평일 오전에 문을 열고 밤에 닫으며 어린이자료",
        "실은 요일과 관계없이 저녁에 닫는다 회원증은 신분증을 보",
        "이면 그 자리에서 만들어 주고 잃어버린 사람은 다시 만들 수",
        "있다 도서관은 기록을 지우지만 회원이 원하면 남겨 두고 자",
        "신의 누리집에서 볼 수 있으며 누구에게도 알려 주지 않는다",
    ]
    maker.lines(60, 80, lines)
    text = read_document(maker.save(tmp_path / "syllables.pdf")).pages[0].text
    for word in ("어린이자료실은", "보이면", "만들 수 있다", "자신의"):
        assert word in text


def test_korean_lines_that_break_between_words_keep_the_space(tmp_path: Path) -> None:
    maker = Maker().new_page()
    lines = [
        "임대인은 계약이 이어지는 동안 집을",
        "쓰고 살 수 있는 상태로 유지할 의무가 있다",
        "고치지 않으면 살기",
        "어려운 것은 임대인이 고쳐야 하고 손쉬운",
        "일은 보통 임차인이 하는데",
        "값이 적게 드는 일이라야 한다고 정해 두었다",
    ]
    maker.lines(60, 80, lines * 2)
    text = read_document(maker.save(tmp_path / "words.pdf")).pages[0].text
    for pair in ("집을 쓰고", "살기 어려운", "손쉬운 일은", "하는데 값이"):
        assert pair in text


def test_a_line_in_two_parts_or_smaller_type_stays_in_its_paragraph(tmp_path: Path) -> None:
    maker = Maker().new_page()
    maker.write(60, 80, "A justified line may fall apart").write(230, 80, "where its words are set far from")
    maker.write(60, 94, "each other. Then a name in smaller type follows, which fills a line of its own:", 9)
    maker.write(60, 108, "after it the text goes on as it did before, in the size of the most letters.")
    document = read_document(maker.save(tmp_path / "parts.pdf"))
    assert [block.kind for block in document.blocks] == ["paragraph"]


def test_lists_are_one_block_with_their_marks(tmp_path: Path) -> None:
    maker = Maker().new_page()
    maker.write(60, 80, "Bring these things when you come to see us:")
    maker.lines(
        70, 100, ["• a form that was filled in", "• two photographs", "1) the first of the numbers", "가. 한국어 항목"]
    )
    document = read_document(maker.save(tmp_path / "list.pdf"))
    assert _texts(document, "list") == [
        "- a form that was filled in\n- two photographs\n1) the first of the numbers\n가. 한국어 항목"
    ]


def test_code_is_kept_line_by_line(tmp_path: Path) -> None:
    maker = Maker().new_page()
    maker.write(60, 80, "The program is short, and it prints one number only.")
    for number, line in enumerate(["def double(number):", "    return 2 * number"]):
        indent = len(line) - len(line.lstrip())
        maker.write(60 + 6 * indent, 110 + 13 * number, line.strip(), mono=True)
    document = read_document(maker.save(tmp_path / "code.pdf"))
    assert _texts(document, "code") == ["def double(number):\n    return 2 * number"]


def test_a_turned_page_is_read_as_it_is_seen(tmp_path: Path) -> None:
    maker = Maker().new_page()
    maker.table(60, 100, [["Name", "Room"], ["Ada", "12"], ["Grace", "14"]], [100, 100])
    maker.write(60, 250, "Turned by ninety degrees, this page reads all the same.")
    maker.page.set_rotation(90)
    document = read_document(maker.save(tmp_path / "turned.pdf"))
    assert _texts(document, "table") == ["| Name | Room |\n|---|---|\n| Ada | 12 |\n| Grace | 14 |"]
    assert "reads all the same" in document.pages[0].text


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    path = Maker().new_page().write(60, 80, "The same again.").save(tmp_path / "same.pdf")
    assert read_document(path) == read_document(path)
    assert read_document(path).blocks == [
        Block("paragraph", "The same again.", 0, 1, read_document(path).blocks[0].box)
    ]
