"""HTML: the article without scripts, styles, menus and what is hidden; nothing is fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mactuner_core.data.text_file import RawFile, decode
from mactuner_core.rag.documents.clean import clean, markdown_table
from mactuner_core.rag.documents.document import Block, Page, make_page

_DROPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "nav",
        "aside",
        "form",
        "button",
        "select",
        "option",
        "input",
        "textarea",
        "svg",
        "math",
        "canvas",
        "iframe",
        "object",
        "embed",
        "applet",
        "audio",
        "video",
        "map",
        "head",
        "dialog",
        "menu",
    ]
)
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "ins",
        "kbd",
        "label",
        "mark",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LEAST_ARTICLE = 0.4  # of the page's text must stand in <main> or the only <article> for the rest to be left out
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_XML_START = re.compile(r"^\s*<\?xml[^>]*\?>")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_MOST_SPAN = 50  # columns or rows


def read_html(name: str, content: bytes) -> tuple[str, Page]:
    """Return title and the one page of an HTML file; raises InputError when its encoding is not known."""
    text = _decoded(name, content)
    root = _parsed(text)
    if root is None:
        return "", make_page(1, [])
    title = root.findtext(".//title") or ""
    body = root.find(".//body")
    return " ".join(clean(title).split()), make_page(1, _walked(_article(root if body is None else body)))


def html_blocks(text: str) -> list[Block]:
    """Return the blocks of a piece of HTML."""
    root = _parsed(text)
    return [] if root is None else _walked(root)


def _decoded(name: str, content: bytes) -> str:
    declared = _CHARSET.search(content[:4096])
    encoding = declared.group(1).decode("ascii").lower() if declared else ""
    if encoding in ("euc-kr", "ks_c_5601-1987", "ksc5601"):
        encoding = "cp949"
    if encoding and encoding not in ("utf-8", "utf8"):
        try:
            return content.decode(encoding)
        except (LookupError, UnicodeDecodeError):
            pass  # pages often declare what they are not
    return decode(RawFile(Path(name), name, content, "")).text


def _parsed(text: str) -> Any:
    from lxml import etree
    from lxml import html as lxml_html

    text = _XML_START.sub("", text).replace("\x00", "")
    if not text.strip():
        return None
    parser = lxml_html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, encoding="utf-8")
    try:
        return lxml_html.document_fromstring(text.encode("utf-8", errors="replace"), parser=parser)
    except etree.ParserError:  # nothing but comments
        return None


def _article(body: Any) -> Any:
    articles = body.xpath(".//main | .//*[@role='main']") or body.xpath(".//article")
    if len(articles) == 1 and len(articles[0].text_content()) >= _LEAST_ARTICLE * len(body.text_content()):
        return articles[0]
    return body


def _walked(root: Any) -> list[Block]:
    walk = _Walk()
    walk.children(root)
    walk.flush()
    return walk.blocks


class _Walk:
    """Goes through the elements in order; text between two block elements is one paragraph."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._text: list[str] = []

    def children(self, element: Any) -> None:
        self._text.append(_spaces(element.text))
        for child in element:
            self._element(child)
            self._text.append(_spaces(child.tail))

    def flush(self) -> None:
        text = _tidy("".join(self._text))
        self._text = []
        if text:
            self.blocks.append(Block("paragraph", text))

    def _element(self, element: Any) -> None:
        tag = element.tag
        if not isinstance(tag, str) or _is_dropped(element):
            return
        if tag == "br":
            self._text.append("\n")
        elif tag == "img":
            self._text.append(_spaces(element.get("alt")))
        elif tag in _INLINE:
            self.children(element)
        else:
            self.flush()
            self._block(tag, element)
            self.flush()

    def _block(self, tag: str, element: Any) -> None:
        if tag in _HEADINGS:
            self._add("heading", " ".join(_inner(element).split()), _HEADINGS[tag])
        elif tag in ("pre", "listing", "xmp"):
            self._add("code", clean(element.text_content()).strip("\n"))
        elif tag in ("ul", "ol") and element.find(".//table") is None and element.find(".//pre") is None:
            self._add("list", "\n".join(_list(element, 0)))
        elif tag == "table" and element.find(".//table") is None:
            self._table(element)
        else:
            self.children(element)

    def _add(self, kind: Any, text: str, level: int = 0) -> None:
        if text.strip():
            self.blocks.append(Block(kind, text, level))

    def _table(self, element: Any) -> None:
        caption = element.find("caption")
        if caption is not None:
            self._add("paragraph", _inner(caption))
        rows = _rows(element)
        if len(rows) == 1 or max(map(len, rows), default=0) == 1:
            self._add("paragraph", "\n".join(" ".join(filter(None, row)) for row in rows))
        elif rows:
            self._add("table", markdown_table(rows))


def _is_dropped(element: Any) -> bool:
    if element.tag in _DROPPED or element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    if element.tag in ("header", "footer") and element.getparent() is not None and element.getparent().tag == "body":
        return element.find(".//h1") is None
    role = element.get("role")
    return role in ("navigation", "banner", "contentinfo", "search") or bool(_HIDDEN.search(element.get("style") or ""))


def _inner(element: Any) -> str:
    """Return all text of an element in one piece, with line ends where its blocks end."""
    walk = _Walk()
    walk.children(element)
    walk.flush()
    return "\n".join(block.text for block in walk.blocks)


def _list(element: Any, depth: int) -> list[str]:
    lines = []
    number = int(element.get("start") or 1) if (element.get("start") or "1").isdecimal() else 1
    for item in element:
        if item.tag in ("ul", "ol"):
            lines += _list(item, depth + 1)
        if item.tag != "li" or _is_dropped(item):
            continue
        mark = f"{number}." if element.tag == "ol" else "-"
        number += 1
        inner = [child for child in item if child.tag in ("ul", "ol")]
        tails = [clean(child.tail or "") for child in inner]
        for child in inner:
            item.remove(child)
        text = " ".join([*_inner(item).split(), *" ".join(tails).split()])
        lines += [f"{'  ' * depth}{mark} {text}"] if text else []
        for child in inner:
            lines += _list(child, depth + 1)
    return lines


def _rows(table: Any) -> list[list[str]]:
    """Return the cells of a table; a cell that spans rows is said again in each, one that spans columns leaves them empty."""
    rows: list[list[str]] = []
    from_above: dict[int, tuple[int, str]] = {}
    for row in table.iter("tr"):
        cells: list[str] = []
        waiting = [cell for cell in row if cell.tag in ("td", "th")]
        while waiting or len(cells) in from_above:
            if len(cells) in from_above:
                left, text = from_above.pop(len(cells))
                if left > 1:
                    from_above[len(cells)] = (left - 1, text)
                cells.append(text)
                continue
            cell = waiting.pop(0)
            text = " ".join(_inner(cell).split())
            down = _span(cell.get("rowspan"))
            for column in range(_span(cell.get("colspan"))):
                if down > 1:
                    from_above[len(cells)] = (down - 1, text if column == 0 else "")
                cells.append(text if column == 0 else "")
        if any(cells):
            rows.append(cells)
    return rows


def _span(value: str | None) -> int:
    return min(_MOST_SPAN, max(1, int(value))) if value and value.isdecimal() and len(value) < 6 else 1


def _spaces(text: str | None) -> str:
    return re.sub(r"\s+", " ", clean(text)) if text else ""


def _tidy(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.split("\n") if line.strip())
