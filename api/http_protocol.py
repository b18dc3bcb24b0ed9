"""How requests are read from a connection, and answers written: uvicorn's protocol on llhttp.

llhttp reads a request in a tenth of the time that Python takes, but holds a head, or the fields
after a body, however long they are. Here a client that sends too much of them is refused.
RFC 9110 §5.4, RFC 9112 §3: how much is taken is the server's choice. Nor does it hold for ever
what a client began to send that has vanished without a word, as those on the road do: who is
silent in the middle of a request for as long as between two is hung up on (RFC 9112 §9.5). And the
head of an answer goes out with the beginning of its content, so that nobody is woken twice for it.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HELD_BYTES = 64 * 1024  # of a request that is not handed on: its line and fields


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    _held = 0
    _has_body_begun = False
    _is_awaited = True  # the rest of a request, or the first one
    _heard_at = 0.0
    _looking: asyncio.TimerHandle | None = None  # whether it is silent

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(cast(asyncio.Transport, _Joining(transport, self.loop)))
        self._hear()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection to the protocol of WebSockets."""
        self._is_awaited = False
        self.transport = cast(_Joining, self.transport).plain  # a socket writes whole frames
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        """Read what came; refuse a head that is too long."""
        self._held += len(data)
        super().data_received(data)
        if self._held > MOST_HELD_BYTES and not self.transport.is_closing():
            self.send_400_response("The fields of the request are too long.")
        self._hear()

    def _hear(self) -> None:
        # Most requests come in one piece: for these no timer is set.
        if self._is_awaited and not self.transport.is_closing():
            self._heard_at = self.loop.time()
            if self._looking is None:
                self._looking = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _look(self) -> None:
        self._looking = None
        if not self._is_awaited or self.transport.is_closing():
            return
        if self.flow.read_paused:
            self._heard_at = self.loop.time()  # it is we who do not listen
        left_s = self._heard_at + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._looking = self.loop.call_later(left_s, self._look)
        else:
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._is_awaited = True
        self._has_body_begun = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head."""
        if not self._has_body_begun:  # nobody reads those that follow a body
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request on."""
        self._held = 0
        self._has_body_begun = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand a piece of the content on."""
        self._held = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Say that the content has ended."""
        self._held = 0
        self._is_awaited = False
        super().on_message_complete()


class _Joining:
    """A transport that writes with the next piece what comes right before it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.plain = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            held, self._held = self._held, b""
            self.plain.write(held + data)
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)  # when nothing more is written in this moment

    def close(self) -> None:
        self._flush()
        self.plain.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self.plain.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)
