"""Changes as they happen, over a WebSocket (RFC 6455): each one message, in order, none missed.

Who connects listens first and reads what was missed then, so that nothing falls between; what
comes twice is told by its number. Ids and states are told, never content. A client that does
not keep up is closed with a reason, and catches up from its cursor when it comes again.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from api import views
from api.context import Context
from api.endpoint import as_query
from api.history import too_old
from api.problems import Problem, answer
from api.shapes import SocketQuery
from topologies.errors import Retryable
from topologies.events import MailboxChanged
from topologies.ports.directory import Session
from topologies.ports.mailboxes import MAX_PAGE
from topologies.ports.notices import Missed, Notice

PROTOCOL = "bearer"  # a browser can't set a header: it offers this and the token

# RFC 6455 §7.4: 4000 to 4999 are ours.
TRY_AGAIN, SIGNED_OUT, TOO_OLD = 1013, 4401, 4410

_encoder = msgspec.json.Encoder()


class _Left(Exception):
    """The client is gone: there is nobody to tell anything."""


class _Ended(Exception):
    """The socket is to be closed.

    Attributes:
        code: Of the close frame.
        reason: Beside it, for people.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


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
                refused = Problem(429, "this user has too many sockets open")
                await socket.send_denial_response(answer(refused))
                return
            await self._serve(socket, session, query.since, token, protocol)

    async def _serve(
        self,
        socket: WebSocket,
        session: Session,
        since: int | None,
        token: str,
        protocol: str | None,
    ) -> None:
        await socket.accept(subprotocol=protocol)
        telling = asyncio.create_task(self._tell(socket, session.user.user_id, since, token))
        leaving = asyncio.create_task(_left(socket))
        try:
            await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                return
            await telling
        except _Ended as ended:
            await self._close(socket, ended.code, ended.reason)
        except Retryable:
            await self._close(socket, TRY_AGAIN, "something is out of reach: connect again")
        except _Left:
            return
        finally:
            for task in (telling, leaving):
                task.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)

    async def _tell(self, socket: WebSocket, user_id: str, since: int | None, token: str) -> None:
        async with self._context.notices.listen(user_id) as notices:
            if since is None:
                since = (await self._context.mailboxes.mailbox(user_id)).seq
            since = await self._catch_up(socket, user_id, since)
            loop = asyncio.get_running_loop()
            check_at = loop.time() + self._context.check_every_s
            while True:
                try:
                    async with asyncio.timeout_at(check_at):
                        notice = await _next(notices)
                except TimeoutError:
                    notice = None
                # By the clock, not by silence: a busy mailbox is no reason to believe a token.
                if loop.time() >= check_at:
                    if await self._context.directory.session(token) is None:
                        raise _Ended(SIGNED_OUT, "the token is not valid any more")
                    check_at = loop.time() + self._context.check_every_s
                if isinstance(notice, MailboxChanged) and notice.seq == since + 1:
                    await self._send(socket, notice)
                    since = notice.seq
                elif isinstance(notice, Missed) or (
                    isinstance(notice, MailboxChanged) and notice.seq > since
                ):
                    since = await self._catch_up(socket, user_id, since)

    async def _catch_up(self, socket: WebSocket, user_id: str, since: int) -> int:
        """Send what was missed; return the number of the last change that is known then."""
        has_more = True
        while has_more:
            found = await self._context.mailboxes.changes(user_id, since, MAX_PAGE)
            if found.status == "too-old":
                raise _Ended(TOO_OLD, too_old().body.title)
            for change in found.changes:
                await self._send(socket, change)
            since, has_more = found.seq, found.has_more
        return since

    async def _send(self, socket: WebSocket, change: MailboxChanged) -> None:
        text = _encoder.encode(views.change(change)).decode()
        try:
            async with asyncio.timeout(self._context.send_timeout_s):
                await socket.send_text(text)
        except TimeoutError:
            raise _Ended(TRY_AGAIN, "you read too slowly: connect again from your cursor") from None
        except (WebSocketDisconnect, RuntimeError) as error:
            raise _Left from error  # Starlette's RuntimeError: a message after the closing one

    async def _close(self, socket: WebSocket, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(self._context.send_timeout_s):
                await socket.close(code, reason)
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            return  # it is gone already


async def _next(notices: AsyncIterator[Notice]) -> Notice:
    try:
        return await anext(notices)
    except StopAsyncIteration:
        raise _Ended(TRY_AGAIN, "you fell behind: connect again from your cursor") from None


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
