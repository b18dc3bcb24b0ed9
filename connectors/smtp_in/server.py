"""The doors for mail: ports for other mail servers (SMTP), and one for our own (LMTP).

Listens in the running event loop, with aiosmtpd's SMTP as the base of each connection.
"""

import asyncio
import os
import resource
import socket
from collections.abc import Callable
from dataclasses import replace

import structlog

from connectors.settings import PREFIX, Settings
from connectors.smtp_in.certificates import Certificates
from connectors.smtp_in.connection import Connection
from connectors.smtp_in.doors import Door, open_door
from connectors.smtp_in.lmtp import LmtpSession
from connectors.smtp_in.places import Places
from connectors.smtp_in.protocol import SmtpSession
from connectors.smtp_in.reception import Reception
from topologies.acceptance import Acceptance
from topologies.errors import Misconfigured
from topologies.mail import networks
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.log import EventLog

GRACE_S = 5.0  # for messages under way when the service stops
OTHER_FILES = 1_000  # that a process may have open besides its sessions

_logger = structlog.get_logger("smtp")


class SmtpIn:
    """Receives mail by SMTP and LMTP."""

    def __init__(
        self,
        log: EventLog,
        blobs: Blobs,
        acceptance: Acceptance,
        clock: Clock,
        settings: Settings,
    ) -> None:
        """Prepare; nothing is opened before ``start``.

        Raises:
            Misconfigured: The certificate can't be used, or a network is none.
        """
        self._settings = settings
        self._proxies = _networks(settings.proxy_networks, "proxy_networks")
        if settings.smtps_port and not settings.tls_certificate:
            raise Misconfigured(
                f"{PREFIX}SMTPS_PORT needs a certificate: let {PREFIX}TLS_CERTIFICATE name it"
            )
        self._reception = Reception(
            log=log,
            blobs=blobs,
            acceptance=acceptance,
            clock=clock,
            settings=settings,
            hostname=settings.hostname or socket.gethostname(),
            certificates=(
                Certificates(settings.tls_certificate, settings.tls_key)
                if settings.tls_certificate
                else None
            ),
            trusted=_networks(settings.trusted_networks, "trusted_networks"),
            places=_places(settings),
        )
        self._receptions: list[Reception] = []
        self._doors: list[Door] = []
        self._ports = (0, 0, 0)

    @property
    def smtp_port(self) -> int:
        """The port for other mail servers, once started."""
        return self._ports[0]

    @property
    def smtps_port(self) -> int:
        """The port for those that begin in TLS, once started; 0: there is none."""
        return self._ports[2]

    @property
    def lmtp_port(self) -> int:
        """The port for our own mail server, once started."""
        return self._ports[1]

    async def start(self) -> None:
        """Take mail from now on.

        Raises:
            Misconfigured: A port is taken, or the address is none of this machine's.
        """
        settings = self._settings
        _allow_files(settings.max_sessions + OTHER_FILES)
        try:
            self._ports = (
                await self._listen(SmtpSession, "smtp_port", settings.smtp_port),
                await self._listen(LmtpSession, "lmtp_port", settings.lmtp_port),
                await self._listen(SmtpSession, "smtps_port", settings.smtps_port)
                if settings.smtps_port
                else 0,
            )
        except Misconfigured:
            await self.close()
            raise

    async def close(self) -> None:
        """Take no more: open sessions are told 421, once the message they bring is answered."""
        for door in self._doors:
            await door.close()
        self._doors.clear()
        here = [each for reception in self._receptions for each in reception.connections]
        await asyncio.gather(*(connection.end(GRACE_S) for connection in here))

    async def _listen(
        self, session: Callable[[Reception, str], Connection], setting: str, port: int
    ) -> int:
        host = self._settings.host
        # Each port counts its own: strangers can't take the places of our own mail server.
        reception = replace(
            self._reception,
            connections=set[Connection](),
            places=_places(self._settings, of_strangers=session is not LmtpSession),
        )
        try:
            door = await open_door(
                host,
                port,
                lambda client_ip: session(reception, client_ip),
                proxies=() if session is LmtpSession else self._proxies,
                # RFC 8314 §3: TLS from the start
                certificates=reception.certificates if setting == "smtps_port" else None,
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
        self._doors.append(door)
        self._receptions.append(reception)
        return door.port


def _places(settings: Settings, *, of_strangers: bool = True) -> Places:
    return Places(
        most=settings.max_sessions,
        most_of_client=settings.max_client_sessions if of_strangers else 0,
        most_of_network=settings.max_network_sessions if of_strangers else 0,
    )


def _networks(names: tuple[str, ...], setting: str) -> tuple[networks.Network, ...]:
    try:
        return networks.parse(names)
    except ValueError as error:
        raise Misconfigured(f"{PREFIX}{setting.upper()}: {error}") from error


def _allow_files(wanted: int) -> None:
    """Let this process open as many files as its sessions need, as far as the system does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        allowed = wanted
    else:
        allowed = hard
        _logger.warning("smtp.few-files", allowed=hard, wanted=wanted)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
