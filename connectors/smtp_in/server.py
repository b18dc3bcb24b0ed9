"""The doors for mail: one port for other mail servers (SMTP), one for our own (LMTP).

Listens in the running event loop, with aiosmtpd's SMTP as the base of each connection.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace

from connectors.settings import PREFIX, Settings
from connectors.smtp_in.connection import Connection, Reception
from connectors.smtp_in.lmtp import LmtpSession
from connectors.smtp_in.policy import Policy
from connectors.smtp_in.protocol import SmtpSession
from topologies.errors import Misconfigured
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory
from topologies.ports.log import EventLog
from topologies.ports.mailboxes import Mailboxes

BACKLOG = 1_024
GRACE_S = 5.0  # for messages under way when the service stops


class SmtpIn:
    """Receives mail by SMTP and LMTP."""

    def __init__(
        self,
        log: EventLog,
        blobs: Blobs,
        directory: Directory,
        mailboxes: Mailboxes,
        clock: Clock,
        settings: Settings,
    ) -> None:
        """Prepare; nothing is opened before ``start``.

        Raises:
            Misconfigured: The certificate can't be used.
        """
        self._settings = settings
        self._reception = Reception(
            log=log,
            blobs=blobs,
            policy=Policy(directory, mailboxes),
            clock=clock,
            settings=settings,
            hostname=settings.hostname or socket.gethostname(),
            tls=_tls_context(settings),
        )
        self._connections: list[set[Connection]] = []
        self._servers: list[asyncio.Server] = []
        self._ports = (0, 0)

    @property
    def smtp_port(self) -> int:
        """The port for other mail servers, once started."""
        return self._ports[0]

    @property
    def lmtp_port(self) -> int:
        """The port for our own mail server, once started."""
        return self._ports[1]

    async def start(self) -> None:
        """Take mail from now on.

        Raises:
            Misconfigured: A port is taken, or the address is none of this machine's.
        """
        try:
            self._ports = (
                await self._listen(SmtpSession, "smtp_port", self._settings.smtp_port),
                await self._listen(LmtpSession, "lmtp_port", self._settings.lmtp_port),
            )
        except Misconfigured:
            await self.close()
            raise

    async def close(self) -> None:
        """Take no more: open sessions are told 421, once the message they bring is answered."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        here = [connection for connections in self._connections for connection in connections]
        await asyncio.gather(*(connection.end(GRACE_S) for connection in here))

    async def _listen(
        self, session: Callable[[Reception], Connection], setting: str, port: int
    ) -> int:
        host = self._settings.host
        loop = asyncio.get_running_loop()
        # Each port counts its own: strangers can't take the places of our own mail server.
        reception = replace(self._reception, connections=set[Connection]())
        try:
            server = await loop.create_server(
                lambda: session(reception), host, port, backlog=BACKLOG
            )
        except OSError as error:
            protocol = setting.removesuffix("_port").upper()
            # asyncio puts more words into its own text than are needed here.
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else error.strerror or str(error)
            raise Misconfigured(
                f"{protocol} can't listen on {host}:{port} ({reason}): let"
                f" {PREFIX}{setting.upper()} name a free port, or 0 for any"
            ) from error
        self._servers.append(server)
        self._connections.append(reception.connections)
        return server.sockets[0].getsockname()[1]


def _tls_context(settings: Settings) -> ssl.SSLContext | None:
    if not settings.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996: older ones are broken
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise Misconfigured(
            f"the certificate {settings.tls_certificate} can't be used ({error}): let"
            f" {PREFIX}TLS_CERTIFICATE and {PREFIX}TLS_KEY name PEM files"
        ) from error
    return context
