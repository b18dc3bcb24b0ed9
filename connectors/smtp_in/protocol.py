# ruff: noqa: N802  aiosmtpd finds commands by their names
"""The commands of SMTP (RFC 5321); each message becomes one event.

Writes `mail.received`. What is kept is what was sent, byte for byte, so no ``Received`` is
written into it: who sent it, when and how are fields of the event, and whoever hands the mail
on adds the trace then (RFC 5321 §4.4). ``250`` after DATA is said when the event is durable;
nothing here waits for scanning. Nobody signs in here: that is for submission (RFC 6409).
"""

import asyncio
import re
from collections.abc import Sequence
from typing import ClassVar, cast

import structlog
from aiosmtpd.smtp import Envelope, syntax  # pyright: ignore[reportUnknownVariableType]

from connectors.smtp_in import paths, replies
from connectors.smtp_in.connection import Connection, Reception
from connectors.smtp_in.data import Content, Refused, receive
from topologies.errors import NoSpace, Retryable
from topologies.events import MailReceived
from topologies.events.inbound import Origin
from topologies.mail.ids import new_id

MOST_RECEIVED = 100  # RFC 5321 §6.3: whoever counts hops lets at least 100 pass
LONGEST_DATA_S = 3_600.0  # for one message, however slowly it drips

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_DIGITS = re.compile(r"[0-9]{1,20}")  # RFC 1870 §3

_logger = structlog.get_logger("smtp")


