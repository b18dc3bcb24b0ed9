"""How requests are read from a connection, and answers written: uvicorn's protocol on llhttp.

llhttp reads a request in a tenth of the time that Python takes, but holds a head, or the fields
after a body, however long they are. Here a client that sends too much of them is refused.
RFC 9110 §5.4, RFC 9112 §3: how much is taken is the server's choice. And the head of an answer
goes out with the beginning of its content, so that nobody is woken twice for it.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HELD_BYTES = 64 * 1024  # of a request that is not handed on: its line and fields


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    _held = 0
    _has_body_begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(cast(asyncio.Transport, _Joining(transport, self.loop)))

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection to the protocol of WebSockets."""
        self.transport = cast(_Joining, self.transport).plain  # a socket writes whole frames
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        """Read what came; refuse a head that is too long."""
        self._held += len(data)
        super().data_received(data)
        if self._held > MOST_HELD_BYTES and not self.transport.is_closing():
            self.send_400_response("The fields of the request are too long.")

    def on_message_begin(self) -> None:
        """Begin a request."""
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
