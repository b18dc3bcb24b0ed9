"""One connection to an SMTP server: bytes go out, whole replies come in.

A server may be hostile: what it says without being asked is bounded, and what it says before
TLS is never taken for something said within.
"""

import asyncio
import ssl
from collections import deque
from typing import Any, cast

from topologies.mail.smtp_reply import BadReply, Reply, ReplyReader

MOST_REPLIES = 2_000  # that wait to be read; as many commands are never under way
BLOCK_BYTES = 128 * 1024  # written at once
_OF_CERTIFICATES = {  # by the code of OpenSSL: X509_V_ERR_…
    9: "certificate-expired",  # not yet valid
    10: "certificate-expired",
    **dict.fromkeys((18, 19, 20, 21), "certificate-not-trusted"),
    62: "certificate-host-mismatch",
    64: "certificate-host-mismatch",
}


class Lost(Exception):
    """The connection is of no use any more; says why. No OSError: those are of disks too.

    Attributes:
        tls_failure: What was wrong with the server's TLS (RFC 8460 §4.3); empty: nothing was.
    """

    def __init__(self, reason: str, tls_failure: str = "") -> None:
        super().__init__(reason)
        self.tls_failure = tls_failure


class Wire(asyncio.Protocol):
    """A connection, from ``connect`` to ``abort`` or ``Lost``."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._lost = ""

    @classmethod
    async def connect(
        cls, address: str, port: int, *, source: str | None, timeout_s: float
    ) -> "Wire":
        """Return a connection to *address*.

        Raises:
            Lost: There is none.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                _, wire = await loop.create_connection(
                    cls, address, port, local_addr=(source, 0) if source else None
                )
        except TimeoutError:
            raise Lost(f"no connection within {timeout_s:g} s") from None
        except OSError as error:
            raise Lost(f"no connection: {error.strerror or error}") from None
        return wire

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be asked any more, or something was said that nobody asked for."""
        return bool(self._lost or self._replies or self._reader.has_left)

    @property
    def tls(self) -> str:
        """The version and cipher of TLS; empty in clear text."""
        found = self._tls_object()
        if found is None:
            return ""
        cipher = found.cipher()
        return f"{found.version()} {cipher[0] if cipher else ''}".strip()

    def chain(self) -> list[bytes]:
        """Return the certificates that the server sent, in DER, its own first; none in clear text.

        Nobody looked whether they lead anywhere.
        """
        found = self._tls_object()
        if found is None:
            return []
        if hasattr(found, "get_unverified_chain"):  # from Python 3.13 on
            return list(cast("Any", found).get_unverified_chain())
        inner: Any = getattr(found, "_sslobj", None)
        if inner is None or not hasattr(inner, "get_unverified_chain"):
            return [found.getpeercert(binary_form=True) or b""]
        return [
            ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in inner.get_unverified_chain()
        ]

    def write(self, data: bytes) -> None:
        """Send *data* as soon as it can be; what went wrong is told by ``reply``."""
        if self._transport is not None and not self._lost:
            self._transport.write(data)

    async def flow(self, data: bytes, timeout_s: float) -> None:
        """Send *data*, however large, in blocks, each within *timeout_s*.

        Where the server has refused it before all is sent, that is the next reply.

        Raises:
            Lost: It can't be.
        """
        for start in range(0, len(data), BLOCK_BYTES):
            self.write(data[start : start + BLOCK_BYTES])
            if not self._can_write.is_set():
                try:
                    async with asyncio.timeout(timeout_s):
                        await self._can_write.wait()
                except TimeoutError:
                    self._give_up(f"took no data for {timeout_s:g} s")
            if self._lost and self._replies and not self._replies[0].is_positive:
                return
            if self._lost:
                raise Lost(self._lost)

    async def reply(self, timeout_s: float) -> Reply:
        """Return the next reply.

        Raises:
            Lost: There is none, in time or any more.
        """
        while not self._replies:
            if self._lost:
                raise Lost(self._lost)
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._waiter
            except TimeoutError:
                raise self._give_up(f"no answer within {timeout_s:g} s") from None
            finally:
                self._waiter = None
        return self._replies.popleft()

    async def start_tls(self, context: ssl.SSLContext, host: str, timeout_s: float) -> None:
        """Go on in TLS.

        Raises:
            Lost: The handshake failed.
        """
        if self._replies or self._reader.has_left:
            # Whoever sits between would have us believe that it came within.
            raise self._give_up("it went on talking before TLS")
        assert self._transport is not None  # noqa: S101  connected
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                self._transport,
                self,
                context,
                server_hostname=host,
                ssl_handshake_timeout=timeout_s,
            )
        except (OSError, TimeoutError, ssl.SSLError) as error:
            lost = self._give_up(f"no TLS: {_told(error)}")
            raise Lost(str(lost), _failure_of(error)) from None
        if transport is None:
            raise self._give_up("no TLS: the connection ended")
        self._transport = transport

    def abort(self) -> None:
        """End at once."""
        self._lost = self._lost or "closed"
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._replies.extend(self._reader.feed(data))
        except BadReply as error:
            self._give_up(f"it speaks no SMTP: {error}")
        if len(self._replies) > MOST_REPLIES:
            self._give_up("it answers what nobody asked")
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self._lost or f"the connection was lost{f': {exc}' if exc else ''}"
        self._can_write.set()
        self._wake()

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _give_up(self, reason: str) -> Lost:
        self._lost = self._lost or reason
        if self._transport is not None:
            self._transport.abort()
        return Lost(self._lost)

    def _tls_object(self) -> ssl.SSLObject | None:
        if self._transport is None:
            return None
        return cast("ssl.SSLObject | None", self._transport.get_extra_info("ssl_object"))


def _failure_of(error: Exception) -> str:
    """Return the result type of a handshake that failed (RFC 8460 §4.3.2); empty: of none."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _OF_CERTIFICATES.get(error.verify_code, "validation-failure")
    # A connection that was cut says nothing of the server's TLS.
    is_cut = not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError)
    return "" if is_cut else "validation-failure"


def _told(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or "SSL error").replace("_", " ").lower()
    return str(error) or type(error).__name__
