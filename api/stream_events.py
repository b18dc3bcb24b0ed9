"""Changes as they happen, as server-sent events (WHATWG HTML §9.2): the twin of the WebSocket.

Each change is one event whose ``id`` is its number, so that ``Last-Event-ID`` is the cursor to go
on from. A cursor from which on changes are not kept is answered with the event ``resync``, and
the stream goes on from the number in it. Before we end a stream we say why (``end``).
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.context import Context
from api.endpoint import Call
from api.problems import Problem, invalid_parameter
from api.server import ending_of
from api.shapes_changes import MAX_NUMBER, SocketQuery
from api.stream import TOO_MANY, Ended, encoded, follow, until_left
from topologies.events import MailboxChanged
from topologies.ports.directory import Session

MEDIA_TYPE = "text/event-stream"
RETRY_MS = 2_000  # how long a browser waits before it connects again
HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # proxies that collect answers let this one through
    "X-Content-Type-Options": "nosniff",
}
_LONGEST_ID = 19  # digits


async def stream(call: Call) -> Response:
    """Answer with what was missed, then with what happens, until somebody leaves."""
    asked: SocketQuery = call.query(SocketQuery)
    last = call.request.headers.get("last-event-id", "")
    # The header counts: whoever connects again by itself asks for the same URL.
    since = _number(last) if last else asked.since
    return EventStream(call.context, call.session, call.token, since)


class EventStream(Response):
    """An answer that goes on for as long as somebody listens."""

    def __init__(self, context: Context, session: Session, token: str, since: int | None) -> None:
        super().__init__(None, 200, HEADERS, MEDIA_TYPE)
        del self.headers["content-length"]
        self._context = context
        self._session = session
        self._token = token
        self._since = since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell what happens."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        scope["is_stream"] = True
        with self._context.sockets.place(self._session.user.user_id) as has_place:
            if not has_place:
                raise Problem(429, TOO_MANY, headers={"Retry-After": "5"})
            if scope["method"] == "HEAD":
                await send(start)
                await send({"type": "http.response.body"})
                return
            reader = _StreamReader(send, start, self._context.quiet_s)
            telling = follow(self._context, self._session, self._token, self._since, reader)
            leaving: list[Coroutine[Any, Any, object]] = [_left(receive)]
            if (ending := ending_of(scope)) is not None:
                leaving.append(_stops(ending))
            if (ended := await until_left(telling, *leaving)) is not None:
                await self._end(reader, ended)

    async def _end(self, reader: "_StreamReader", ended: Ended) -> None:
        if not reader.has_begun and ended.why == "try-again":
            raise Problem(
                503, ended.reason, kind="unavailable", headers={"Retry-After": "1"}
            ) from ended
        told = msgspec.json.encode({"type": "end", "why": ended.why, "reason": ended.reason})
        try:
            async with asyncio.timeout(self._context.send_timeout_s):
                await reader.end(b"event: end\ndata: " + told + b"\n\n")
        except TimeoutError:
            return  # it does not read: the server breaks the connection off


class _StreamReader:
    def __init__(self, send: Send, start: dict[str, Any], quiet_s: float) -> None:
        self._send = send
        self._start = start
        self.quiet_s = quiet_s
        self.has_begun = False

    async def begun(self, seq: int) -> None:
        self.has_begun = True
        await self._send(self._start)
        # An event without data tells nothing, and its id is kept: whoever is cut off before the
        # first change goes on from here.
        await self._say(b"retry: %d\nid: %d\n\n" % (RETRY_MS, seq))

    async def told(self, change: MailboxChanged) -> None:
        await self._say(b"id: %d\ndata: %b\n\n" % (change.seq, encoded(change)))

    async def too_old(self, seq: int) -> None:
        told = msgspec.json.encode({"type": "resync", "cursor": seq})
        await self._say(b"event: resync\nid: %d\ndata: %b\n\n" % (seq, told))

    async def quiet(self) -> None:
        await self._say(b":\n\n")

    async def end(self, text: bytes) -> None:
        await self._send({"type": "http.response.body", "body": text})

    async def _say(self, text: bytes) -> None:
        await self._send({"type": "http.response.body", "body": text, "more_body": True})


async def _left(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        continue


async def _stops(ending: asyncio.Event) -> None:
    """Raise when the server stops: streams do not end by themselves."""
    await ending.wait()
    raise Ended("try-again", "the server stops: connect again from your cursor")


def _number(given: str) -> int:
    if given.isascii() and given.isdigit() and len(given) <= _LONGEST_ID:
        number = int(given)
        if number <= MAX_NUMBER:
            return number
    raise invalid_parameter("Last-Event-ID", "it is the number of the last change seen")
