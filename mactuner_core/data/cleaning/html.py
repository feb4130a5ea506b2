"""HTML out of a text: only real tags and complete entities, so that “a < b”, <민법> and List<String> stay.

A parser would guess what is meant; here a tag is a known name with nothing but attributes behind it. What it does not do:
read tables as tables, or keep the addresses of links.
"""

from __future__ import annotations

import re
from html import unescape

_BLOCKS = (
    "address article aside blockquote body br center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 "
    "head header hr html li main nav ol optgroup option p pre section select table tbody tfoot thead title tr ul"
)
_INLINE = (
    "a abbr acronym audio b bdi bdo big button canvas caption cite code col colgroup data datalist del details dfn dialog "
    "em embed font i iframe img input ins kbd label legend link map mark meta meter nobr noscript object output param "
    "picture progress q rp rt ruby s samp small source span strike strong sub summary sup svg td textarea th time track tt "
    "u var video wbr"
)
_FLAGS = "async autofocus autoplay checked controls defer disabled hidden loop multiple muted nowrap readonly required"
_VALUE = r"""(?:"[^"<]{0,4000}"|'[^'<]{0,4000}'|[^\s"'<>]{1,4000})"""
_ATTRIBUTE = rf"(?:\s{{1,20}}(?:[a-z_:@][\w:.-]{{0,60}}\s?=\s?{_VALUE}|(?:{_FLAGS.replace(' ', '|')})(?=[\s/>])))"


def _tag(names: str) -> re.Pattern[str]:
    return re.compile(rf"</?(?:{names.replace(' ', '|')}){_ATTRIBUTE}{{0,40}}\s{{0,20}}/?>", re.IGNORECASE | re.ASCII)


_BLOCK_TAG = _tag(_BLOCKS)
_INLINE_TAG = _tag(_INLINE)
_CELL_END = re.compile(r"</t[dh]\s{0,20}>(?!\s*</tr)", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!doctype\b[^<>]{0,1000}>", re.IGNORECASE)
_SKIPPED = (
    (re.compile("<!--"), re.compile("-->")),
    (
        re.compile(rf"<script{_ATTRIBUTE}{{0,40}}\s{{0,20}}>", re.IGNORECASE),
        re.compile(r"</script\s{0,20}>", re.IGNORECASE),
    ),
    (
        re.compile(rf"<style{_ATTRIBUTE}{{0,40}}\s{{0,20}}>", re.IGNORECASE),
        re.compile(r"</style\s{0,20}>", re.IGNORECASE),
    ),
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BREAKS = re.compile(r"(?<![ \t\n])[ \t]*+\n[ \t\n]*")


def remove_html(text: str, *, tags: bool = True, entities: bool = True) -> str:
    """Return the text without tags and with its entities decoded once; what an entity spells is never read as a tag."""
    if tags and "<" in text and ">" in text:
        text = _without_tags(text)
    if entities and "&" in text:
        text = _ENTITY.sub(_decoded, text)
    return text


def _without_tags(text: str) -> str:
    for opening, closing in _SKIPPED:
        text = _without_content(text, opening, closing)
    text = _DOCTYPE.sub("", text)
    text = _CELL_END.sub(" ", text)
    text = _INLINE_TAG.sub("", text)
    pieces = _BLOCK_TAG.split(text)
    if len(pieces) == 1:
        return text
    return _BREAKS.sub(_one_break, "\n".join(pieces)).strip("\n")


def _one_break(found: re.Match[str]) -> str:
    return "\n\n" if found[0].count("\n") > 2 else "\n"


def _without_content(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """Return the text without what stands from each `opening` to its `closing`; an unclosed one stays."""
    kept: list[str] = []
    position = 0
    while (start := opening.search(text, position)) and (end := closing.search(text, start.end())):
        kept.append(text[position : start.start()])
        position = end.end()
    return "".join([*kept, text[position:]]) if kept else text


def _decoded(entity: re.Match[str]) -> str:
    character = unescape(entity[0])
    return " " if character == "\u00a0" else character
