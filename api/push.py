"""Changes as they happen, over a WebSocket (RFC 6455): each one message (``api.stream``)."""

import asyncio
import math

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.context import Context
from api.endpoint import as_query
from api.history import too_old
from api.problems import Problem, answer
from api.shapes_changes import SocketQuery
from api.stream import TOO_MANY, Ended, Left, encoded, follow, until_left
from topologies.errors import Retryable
from topologies.events import MailboxChanged

PROTOCOL = "bearer"  # a browser can't set a header: it offers this and the token

# RFC 6455 §7.4: 4000 to 4999 are ours.
TRY_AGAIN, SIGNED_OUT, TOO_OLD = 1013, 4401, 4410
_CODES = {"try-again": TRY_AGAIN, "signed-out": SIGNED_OUT, "too-old": TOO_OLD}


class Push:
    """The endpoint of WebSockets."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until either side closes it."""
        socket = WebSocket(scope, receive, send)
        try:
            token, protocol = _token(socket)
            session = await self._context.directory.session(token) if token else None
            if session is None or "read" not in session.scopes:
                raise Problem(401, "sign in first: offer the subprotocols bearer and your token")
            query: SocketQuery = as_query(scope["query_string"], SocketQuery)
        except Problem as problem:
            await socket.send_denial_response(answer(problem))
            return
        except Retryable:
            away = Problem(
                503,
                "something that is needed is out of reach: try again in a moment",
                kind="unavailable",
                headers={"Retry-After": "1"},
            )
            await socket.send_denial_response(answer(away))
            return
        with self._context.sockets.place(session.user.user_id) as has_place:
            if not has_place:
                await socket.send_denial_response(answer(Problem(429, TOO_MANY)))
                return
            await socket.accept(subprotocol=protocol)
            telling = follow(self._context, session, token, query.since, _SocketReader(socket))
            if (ended := await until_left(telling, _left(socket))) is not None:
                await self._close(socket, _CODES[ended.why], ended.reason)

    async def _close(self, socket: WebSocket, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(self._context.send_timeout_s):
                await socket.close(code, reason)
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            return  # it is gone already


class _SocketReader:
    quiet_s = math.inf  # the server pings by itself

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def begun(self, seq: int) -> None:
        del seq

    async def told(self, change: MailboxChanged) -> None:
        try:
            await self._socket.send_text(encoded(change).decode())
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Left from error  # Starlette's RuntimeError: a message after the closing one

    async def too_old(self, seq: int) -> None:
        del seq
        raise Ended("too-old", too_old().body.title)

    async def quiet(self) -> None:
        return


async def _left(socket: WebSocket) -> None:
    """Return when the client has left; what it says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


def _token(socket: WebSocket) -> tuple[str, str | None]:
    """Return the token, and the subprotocol to answer with."""
    offered: list[str] = socket.scope.get("subprotocols", [])
    if PROTOCOL in offered and len(offered) > 1:
        return next(each for each in offered if each != PROTOCOL), PROTOCOL
    kind, _, token = socket.headers.get("authorization", "").partition(" ")
    return (token.strip() if kind.lower() == "bearer" else ""), None
