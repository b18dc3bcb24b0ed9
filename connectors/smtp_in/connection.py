"""A connection to a client: how it begins, how its commands are read, how it ends.

aiosmtpd keeps the transport, the session, the envelope, the timer and the table of commands.
Ours is the loop between them, since strangers are met more strictly here: a command ends with
CRLF and nothing else, errors are counted, every goodbye says why (421), and whatever goes
wrong in a command is answered with 451 and no detail.
"""

import asyncio
import math
import ssl
from collections.abc import Sequence
from typing import ClassVar, cast

import structlog
from aiosmtpd.smtp import SMTP, Session
from msgspec.structs import replace

from connectors.smtp_in import commands, replies
from connectors.smtp_in.reception import Reception
from connectors.smtp_in.wire import BLOCK_BYTES, ClientGone, Wire
from topologies.check import Refusal, Transaction, Way
from topologies.errors import NoSpace, Retryable
from topologies.mail.networks import is_among

MOST_ERRORS = 20  # in a row without a mail, unknown recipients among them
FREE_ERRORS = 5  # of them, that a stranger need not wait for
LONGEST_TARPIT_S = 4.0
MOST_UNKNOWN_COMMANDS = 5  # who says so many speaks another protocol
HANDSHAKE_TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 5.0  # for a client to fetch our last words

_logger = structlog.get_logger("smtp")


class _NoHooks:
    """What aiosmtpd calls a handler: we override its commands instead."""

    def __dir__(self) -> Sequence[str]:
        return ()


_NO_HOOKS = _NoHooks()


