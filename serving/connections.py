"""Connections that ask for nothing or do not read their answer: cut after a time.

uvicorn watches a connection only after its first response; one that sends its headers byte by byte, or nothing at all,
would stay for ever, and so would a request, with its place, whose client holds the connection and reads nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 20.0  # for the head of a request, from its first byte or from the connection's beginning
UNREAD_S = 60.0  # how long a client may take in nothing of an answer that waits to be sent
LARGEST_HEAD = 65_536  # bytes; more is answered with 400
_FILES_BESIDE = 128  # open files that are no connections


class Protocol(H11Protocol):
    """HTTP/1.1 with a time limit for the head of each request and for clients that do not read."""

    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take in data, and wait for the rest when the head of a request is not whole yet."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a body that nobody will read."""
        super().on_response_complete()
        if self._is_unread():
            self._watch()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the app's place, which may be at work on the same request; cut what it has begun."""
        begun = False
        if self.cycle is not None and not self.cycle.response_complete:
            begun = self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if begun:
            self.transport.abort()
        else:
            super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._unwatch()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read; the app is told that it left."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop waiting: the client has read."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE and not self._is_unread():
            self._unwatch()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self.transport.close)

    def _is_unread(self) -> bool:
        """Tell whether the client still sends the body of a request that was answered."""
        return self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def most_connections(wanted: int) -> int:
    """Return how many connections to allow: `wanted`, or less where the system does not grant as many open files."""
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    granted: Any = wanted if soft == resource.RLIM_INFINITY else min(wanted, soft - _FILES_BESIDE)
    return max(int(granted), 16)
