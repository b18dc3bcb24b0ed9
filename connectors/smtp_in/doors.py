"""Where clients come in: a port that listens, in TLS from the start or not, behind proxies or not.

A proxy of ours speaks first and tells whom it speaks for; its header is read from the socket
before anything else and not an octet more, since TLS may follow at once. Who is none of our
proxies is taken for itself, and who is one and says nothing of the kind is refused. Who comes to
begin in TLS has a place at the door until that is done, and strangers share these, too.
"""

import asyncio
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Protocol

import structlog

from connectors.smtp_in import proxy
from connectors.smtp_in.certificates import Certificates
from connectors.smtp_in.places import Places
from topologies.mail.networks import Network, is_among

BACKLOG = 1_024
HEADER_TIMEOUT_S = 5.0  # a proxy says it at once
HANDSHAKE_TIMEOUT_S = 30.0
MOST_AT_THE_DOOR = 1_000  # of whom a header or a handshake is awaited

_logger = structlog.get_logger("smtp")

# Makes what speaks with a client; given its address where a proxy told it, else "".
Factory = Callable[[str], asyncio.Protocol]


class Door(Protocol):
    """A port that is open."""

    @property
    def port(self) -> int:
        """Its number."""
        ...

    async def close(self) -> None:
        """Let nobody in any more; who is in stays."""
        ...


class PlainDoor:
    """A port that clients come to themselves."""

    def __init__(self, servers: Sequence[asyncio.Server]) -> None:
        self._servers = servers

    @property
    def port(self) -> int:
        """Its number."""
        return self._servers[0].sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Let nobody in any more."""
        for server in self._servers:
            server.close()


class GuardedDoor:
    """A port at which something comes before SMTP: the header of a proxy, TLS, or both."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        factory: Factory,
        proxies: Sequence[Network],
        certificates: Certificates | None,
        places: Places | None,
        trusted: Sequence[Network],
    ) -> None:
        """Take whom *sockets* accept; without *certificates* no TLS is expected."""
        self._sockets = sockets
        self._factory = factory
        self._proxies = proxies
        self._certificates = certificates
        self._places = places
        self._trusted = trusted
        self._room = asyncio.Semaphore(MOST_AT_THE_DOOR)
        self._letting_in = set[asyncio.Task[None]]()
        self._accepting = [
            asyncio.create_task(self._accept(each), name="accept") for each in sockets
        ]

    @property
    def port(self) -> int:
        """Its number."""
        return self._sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Let nobody in any more."""
        tasks = [*self._accepting, *self._letting_in]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in self._sockets:
            each.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._room.acquire()
            try:
                connected, peer = await loop.sock_accept(listening)
            except OSError as error:  # no more files, say: as asyncio does, a moment later
                self._room.release()
                _logger.warning("smtp.not-accepted", reason=str(error))
                await asyncio.sleep(1)
                continue
            except asyncio.CancelledError:
                self._room.release()
                raise
            task = asyncio.create_task(self._let_in(connected, peer[0]), name="let-in")
            self._letting_in.add(task)
            task.add_done_callback(self._letting_in.discard)

    async def _let_in(self, connected: socket.socket, peer_ip: str) -> None:
        is_let_in = False
        try:
            peer_ip = peer_ip.partition("%")[0].removeprefix("::ffff:")
            client_ip = ""
            if is_among(peer_ip, self._proxies):
                async with asyncio.timeout(HEADER_TIMEOUT_S):
                    client_ip = await _client_of(connected)
            with self._place(client_ip or peer_ip) as has_place:
                if has_place:
                    await self._connect(connected, client_ip)
                    is_let_in = True
        except (proxy.NotProxied, TimeoutError) as error:
            reason = str(error) or "nothing was said"
            _logger.warning("smtp.no-proxy-header", proxy_ip=peer_ip, reason=reason)
        except OSError as error:  # it is gone, or speaks no TLS that we do
            _logger.debug("smtp.not-let-in", client_ip=peer_ip, reason=str(error))
        finally:
            self._room.release()
            if not is_let_in:
                connected.close()

    @contextmanager
    def _place(self, client_ip: str) -> Generator[bool]:
        """Give a client a place for as long as its handshake takes, if there is one."""
        if self._places is None:
            yield True
            return
        is_trusted = is_among(client_ip, self._trusted)
        if reply := self._places.take(client_ip, is_trusted=is_trusted):
            # In TLS alone it could be told so, and that is what there is no room for.
            _logger.info("smtp.turned-away", reply=reply[:9], client_ip=client_ip)
            yield False
            return
        try:
            yield True
        finally:
            self._places.leave(client_ip, is_trusted=is_trusted)

    async def _connect(self, connected: socket.socket, client_ip: str) -> None:
        # With the certificate as it is now.
        tls = self._certificates.context() if self._certificates else None
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: self._factory(client_ip),
            connected,
            ssl=tls,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S if tls else None,
        )


async def open_door(
    sockets: Sequence[socket.socket],
    factory: Factory,
    *,
    proxies: Sequence[Network] = (),
    certificates: Certificates | None = None,
    places: Places | None = None,
    trusted: Sequence[Network] = (),
) -> Door:
    """Listen at *sockets*, and have *factory* speak with who comes.

    Args:
        sockets: All of one port; closed with the door.
        factory: Makes what speaks with a client.
        proxies: Networks whose clients begin with a PROXY header.
        certificates: For TLS from the start; None: in clear text.
        places: Of those whose handshake is awaited; None: any number may be of one client.
        trusted: Networks whose clients are no strangers.

    Raises:
        OSError: Another listens there already.
    """
    if not proxies and certificates is None:
        loop = asyncio.get_running_loop()
        return PlainDoor(
            [
                await loop.create_server(lambda: factory(""), sock=each, backlog=BACKLOG)
                for each in sockets
            ]
        )
    for each in sockets:
        each.listen(BACKLOG)
    return GuardedDoor(sockets, factory, proxies, certificates, places, trusted)


async def _client_of(connected: socket.socket) -> str:
    fixed = proxy.read_fixed(await _exactly(connected, proxy.FIXED_BYTES))
    return proxy.client_of(fixed, await _exactly(connected, fixed.rest_bytes))


async def _exactly(connected: socket.socket, size_bytes: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size_bytes:
        piece = await loop.sock_recv(connected, size_bytes - len(data))
        if not piece:
            raise proxy.NotProxied("nothing more was said")
        data += piece
    return data
