"""One kept HTTP/1.1 connection that costs the client next to nothing.

A library's client needs about a millisecond for each request; that would be most of what
is measured here.
"""

import json
import socket
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 60


class HttpClient:
    """Asks one server, request by request, on one connection."""

    def __init__(self, url: str, token: str = "") -> None:
        """Connect.

        Args:
            url: ``http://host:port``.
            token: The access token to show, if any.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
        self._address = (host, port)
        self._socket = _connected(self._address)
        self._head = f"Host: {host}:{port}\r\nAccept: application/json\r\n"
        if token:
            self._head += f"Authorization: Bearer {token}\r\n"
        self._received = b""

    def get(self, path: str, **query: object) -> Any:
        """Return what is answered to GET, decoded.

        Raises:
            RuntimeError: The answer is no success.
        """
        return json.loads(self.exchange(self.prepared("GET", path, **query)))

    def prepared(self, method: str, path: str, body: object = None, **query: object) -> bytes:
        """Return a request as bytes, to be sent by ``exchange``."""
        target = f"{path}?{urlencode(query)}" if query else path
        head = f"{method} {target} HTTP/1.1\r\n{self._head}"
        if body is None:
            return f"{head}\r\n".encode()
        content = json.dumps(body).encode()
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        return head.encode() + content

    def exchange(self, request: bytes) -> bytes:
        """Send a request and return the content of its answer.

        Raises:
            RuntimeError: The answer is no success, or not delimited by Content-Length.
        """
        status, content = self.answer(request)
        if not 200 <= status < 300:
            raise RuntimeError(f"{request.split(b' HTTP')[0].decode()}: {status} {content[:500]!r}")
        return content

    def answer(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and return status and content, whatever the status is."""
        try:
            self._socket.sendall(request)
            head = self._until_head_ends()
        except (RuntimeError, OSError):
            if self._received:
                raise
            # The server closes what was not used for long; all that is asked may be asked again.
            self._socket.close()
            self._socket = _connected(self._address)
            self._socket.sendall(request)
            head = self._until_head_ends()
        first, *fields = head.split(b"\r\n")
        length = 0
        for field in fields:
            name, _, value = field.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            elif name.lower() == b"transfer-encoding":
                raise RuntimeError("an answer of unknown length")
        return int(first.split(b" ", 2)[1]), self._take(length)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _until_head_ends(self) -> bytes:
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            self._receive()
        head, self._received = self._received[:end], self._received[end + 4 :]
        return head

    def _take(self, length: int) -> bytes:
        while len(self._received) < length:
            self._receive()
        content, self._received = self._received[:length], self._received[length:]
        return content

    def _receive(self) -> None:
        chunk = self._socket.recv(1 << 18)
        if not chunk:
            raise RuntimeError("the server closed the connection")
        self._received += chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connected(address: tuple[str, int]) -> socket.socket:
    connected = socket.create_connection(address, timeout=TIMEOUT_S)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected
