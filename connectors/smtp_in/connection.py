"""A connection to a client: how it begins, how its commands are read, how it ends.

aiosmtpd keeps the transport, the session, the envelope, the timer and the table of commands.
Ours is the loop between them, since strangers are met more strictly here: a command ends with
CRLF and nothing else, errors are counted, every goodbye says why (421), and whatever goes
wrong in a command is answered with 451 and no detail.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, cast

import structlog
from aiosmtpd.smtp import SMTP, Session

from connectors.settings import Settings
from connectors.smtp_in import replies
from connectors.smtp_in.policy import Policy
from connectors.smtp_in.wire import BLOCK_BYTES, ClientGone, Wire
from topologies.errors import NoSpace, Retryable
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.log import EventLog

COMMAND_BYTES = 512  # RFC 5321 §4.5.3.1.4, with CRLF
# What SIZE (RFC 1870 §3), 8BITMIME (RFC 6152 §2) and SMTPUTF8 (RFC 6531 §3.1) add to it.
MORE_BYTES = {"MAIL": 26 + 17 + 10}
MOST_ERRORS = 20  # in a row without a mail, unknown recipients among them
MOST_UNKNOWN_COMMANDS = 5  # who says so many speaks another protocol
HANDSHAKE_TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 5.0  # for a client to fetch our last words

_logger = structlog.get_logger("smtp")


class _NoHooks:
    """What aiosmtpd calls a handler: we override its commands instead."""

    def __dir__(self) -> Sequence[str]:
        return ()


_NO_HOOKS = _NoHooks()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What all connections of a server share."""

    log: EventLog
    blobs: Blobs
    policy: Policy
    clock: Clock
    settings: Settings
    hostname: str
    tls: ssl.SSLContext | None
    connections: "set[Connection]" = field(default_factory=lambda: set[Connection]())


class Connection(SMTP):
    """A connection; what the commands do is said in a subclass."""

    line_length_limit = BLOCK_BYTES  # of what the reader holds; lines are not its business
    greeting: ClassVar[str]
    commands: ClassVar[tuple[str, ...]]  # names of their methods

    def __init__(self, reception: Reception) -> None:
        """Wait for a client; must be called while the event loop runs."""
        settings = reception.settings
        super().__init__(
            _NO_HOOKS,
            data_size_limit=settings.max_message_bytes,
            enable_SMTPUTF8=True,
            hostname=reception.hostname,
            ident=self.greeting,
            tls_context=reception.tls,
            timeout=settings.session_timeout_s,
            loop=asyncio.get_running_loop(),
        )
        self.reception = reception
        self.wire: Wire
        self.is_receiving = False  # between 354 and the answer
        self._is_turned_away = False
        self._is_closing = False  # the service stops
        self._is_over = False  # no further command is read
        self._errors = 0
        self._unknown_commands = 0

    def __dir__(self) -> Sequence[str]:
        # aiosmtpd looks for its commands among all attributes, anew for each connection.
        return self.commands

    @property
    def client(self) -> Session:
        """The session, there from the first byte on."""
        return cast("Session", self.session)

    @property
    def client_ip(self) -> str:
        """The client's address as text; IPv4 where the socket maps it into IPv6."""
        peer = cast("tuple[str, int] | str | None", self.client.peer)
        address = peer[0] if isinstance(peer, tuple) else ""
        return address.partition("%")[0].removeprefix("::ffff:")

    @property
    def tls(self) -> str:
        """Protocol version and cipher, empty in clear text."""
        secured = cast("ssl.SSLObject | None", self._writer.get_extra_info("ssl_object"))
        cipher = secured.cipher() if secured else None
        return f"{secured.version()} {cipher[0]}" if secured and cipher else ""

    async def push(self, status: str | bytes) -> None:
        """Answer; after too many refusals, hang up."""
        reply = status if isinstance(status, str) else status.decode()
        if self._is_over:
            return  # what was said last ends the session
        self.wire.say(replies.with_enhanced_code(reply))
        if reply[0] in "45":
            _logger.debug("smtp.refused", reply=reply, client_ip=self.client_ip)
        if reply[0] == "5":
            self._errors += 1
            if self._errors >= MOST_ERRORS:
                self._say_goodbye(replies.TOO_MANY_ERRORS)

    def forgive(self) -> None:
        """Count errors anew: the client brought a mail."""
        self._errors = 0

    def finish(self) -> None:
        """Read no further command."""
        self._is_over = True

    async def secure(self) -> None:
        """Go on in TLS, and forget what was said before (RFC 3207 §4.2).

        Raises:
            ClientGone: The handshake failed.
        """
        self.wire.say(replies.READY_FOR_TLS)
        self.wire.send_now()
        self.wire.discard()  # no command sent in clear text is obeyed in TLS (§6)
        try:
            transport = await self.loop.start_tls(
                cast("asyncio.Transport", self.transport),
                self,
                cast("ssl.SSLContext", self.tls_context),
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
            )
        except OSError as error:  # an SSLError, or the client is gone
            raise ClientGone from error
        if transport is None:
            raise ClientGone
        # As aiosmtpd does, whose own way needs what asyncio no longer has.
        self.transport = self._reader._transport = self._writer._transport = transport  # type: ignore[attr-defined]
        self._over_ssl = True
        self._set_rset_state()
        self.client.host_name = None
        self.client.extended_smtp = False

    async def end(self, grace_s: float) -> None:
        """Say 421 and hang up; a message that is coming gets *grace_s* seconds before."""
        self._is_closing = True
        task = self._handler_coroutine
        if task is None or task.done():
            return
        if self.wire.is_waiting and not self.is_receiving:
            self.hang_up(replies.CLOSING)
        await asyncio.wait({task}, timeout=grace_s)
        if not task.done():
            self.hang_up(replies.CLOSING)
            task.cancel()
            await asyncio.wait({task})

    def hang_up(self, reply: str) -> None:
        """Say *reply* as the last word and close."""
        self._say_goodbye(reply)
        self.wire.send_now()
        self._close()

    # --- what asyncio calls ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; where too many are here, only to say so."""
        here = self.reception.connections
        self._is_turned_away = len(here) >= self.reception.settings.max_sessions
        if not self._is_turned_away:
            here.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the client."""
        self.reception.connections.discard(self)
        super().connection_lost(error)

    def eof_received(self) -> bool | None:
        """Go on with what came: who closed one direction still reads the other."""
        return super(SMTP, self).eof_received()

    def _cb_client_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super()._cb_client_connected(reader, writer)
        self.wire = Wire(reader, writer, self._reset_timeout)

    def _timeout_cb(self) -> None:
        transport = cast("asyncio.Transport | None", self.transport)
        if transport is None:
            return
        if self._is_over:
            transport.abort()  # it does not even fetch our last words
        elif self.wire.is_waiting or self.wire.is_sending:
            self.hang_up(replies.IDLE)  # RFC 5321 §4.5.3.2.7
        else:
            self._reset_timeout()  # it waits for us

    # --- the loop -------------------------------------------------------------------------

    async def _handle_client(self) -> None:
        try:
            if self._is_turned_away:
                self._say_goodbye(replies.TOO_MANY_SESSIONS)
            else:
                self.wire.say(f"220 {self.hostname} {self.greeting}")
            while not self._is_over:
                await self._obey(await self.wire.line())
                if self._is_closing and not self._is_over:
                    self._say_goodbye(replies.CLOSING)
            await self.wire.flush()
        except (ClientGone, ConnectionError):
            pass  # there is nobody to tell
        finally:
            self._close()

    async def _obey(self, line: bytes | None) -> None:
        if line is None:
            await self.push(replies.LINE_TOO_LONG)
            return
        if not line.endswith(b"\r\n") or line.count(b"\r") + line.count(b"\n") != 2:
            await self.push(replies.NO_CRLF)
            return
        try:
            text = line[:-2].decode()
        except UnicodeDecodeError:
            await self.push(replies.NOT_UTF8)
            return
        name, _, argument = text.partition(" ")
        command = name.upper()
        if len(line) > COMMAND_BYTES + MORE_BYTES.get(command, 0):
            await self.push(replies.LINE_TOO_LONG)
            return
        method = self._smtp_methods.get(command)
        if method is None:
            self._unknown_commands += 1
            await self.push(replies.UNKNOWN_COMMAND)
            if self._unknown_commands >= MOST_UNKNOWN_COMMANDS:
                self._say_goodbye(replies.TOO_MANY_ERRORS)
            return
        self._reset_timeout()
        try:
            await method(argument.strip(" ") or None)
        except NoSpace:
            await self.push(replies.NO_SPACE)
        except Retryable as error:
            _logger.warning("smtp.out-of-reach", command=command, reason=str(error))
            await self.push(replies.OUT_OF_REACH)
        except (ClientGone, ConnectionError):
            raise
        except Exception:  # the last door of SMTP: a bug must not end in silence
            _logger.exception("smtp.bug", command=command)
            await self.push(replies.OUT_OF_REACH)
            if self.is_receiving:
                self.finish()  # what follows may be the rest of a message: no commands

    def _say_goodbye(self, reply: str) -> None:
        if not self._is_over:
            self._is_over = True
            self.wire.say(reply)

    def _close(self) -> None:
        self._is_over = True
        if self.transport is not None:
            self._writer.close()
            self._reset_timeout(CLOSE_TIMEOUT_S)
