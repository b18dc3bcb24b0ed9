"""The sockets of our ports: bound before anybody listens, so that they can be handed on.

A process that is started to take mail is given sockets that stay open here. When it dies, who
knocks meanwhile waits at them until the next one is there, and nobody is told that we are gone.
"""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from connectors import process
from connectors.settings import Settings
from topologies.errors import Misconfigured

Sockets = Mapping[str, Sequence[socket.socket]]  # by the setting of their port


async def bound(
    settings: Settings, setting: str, port: int, *, is_shared: bool = False
) -> Sequence[socket.socket]:
    """Return a socket for each address of the host, bound to *port* and not listening yet.

    Args:
        settings: Tell the host.
        setting: The name of the port.
        port: Its number; 0 for any that is free.
        is_shared: Other processes of ours may listen there as well, and the system shares the
            clients out among all (SO_REUSEPORT).

    Raises:
        Misconfigured: The port is taken, or the address is none of this machine's.
    """
    try:
        return await _bound(settings.host, port, is_shared)
    except OSError as error:
        raise not_listening(settings, setting, port, error) from error


def not_listening(settings: Settings, setting: str, port: int, error: OSError) -> Misconfigured:
    """Return what is wrong with the settings if *port* can't be listened on."""
    protocol = setting.removesuffix("_port").upper()
    return process.not_listening(protocol, settings.host, setting, port, error)


async def bound_for_each(
    settings: Settings, setting: str, port: int, processes: int
) -> Sequence[Sequence[socket.socket]]:
    """Return for each of so many processes what ``bound`` would, all at the same port.

    Raises:
        Misconfigured: As ``bound``.
    """
    # Who shares a port is let in where another service of ours is: first find out.
    alone = await bound(settings, setting, port)
    if processes == 1:
        return [alone]
    number = port_of(alone)
    close_all(alone)
    opened: list[Sequence[socket.socket]] = []
    try:
        for _ in range(processes):
            opened += [await bound(settings, setting, number, is_shared=True)]
    except Misconfigured:
        for each in opened:
            close_all(each)
        raise
    return opened


def port_of(sockets: Sequence[socket.socket]) -> int:
    """Return the number that all of *sockets* have."""
    return sockets[0].getsockname()[1]


def close_all(sockets: Sequence[socket.socket]) -> None:
    """Close them here; who has been given them keeps them."""
    for each in sockets:
        each.close()


async def _bound(host: str, port: int, is_shared: bool) -> Sequence[socket.socket]:
    found = await asyncio.get_running_loop().getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            # Any free port is one and the same for all addresses.
            number = port_of(sockets) if sockets and not port else port
            opened = socket.socket(family, kind, protocol)
            sockets.append(opened)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if is_shared:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.setblocking(False)
            opened.bind((address[0], number))
    except OSError:
        close_all(sockets)
        raise
    return sockets


class Ports(ABC):
    """The numbers of the ports at which mail is taken, known once it is."""

    @property
    def smtp_port(self) -> int:
        """The port for other mail servers, once started."""
        return self._port("smtp_port")

    @property
    def smtps_port(self) -> int:
        """The port for those that begin in TLS, once started; 0: there is none."""
        return self._port("smtps_port")

    @property
    def lmtp_port(self) -> int:
        """The port for our own mail server, once started."""
        return self._port("lmtp_port")

    @property
    def submission_port(self) -> int:
        """The port for users, once started; 0: there is none."""
        return self._port("submission_port")

    @property
    def submissions_port(self) -> int:
        """The port for users who begin in TLS, once started; 0: there is none."""
        return self._port("submissions_port")

    @abstractmethod
    def _port(self, setting: str) -> int:
        """Return the number of the port that *setting* opens; 0: it is not open."""
