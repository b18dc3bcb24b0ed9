"""Connections to hosts of the Internet alone: asked of each address at the moment of connecting.

What a name leads to may change after it was looked at. So names are resolved here, each address
is judged, and that very address is connected to; TLS asks for the name all the same.
"""

import ipaddress
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, cast

import httpcore

from topologies.errors import Retryable
from topologies.mail.webhook_rules import is_of_the_internet
from topologies.ports.dns import Resolver

MOST_ADDRESSES = 4  # of one host that are tried


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """How httpcore connects."""

    def __init__(self, resolver: Resolver, *, is_private_allowed: bool = False) -> None:
        """Connect to nobody yet.

        Args:
            resolver: Tells the addresses of names.
            is_private_allowed: Whether those of our own network and machine may be connected to.
        """
        self._resolver = resolver
        self._is_private_allowed = is_private_allowed
        # By its type it might be what stands for it where anyio is missing, which is ours.
        self._backend = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  as the base has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of *host* that answers."""
        failure: Exception | None = None
        for address in await self._addresses(host):
            try:
                return _Stream(
                    await self._backend.connect_tcp(
                        address, port, timeout, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def _addresses(self, host: str) -> Sequence[str]:
        """Return the addresses that may be connected to, IPv4 first; one at least."""
        found = await self._found(host.strip("[]"))
        if not found:
            raise httpcore.ConnectError(f"{host} has no address")
        allowed = [a for a in found if self._is_private_allowed or is_of_the_internet(a)]
        if not allowed:
            raise httpcore.ConnectError(f"{host} has no address of the Internet")
        return allowed[:MOST_ADDRESSES]

    async def _found(self, host: str) -> Sequence[str]:
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        found: list[str] = []
        failure: Retryable | None = None
        for ipv6 in (False, True):
            try:
                found += await self._resolver.addresses(host, ipv6=ipv6)
            except Retryable as error:
                failure = failure or error
        if not found and failure is not None:
            raise httpcore.ConnectError(str(failure)) from failure
        return found


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that is closed when its handshake is cancelled, which httpcore forgets."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
