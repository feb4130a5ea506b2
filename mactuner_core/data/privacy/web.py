"""E-mail addresses, URLs that identify somebody, IP addresses and messenger IDs.

A URL is personal when it carries a password, a query, or an id in its path (a number, a token, an @name), or leads to a
page of a person (a profile, an open chat, a short link). The front page of a site, a version, a date or plain words in
the path are not, and stay. An id that could as well be a news article's is masked: the two cannot be told apart.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from mactuner_core.data.privacy.context import near, other_number
from mactuner_core.data.privacy.spans import Span

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,63})"
    r"(?:@|\s?(?:\(at\)|\[at\]|\(골뱅이\)|골뱅이)\s?)"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.|\s?(?:\(dot\)|\[dot\])\s?)){1,5}[A-Za-z]{2,24}(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_SHARED_MAILBOX = ("git@",)  # the user of every clone address

_TOP = "com|net|org|kr|io|me|co|dev|app|ai|gl|ly|to|be|us|jp|cn|edu|gov|info|biz|xyz|site|shop|page|link|tv|gg|my"
_URL = re.compile(
    r"(?:https?|ftp)://[!-~]+|(?<![A-Za-z0-9@.])www\.[!-~]+"
    rf"|(?<![A-Za-z0-9@._/-])(?:[A-Za-z0-9-]{{1,63}}\.){{1,5}}(?:{_TOP})/[!-~]*",
    re.IGNORECASE,
)
_PEOPLE_HOSTS = re.compile(
    r"(?:^|\.)(?:instagram\.com|facebook\.com|fb\.com|twitter\.com|x\.com|t\.me|threads\.net|tiktok\.com|linkedin\.com|open\.kakao\.com"
    r"|pf\.kakao\.com|qr\.kakao\.com|blog\.naver\.com|cafe\.naver\.com|bit\.ly|naver\.me|kko\.to|kko\.kakao\.com|han\.gl|me2\.do|goo\.gl"
    r"|t\.co|tinyurl\.com|discord\.gg|wa\.me|line\.me)$"
)
_OWN_HOST = re.compile(r"\.(?:tistory\.com|notion\.site|github\.io|blogspot\.com|egloos\.com)$")
_NOT_AN_ID = re.compile(
    r"v?[0-9]{1,3}(?:\.[0-9]+){0,3}|[a-z]+-?[0-9]{1,2}(?:\.[0-9]+)*|(?:19|20)[0-9]{2}(?:-?[01][0-9](?:-?[0-3][0-9])?)?",
    re.IGNORECASE,
)
_ID = re.compile(
    r"[0-9]{3}|^[@~]|^(?=.*[0-9].*[0-9A-Z])(?=.*[A-Za-z])[A-Za-z0-9_-]{8,}$|^(?=.*[a-z][A-Z])(?=.*[A-Z][a-z])[A-Za-z]{10,}$"
)

_IP4 = re.compile(
    r"(?<![0-9A-Za-z.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z])(?!\.[0-9])(?!\s?(?:절|장|항|조|판|버전))"
)
_IP6 = re.compile(r"(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:])")
_VERSION = re.compile(r"(?:버전|버젼|version|ver\.?|release|릴리스|빌드|build|업데이트|v)\s?[:=]?\s?$", re.IGNORECASE)
_IP_LABEL = re.compile(r"ip|아이피|서버|접속|핑|ping|host|dns|주소", re.IGNORECASE)

_SERVICE = (
    r"(?<![가-힣A-Za-z])(?:카카오톡|카톡|텔레그램|텔레|인스타그램|인스타|라인|위챗|디스코드|디코|스카이프|페메|페북|페이스북|트위터|스냅챗|왓츠앱|스레드|틱톡|시그널"
    r"|kakao ?talk|kakao|telegram|instagram|insta|line|wechat|discord|skype|twitter|whatsapp|threads|tiktok|snapchat)"
)
_HANDLE = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{2,28}[A-Za-z0-9_]|[A-Za-z0-9_]{1,2})(?:#[0-9]{4})?(?![A-Za-z0-9@])"
_MESSENGER = re.compile(
    rf"{_SERVICE}(?=[^A-Za-z0-9._-]|ID)\s?(아이디|ID|계정|닉네임|닉)?\s?(?:에서|은|는|이|가|에|로)?\s?([:=-])?\s?(@)?({_HANDLE})",
    re.IGNORECASE,
)
_SOCIAL = re.compile(rf"{_SERVICE}|팔로우|맞팔|선팔|친추|디엠|\bDM\b", re.IGNORECASE)
_AT_HANDLE = re.compile(rf"(?<![A-Za-z0-9@._%+-])@{_HANDLE}(?![/(]| ?{{)")
_PLAIN_VERSION = re.compile(r"v?[0-9]+(?:\.[0-9]+)*|[0-9]+[a-z]{1,3}", re.IGNORECASE)


def find_emails(text: str) -> Iterator[Span]:
    """Yield the e-mail addresses in `text` (in one spelling)."""
    for match in _EMAIL.finditer(text):
        if not match[0].lower().startswith(_SHARED_MAILBOX):
            yield Span("email", match.start(), match.end())


def find_urls(text: str) -> Iterator[Span]:
    """Yield the URLs in `text` that identify somebody."""
    for match in _URL.finditer(text):
        url = _without_closing_marks(match[0])
        if identifies(url):
            yield Span("url", match.start(), match.start() + len(url))


def find_ips(text: str) -> Iterator[Span]:
    """Yield the IP addresses of single machines: not loopback, not a netmask, not a version or a chapter."""
    for match in _IP4.finditer(text):
        before = text[max(0, match.start() - 12) : match.start()]
        if _VERSION.search(before) or other_number(text, match.start()) or match[0].startswith(("0.", "127.", "255.")):
            continue
        short = len(match[0]) == 7  # 1.2.3.4 is a chapter or a version unless the sentence speaks of machines
        if all(int(part) < 256 for part in match[0].split(".")) and not (
            short and not near(_IP_LABEL, text, match, 24)
        ):
            yield Span("ip", match.start(), match.end())
    for match in _IP6.finditer(text):
        if _is_ip6(match[0]):
            yield Span("ip", match.start(), match.end())


def find_messenger_ids(text: str) -> Iterator[Span]:
    """Yield the messenger and social network IDs: behind the name of the service, or @names where one is spoken of."""
    for match in _MESSENGER.finditer(text):
        handle = match[4]
        if _PLAIN_VERSION.fullmatch(handle):
            continue
        odd = any(not character.isalpha() for character in handle)
        id_label = match[1] and match[1].lower() in ("아이디", "id") and len(handle) >= 4
        if match[3] or id_label or (odd and (len(handle) >= 4 or match[1])):
            yield Span("messenger_id", match.start(3) if match[3] else match.start(4), match.end(4))
    for match in _AT_HANDLE.finditer(text):
        if near(_SOCIAL, text, match, 40):
            yield Span("messenger_id", match.start(), match.end())


def identifies(url: str) -> bool:
    """Return whether `url` carries something that leads to a person or a single matter."""
    try:
        parts = urlsplit(url if "://" in url else "http://" + url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.username or parts.query or _OWN_HOST.search(host):
        return True
    segments = [segment for segment in parts.path.split("/") if segment]
    if segments and _PEOPLE_HOSTS.search(host):
        return True
    return any(_is_id(segment) for segment in segments) or _is_id(parts.fragment)


def _is_id(segment: str) -> bool:
    return bool(segment) and not _NOT_AN_ID.fullmatch(segment) and _ID.search(segment[:200]) is not None


def _is_ip6(candidate: str) -> bool:
    try:
        address = ipaddress.IPv6Address(candidate)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified) and any(mark.isdigit() for mark in candidate)


def _without_closing_marks(url: str) -> str:
    while url and (url[-1] in ".,;:!?'\"]>}*" or (url[-1] == ")" and "(" not in url)):
        url = url[:-1]
    return url
