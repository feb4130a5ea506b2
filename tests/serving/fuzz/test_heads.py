"""The HTTP around a request turned against the server: heads, lengths, chunks, smuggling, pipelines."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass

import pytest

from tests.serving.conftest import PAIRS
from tests.serving.fuzz.conftest import Attacked

HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
GET = b"GET /v1/models HTTP/1.1\r\n" + HOST
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST + JSON
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\n" + HOST + END


@dataclass(frozen=True)
class Attack:
    """Bytes to send, and the statuses that must come back before the server closes the connection."""

    name: str
    data: bytes
    statuses: tuple[int, ...]


ATTACKS = [
    Attack("a head of 70 kB", GET + b"X-Long: " + b"x" * 70_000, (400,)),
    Attack("a path of 70 kB", b"GET /" + b"x" * 70_000, (400,)),
    Attack("a path of 60 kB", b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\nConnection: close\r\n" + HOST + END, (404,)),
    Attack(
        "5,000 headers", GET + b"".join(b"X-%d: 1\r\n" % n for n in range(5000)) + b"Connection: close\r\n\r\n", (200,)
    ),
    Attack("no name of a header", GET + b": x\r\n\r\n", (400,)),
    Attack("a blank in a header's name", GET + b"X Y: x\r\n\r\n", (400,)),
    Attack("a NUL in a header", GET + b"X: a\0b\r\n\r\n", (400,)),
    Attack("a header over two lines", GET + b"X: a\r\n b\r\nConnection: close\r\n\r\n", (200,)),
    Attack("high bytes in a header", GET + b"Authorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n", (200,)),
    Attack("two hosts", GET + HOST + END, (400,)),
    Attack("no host", b"GET /v1/models HTTP/1.1\r\n\r\n", (400,)),
    Attack("another host", b"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", (403,)),
    Attack(
        "another host in the address",
        b"GET http://evil.example/v1/models HTTP/1.1\r\nConnection: close\r\n" + HOST + END,
        (404,),
    ),
    Attack("HTTP/1.0", b"GET /v1/models HTTP/1.0\r\n" + HOST + END, (200,)),
    Attack("HTTP/1.0 without a host", b"GET /v1/models HTTP/1.0\r\n\r\n", (403,)),
    Attack("HTTP/0.9", b"GET /v1/models\r\n\r\n", (400,)),
    Attack("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (403, 400)),
    Attack("HTTP/9.9", b"GET / HTTP/9.9\r\nConnection: close\r\n" + HOST + END, (404,)),
    Attack("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200, (400,)),
    Attack("noise", bytes(range(256)) * 20, (400,)),
    Attack("no length", POST + b"Connection: close\r\n\r\n", (400,)),
    Attack("a length that is a word", POST + b"Content-Length: ten\r\n\r\n{}", (400,)),
    Attack("a length in other digits", POST + b"Content-Length: \xb2\r\n\r\n{}", (400,)),
    Attack("a length below", POST + b"Content-Length: -1\r\n\r\n{}", (400,)),
    Attack("a length with a sign", POST + b"Content-Length: +2\r\n\r\n{}", (400,)),
    Attack("a length of 5,000 digits", POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", (400,)),
    Attack("a length of 19 digits", POST + b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", (413,)),
    Attack("two lengths", POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", (400,)),
    Attack("two lengths in one", POST + b"Content-Length: 2, 3\r\n\r\n{}", (400,)),
    Attack(
        "a length and chunks",
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n" + HIDDEN,
        (400,),
    ),
    Attack(
        "chunks twice",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        (400,),
    ),
    Attack("chunks of another kind", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + HIDDEN, (400,)),
    Attack("chunks in disguise", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN, (400,)),
    Attack("a blank before the colon", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN, (400,)),
    Attack("a chunk of no size", CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", (400,)),
    Attack("a chunk of a size below", CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n", (400,)),
    Attack("a chunk of a huge size", CHUNKED + b"f" * 40 + b"\r\n{}", (400,)),
    Attack("a chunk with a long word behind", CHUNKED + b"2;" + b"x" * 70_000, (400,)),
    Attack("noise in a chunk's end", CHUNKED + b"2\r\n{}NOISE", (400,)),
    Attack(
        "noise in the second chunk, of one that is answered",
        GET + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\nNOISE\r\n",
        (400,),
    ),
    Attack("noise after an answer", GET + END + b"NOISE\r\n\r\n", (200, 400)),
    Attack("noise behind a waiting request", POST + b"Content-Length: 2\r\n\r\n{}" + b"\0\0\0\r\n\r\n", (400, 400)),
    Attack("three in a row", (GET + END) * 2 + GET + b"Connection: close\r\n\r\n", (200, 200, 200)),
    Attack("a body on GET", GET + b"Content-Length: 5\r\n\r\nGET /" + GET + b"Connection: close\r\n\r\n", (200, 200)),
    Attack(
        "a question for leave",
        POST + b"Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        (100, 400),
    ),
    Attack(
        "a question for another leave",
        POST + b"Expect: 200-ok\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        (400,),
    ),
    Attack(
        "a wish for a socket",
        GET
        + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
        (200,),
    ),
    Attack(
        "a wish for HTTP/2",
        GET + b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
        (200,),
    ),
    Attack("a method nobody knows", b"BREW /v1/models HTTP/1.1\r\nConnection: close\r\n" + HOST + END, (405,)),
    Attack(
        "a method of 1,000 letters", b"X" * 1000 + b" /v1/models HTTP/1.1\r\nConnection: close\r\n" + HOST + END, (405,)
    ),
    Attack("CONNECT", b"CONNECT evil.example:443 HTTP/1.1\r\nConnection: close\r\n" + HOST + END, (404,)),
    Attack("OPTIONS of all", b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n" + HOST + END, (404,)),
    Attack(
        "a path out of the tree",
        b"GET /v1/models/../../../../etc/passwd HTTP/1.1\r\nConnection: close\r\n" + HOST + END,
        (404,),
    ),
    Attack("a quoted NUL", b"GET /v1/models/%00%ff%fe HTTP/1.1\r\nConnection: close\r\n" + HOST + END, (404,)),
    Attack("a forged line", b"GET /v1/models/%0d%0aX:%20y HTTP/1.1\r\nConnection: close\r\n" + HOST + END, (404,)),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_on_http(target: Attacked, attack: Attack) -> None:
    said = b""
    with target.connect() as connection, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(attack.data)
        while part := connection.recv(65536):
            said += part
    statuses = tuple(int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3}) ", said))
    assert statuses == attack.statuses, said[-500:]
    assert b"/hidden" not in said  # what was smuggled in is no request
    target.check_log()


def test_made_up_methods_and_paths_make_no_new_series(target: Attacked) -> None:
    before = target.send("GET", "/metrics").body.count("\n")
    for number in range(50):
        target.send(f"M{number}", "/v1/models")
        target.send("GET", f"/made/up/{number}")
        target.send("GET", f"/v1/models/{number}")
    assert target.send("GET", "/metrics").body.count("\n") <= before + 20


def test_a_request_behind_a_slow_one_waits_its_turn(target: Attacked) -> None:
    body = json.dumps({"model": target.name, "messages": [{"role": "user", "content": "Count"}], "temperature": 0})
    first = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body.encode()
    with target.connect() as connection:
        connection.sendall(first + first + GET + b"Connection: close\r\n\r\n")
        said = b""
        while part := connection.recv(65536):
            said += part
    assert said.count(b"HTTP/1.1 200 ") == 3
    assert said.count(PAIRS["Count"].encode()) == 2