class Connection(SMTP):
    """A connection; what the commands do is said in a subclass."""

    line_length_limit = BLOCK_BYTES  # of what the reader holds; lines are not its business
    greeting: ClassVar[str]
    commands: ClassVar[tuple[str, ...]]  # names of their methods
    way: ClassVar[Way]

    def __init__(self, reception: Reception, client_ip: str = "") -> None:
        """Wait for a client; must be called while the event loop runs.

        Args:
            reception: Where.
            client_ip: Who it is, where a proxy said so; else whoever is connected.
        """
        settings = reception.settings
        super().__init__(
            _NO_HOOKS,
            data_size_limit=settings.max_message_bytes,
            enable_SMTPUTF8=True,
            hostname=reception.hostname,
            ident=self.greeting,
            tls_context=reception.certificates.context() if reception.certificates else None,
            timeout=settings.session_timeout_s,
            loop=asyncio.get_running_loop(),
        )
        self.reception = reception
        self.wire: Wire
        # What is known of the client, whatever it sends.
        self.facts = Transaction(origin=self.way, hostname=reception.hostname, client_ip=client_ip)
        self.is_receiving = False  # between 354, or the first BDAT, and the answer
        self._turned_away = ""  # how that was said
        self._is_closing = False  # the service stops
        self._is_over = False  # no further command is read
        self._errors = 0
        self._unknown_commands = 0
        self._is_first = True  # command of the session
        self._ends_at = 0.0  # for want of a word
        self._looks_at = math.inf  # whether it is time

    def __dir__(self) -> Sequence[str]:
        # aiosmtpd looks for its commands among all attributes, anew for each connection.
        return self.commands

    @property
    def client(self) -> Session:
        """The session, there from the first byte on."""
        return cast("Session", self.session)

    @property
    def is_over(self) -> bool:
        """No further command is read."""
        return self._is_over

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
        self.reception.answers[reply[: replies.CODES]] += 1
        self.wire.say(replies.with_enhanced_code(reply))
        if reply[0] in "45":
            _logger.debug("smtp.refused", reply=reply, client_ip=self.facts.client_ip)
        if reply[0] == "5":
            await self._count_error()
        elif reply.startswith("421"):
            self.finish()

    async def _count_error(self) -> None:
        self._errors += 1
        if self._errors >= MOST_ERRORS:
            self._say_goodbye(replies.TOO_MANY_ERRORS)
            return
        waits_s = self.reception.settings.tarpit_s * (self._errors - FREE_ERRORS)
        if waits_s > 0 and self.way == "smtp" and not self.facts.is_trusted:
            await self.wire.pause(min(waits_s, LONGEST_TARPIT_S))

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
        certificates = self.reception.certificates
        if certificates is None:
            raise ClientGone
        try:
            transport = await self.loop.start_tls(
                cast("asyncio.Transport", self.transport),
                self,
                certificates.context(),
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
        self.facts = replace(self.facts, helo="", helo_verdict="")
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
        client_ip = self.facts.client_ip or _peer_of(transport)
        is_trusted = is_among(client_ip, self.reception.trusted)
        self.facts = replace(self.facts, client_ip=client_ip, is_trusted=is_trusted)
        self._turned_away = self.reception.places.take(client_ip, is_trusted=is_trusted)
        if not self._turned_away:
            self.reception.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the client."""
        if self in self.reception.connections:
            self.reception.connections.remove(self)
            self.reception.places.leave(self.facts.client_ip, is_trusted=self.facts.is_trusted)
        super().connection_lost(error)

    def eof_received(self) -> bool | None:
        """Go on with what came: who closed one direction still reads the other."""
        return super(SMTP, self).eof_received()

    def _cb_client_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super()._cb_client_connected(reader, writer)
        self.wire = Wire(reader, writer, self._reset_timeout)

    def _reset_timeout(self, duration: float | None = None) -> None:
        # With each command and block, so the timer is not set anew but looks what time it is.
        now = self.loop.time()
        self._ends_at = now + (duration or self._timeout_duration)
        if self._ends_at < self._looks_at:
            self._look_at(self._ends_at)

    def _look_at(self, at: float) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._looks_at = at
        self._timeout_handle = self.loop.call_at(at, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self.loop.time() < self._ends_at:
            self._look_at(self._ends_at)
            return
        self._looks_at = math.inf
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
            await self._greet()
            while not self._is_over:
                await self._obey(await self.wire.line())
                if self._is_closing and not self._is_over:
                    self._say_goodbye(replies.CLOSING)
            await self.wire.flush()
        except (ClientGone, ConnectionError):
            pass  # there is nobody to tell
        finally:
            self._close()

    async def _greet(self) -> None:
        if self._turned_away:
            reply = self._turned_away
            _logger.info("smtp.turned-away", reply=reply[:9], client_ip=self.facts.client_ip)
            self._say_goodbye(reply)
            return
        try:
            answer = await self.reception.acceptance.ask("connect", self.facts)
        except Retryable as error:
            _logger.warning("smtp.out-of-reach", command="connect", reason=str(error))
            self._say_goodbye(replies.NOT_NOW)
            return
        if isinstance(answer, Refusal):
            self._say_goodbye(answer.reply)
            return
        self.facts = answer
        self.wire.say(f"220 {self.hostname} {self.greeting}")

    async def _obey(self, line: bytes | None) -> None:
        read = commands.read(line)
        is_first, self._is_first = self._is_first, False
        if isinstance(read, str):
            await self.push(read)
            return
        command, argument = read.name, read.argument
        method = self._smtp_methods.get(command)
        if method is None:
            self._unknown_commands += 1
            await self.push(replies.UNKNOWN_COMMAND)
            # A session that begins with an empty line begins with a PROXY header, which
            # nobody may send here: what it says of the client is not believed.
            if self._unknown_commands >= MOST_UNKNOWN_COMMANDS or (is_first and not command):
                self._say_goodbye(replies.TOO_MANY_ERRORS)
            return
        self._reset_timeout()
        try:
            await method(argument)
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
            self.reception.answers[reply[: replies.CODES]] += 1
            self.wire.say(reply)

    def _close(self) -> None:
        self._is_over = True
        if self.transport is not None:
            self._writer.close()
            self._reset_timeout(CLOSE_TIMEOUT_S)


def _peer_of(transport: asyncio.BaseTransport) -> str:
    """Return the client's address as text; IPv4 where the socket maps it into IPv6."""
    peer = cast("tuple[str, int] | str | None", transport.get_extra_info("peername"))
    address = peer[0] if isinstance(peer, tuple) else ""
    return address.partition("%")[0].removeprefix("::ffff:")
