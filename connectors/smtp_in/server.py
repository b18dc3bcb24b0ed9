"""The doors for mail: ports for other mail servers (SMTP), and one for our own (LMTP).

Listens in the running event loop, with aiosmtpd's SMTP as the base of each connection.
"""

import asyncio
import resource
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from connectors.settings import PREFIX, Settings
from connectors.sign_in import SignIns
from connectors.smtp_in.certificates import Certificates
from connectors.smtp_in.connection import Connection
from connectors.smtp_in.doors import Door, open_door
from connectors.smtp_in.listening import Ports, Sockets, bound, not_listening
from connectors.smtp_in.lmtp import LmtpSession
from connectors.smtp_in.places import Places
from connectors.smtp_in.protocol import SmtpSession
from connectors.smtp_in.reception import Reception
from connectors.smtp_in.submission import SubmissionSession
from topologies.acceptance import Acceptance
from topologies.errors import Misconfigured
from topologies.mail import networks
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.log import EventLog
from topologies.ports.seen import Seen
from topologies.ports.tracer import Tracer

GRACE_S = 5.0  # for messages under way when the service stops
OTHER_FILES = 1_000  # that a process may have open besides its sessions

# Who speaks with those who come to a port, by its setting.
SESSIONS: Mapping[str, Callable[[Reception, str], Connection]] = {
    "smtp_port": SmtpSession,
    "lmtp_port": LmtpSession,
    "smtps_port": SmtpSession,
    "submission_port": SubmissionSession,
    "submissions_port": SubmissionSession,
}
IN_TLS = ("smtps_port", "submissions_port")  # from the first octet on (RFC 8314 §3)

_logger = structlog.get_logger("smtp")


class SmtpIn(Ports):
    """Receives mail by SMTP and LMTP."""

    def __init__(
        self,
        log: EventLog,
        blobs: Blobs,
        acceptance: Acceptance,
        clock: Clock,
        seen: Seen,
        settings: Settings,
        sign_ins: SignIns | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """Prepare; nothing is opened before ``start``.

        Args:
            log: Where mail goes.
            blobs: Where large messages go.
            acceptance: What is asked before.
            clock: What time it is.
            seen: Which mails came lately.
            settings: Which ports, and how.
            sign_ins: Who may send; None: there are no ports for users.
            tracer: Told of what is accepted; None: nobody asks for that.

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
            seen=seen,
            settings=settings,
            hostname=settings.hostname or socket.gethostname(),
            certificates=(
                Certificates(settings.tls_certificate, settings.tls_key)
                if settings.tls_certificate
                else None
            ),
            trusted=_networks(settings.trusted_networks, "trusted_networks"),
            places=_places(settings),
            sign_ins=sign_ins,
            tracer=tracer,
        )
        self._for_users = (
            Certificates(settings.submission_certificate, settings.submission_key)
            if settings.submission_certificate
            else self._reception.certificates
        )
        self._receptions: list[Reception] = []
        self._doors: dict[str, Door] = {}  # by the setting of its port

    @property
    def sessions(self) -> int:
        """How many clients are here now."""
        return sum(len(reception.connections) for reception in self._receptions)

    @property
    def answers(self) -> Mapping[str, int]:
        """What was answered, by codes."""
        counted = Counter[str]()
        for reception in self._receptions:
            counted.update(reception.answers)
        return counted

    @property
    def trouble(self) -> str:
        """Why no mail can be taken; never, here."""
        return ""

    async def start(self, sockets: Sockets | None = None) -> None:
        """Take mail from now on, at *sockets* or at what the settings name.

        Raises:
            Misconfigured: A port is taken, or the address is none of this machine's.
        """
        settings = self._settings
        _allow_files(settings.max_sessions + OTHER_FILES)
        is_shared = settings.profile == "cluster" and settings.smtp_processes > 1
        try:
            for setting, port in ports_of(settings).items():
                if SESSIONS[setting] is SubmissionSession and self._reception.sign_ins is None:
                    continue
                at = (sockets or {}).get(setting) or await bound(
                    settings, setting, port, is_shared=is_shared
                )
                try:
                    await self._open(setting, at)
                except OSError as error:  # another began to listen there just now
                    raise not_listening(settings, setting, port, error) from error
        except Misconfigured:
            await self.close()
            raise

    async def close(self) -> None:
        """Take no more: open sessions are told 421, once the message they bring is answered."""
        for door in self._doors.values():
            await door.close()
        self._doors.clear()
        here = [each for reception in self._receptions for each in reception.connections]
        await asyncio.gather(*(connection.end(GRACE_S) for connection in here))

    def _port(self, setting: str) -> int:
        return self._doors[setting].port if setting in self._doors else 0

    async def _open(self, setting: str, sockets: Sequence[socket.socket]) -> None:
        session = SESSIONS[setting]
        # Each port counts its own: strangers can't take the places of our own mail server.
        reception = replace(
            self._reception,
            connections=set[Connection](),
            answers=Counter[str](),
            places=_places(self._settings, of_strangers=session is not LmtpSession),
            certificates=(
                self._for_users if session is SubmissionSession else self._reception.certificates
            ),
        )
        self._receptions.append(reception)
        self._doors[setting] = await open_door(
            sockets,
            lambda client_ip: session(reception, client_ip),
            proxies=() if session is LmtpSession else self._proxies,
            certificates=reception.certificates if setting in IN_TLS else None,
            places=_places(self._settings) if setting in IN_TLS else None,
            trusted=reception.trusted,
        )


def ports_of(settings: Settings) -> Mapping[str, int]:
    """Return the port of each door that is opened, by its setting."""
    ports = {"smtp_port": settings.smtp_port, "lmtp_port": settings.lmtp_port}
    if settings.smtps_port:
        ports["smtps_port"] = settings.smtps_port
    if settings.tls_certificate or settings.submission_certificate:
        ports["submission_port"] = settings.submission_port
        ports["submissions_port"] = settings.submissions_port
    return ports


def _places(settings: Settings, *, of_strangers: bool = True) -> Places:
    # Several processes share the clients out: each has its part of the places.
    processes = max(1, settings.smtp_processes)
    most, of_client, of_network = (
        max(1, limit // processes) if limit else 0
        for limit in (
            settings.max_sessions,
            settings.max_client_sessions,
            settings.max_network_sessions,
        )
    )
    return Places(
        most=most,
        most_of_client=of_client if of_strangers else 0,
        most_of_network=of_network if of_strangers else 0,
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