class SmtpSession(Connection):
    """A session with another system's mail server."""

    greeting = "ESMTP"
    commands = (
        *("smtp_EHLO", "smtp_HELO", "smtp_MAIL", "smtp_RCPT", "smtp_DATA", "smtp_RSET"),
        *("smtp_NOOP", "smtp_QUIT", "smtp_VRFY", "smtp_EXPN", "smtp_HELP", "smtp_STARTTLS"),
    )
    origin: ClassVar[Origin] = "smtp"
    hello: ClassVar[str] = "EHLO"

    def __init__(self, reception: Reception) -> None:
        """Wait for a client."""
        super().__init__(reception)
        self._has_sender = False  # the empty one counts
        self._has_refused = False  # a recipient of this transaction
        self._declared_bytes = 0  # RFC 1870

    @property
    def mail(self) -> Envelope:
        """The transaction under way."""
        return cast("Envelope", self.envelope)

    def _set_post_data_state(self) -> None:
        super()._set_post_data_state()
        self._has_sender = False
        self._has_refused = False
        self._declared_bytes = 0

    # --- who is there -----------------------------------------------------------------------

    @syntax("HELO hostname")
    async def smtp_HELO(self, hostname: str | None) -> None:
        """Greet without extensions."""
        if self._introduced(hostname, extended=False):
            self.wire.say(f"250 {self.hostname}")
        else:
            await self.push(replies.NEEDS_NAME)

    @syntax("EHLO hostname")
    async def smtp_EHLO(self, hostname: str | None) -> None:
        """Greet and tell the extensions."""
        if not self._introduced(hostname, extended=True):
            await self.push(replies.NEEDS_NAME)
            return
        extensions = [
            self.hostname,
            "PIPELINING",  # RFC 2920
            f"SIZE {self.data_size_limit}",  # RFC 1870
            "8BITMIME",  # RFC 6152
            "SMTPUTF8",  # RFC 6531
            "ENHANCEDSTATUSCODES",  # RFC 2034
        ]
        if self.tls_context and not self.tls:
            extensions.append("STARTTLS")  # RFC 3207
        self.wire.say("".join(f"250-{line}\r\n" for line in extensions) + "250 HELP")

    def _introduced(self, hostname: str | None, *, extended: bool) -> bool:
        if not hostname or not hostname.isascii() or not hostname.isprintable():
            return False
        self._set_rset_state()
        self.client.host_name = hostname
        self.client.extended_smtp = extended
        return True

    @syntax("STARTTLS", when="tls_context")
    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """Go on in TLS."""
        if arg:
            await self.push(replies.NO_ARGUMENT)
        elif self.tls_context is None:
            await self.push(replies.NO_TLS)
        elif self.tls:
            await self.push(replies.TLS_ALREADY)
        else:
            await self.secure()

    @syntax("QUIT")
    async def smtp_QUIT(self, arg: str | None) -> None:
        """Say goodbye."""
        if arg:
            await self.push(replies.NO_ARGUMENT)
            return
        await self.push(replies.BYE)
        self.finish()

    @syntax("VRFY <address>")
    async def smtp_VRFY(self, arg: str | None) -> None:
        """Tell nothing: that would help those who collect addresses (RFC 5321 §7.3)."""
        await self.push(replies.CANNOT_VERIFY if arg else replies.NEEDS_ADDRESS)

    # --- a transaction ------------------------------------------------------------------------

    @syntax("MAIL FROM:<address>", extended=" [SIZE=n] [BODY=8BITMIME] [SMTPUTF8]")
    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a mail."""
        await self.push(self._mail(arg))

    def _mail(self, arg: str | None) -> str:
        if not self.client.host_name:
            return replies.HELLO_FIRST.format(hello=self.hello)
        if self._has_sender:
            return replies.NESTED_MAIL
        argument = paths.read("FROM:", arg)
        if argument is None:
            return replies.MAIL_SYNTAX
        parameters = argument.parameters
        if parameters and not self.client.extended_smtp:
            return replies.UNKNOWN_PARAMETER  # HELO promised none
        size = parameters.pop("SIZE", "0")
        body = parameters.pop("BODY", "7BIT").upper()
        utf8 = parameters.pop("SMTPUTF8", None)
        if parameters:
            return replies.UNKNOWN_PARAMETER
        is_wrong = not _DIGITS.fullmatch(size) or body not in ("7BIT", "8BITMIME") or bool(utf8)
        if is_wrong or argument.is_repeated:
            return replies.BAD_PARAMETER
        max_bytes = self.reception.settings.max_message_bytes
        if int(size) > max_bytes:
            return replies.TOO_BIG.format(max_bytes=max_bytes)
        if not argument.path.isascii() and utf8 is None:
            return replies.NEEDS_SMTPUTF8
        if argument.path and not paths.is_sender(argument.path):
            return replies.BAD_SENDER
        self._has_sender = True
        self._declared_bytes = int(size)
        self.mail.mail_from = argument.path
        self.mail.smtp_utf8 = utf8 is not None
        return replies.SENDER_OK

    @syntax("RCPT TO:<address>")
    async def smtp_RCPT(self, arg: str | None) -> None:
        """Name a recipient."""
        reply = await self._rcpt(arg)
        if reply[0] != "2":
            self._has_refused = True
        await self.push(reply)

    async def _rcpt(self, arg: str | None) -> str:
        if not self._has_sender:
            return replies.MAIL_FIRST
        argument = paths.read("TO:", arg)
        if argument is None:
            return replies.RCPT_SYNTAX
        if argument.parameters:
            return replies.UNKNOWN_PARAMETER
        if not argument.path.isascii() and not self.mail.smtp_utf8:
            return replies.NEEDS_SMTPUTF8
        if len(self.mail.rcpt_tos) >= self.reception.settings.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        reply = await self.reception.policy.answer(argument.path, self._declared_bytes)
        if reply == replies.RECIPIENT_OK:
            self.mail.rcpt_tos.append(argument.path)
        return reply

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        """Take the message."""
        if arg:
            await self.push(replies.NO_ARGUMENT)
        elif not self._has_sender:
            await self.push(replies.MAIL_FIRST)
        elif not self.mail.rcpt_tos:
            await self.push(self.no_recipient())
        else:
            # Until all is answered: a bug in between must end the session, not let the rest
            # of a message be read as commands.
            self.is_receiving = True
            self.wire.say(replies.GO_AHEAD)
            for reply in await self._answers():
                await self.push(reply)
            self.is_receiving = False
            self._set_post_data_state()

    def no_recipient(self) -> str:
        """Return the reply to DATA without recipients (RFC 5321 §3.3)."""
        return replies.NO_RECIPIENT_LEFT if self._has_refused else replies.RCPT_FIRST

    def to_tell(self, answers: Sequence[str]) -> Sequence[str]:
        """Return what is said after DATA, given the *answer* that each recipient has."""
        return [next((a for a in answers if a[0] == "2"), answers[0])]

    def to_deliver(self, answers: Sequence[str]) -> Sequence[str]:
        """Return to whom the message goes, given the same; empty if nobody took it."""
        # One answer is for all: who would be told nothing of their refusal gets the mail.
        return self.mail.rcpt_tos if any(a[0] == "2" for a in answers) else ()

    async def _answers(self) -> Sequence[str]:
        try:
            async with asyncio.timeout(LONGEST_DATA_S):
                content = await receive(
                    self.wire,
                    self.reception.blobs,
                    max_bytes=self.reception.settings.max_message_bytes,
                )
            return self.to_tell(await self._kept(content))
        except TimeoutError:
            self.hang_up(replies.IDLE)
            return ()
        except Refused as refused:
            reply = refused.reply
        except NoSpace:
            reply = replies.NO_SPACE
        except Retryable as error:
            _logger.warning("smtp.out-of-reach", command="DATA", reason=str(error))
            reply = replies.OUT_OF_REACH
        return self.to_tell([reply] * len(self.mail.rcpt_tos))

    async def _kept(self, content: Content) -> Sequence[str]:
        """Make the message safe and return each recipient's answer.

        Raises:
            Refused: Nobody is to have it.
            Retryable: It is not safe.
        """
        if _received_count(content.start) > MOST_RECEIVED:
            raise Refused(replies.LOOP)
        mail = self.mail
        answers: Sequence[str] = [replies.RECIPIENT_OK] * len(mail.rcpt_tos)
        if content.size_bytes > self._declared_bytes:
            # Only now is it known whether there is room.
            answers = await self.reception.policy.answers(mail.rcpt_tos, content.size_bytes)
        recipients = tuple(dict.fromkeys(self.to_deliver(answers)))
        if not recipients:
            return answers
        now = self.reception.clock.now()
        mail_id = new_id(now)
        received = MailReceived(
            mail_id=mail_id,
            received_at=now,
            origin=self.origin,
            mail_from=mail.mail_from or "",
            recipients=recipients,
            size_bytes=content.size_bytes,
            raw=content.raw,
            raw_blob=content.raw_blob,
            client_ip=self.client_ip,
            helo=self.client.host_name or "",
            tls=self.tls,
            smtputf8=mail.smtp_utf8,
        )
        await self.reception.log.append([received])
        self.forgive()
        _logger.info(
            "mail.accepted",
            mail_id=mail_id,
            origin=self.origin,
            client_ip=received.client_ip,
            size_bytes=content.size_bytes,
            recipients=len(recipients),
        )
        told = replies.queued(mail_id)
        return [told if answer[0] == "2" else answer for answer in answers]


def _received_count(start: bytes) -> int:
    header, _, _ = start.partition(b"\r\n\r\n")
    return len(_RECEIVED.findall(header))
