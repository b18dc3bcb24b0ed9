# ruff: noqa: N802  aiosmtpd finds commands by their names
"""The commands of SMTP (RFC 5321); each message becomes one event.

Writes `mail.received`. What is kept is what was sent, byte for byte, so no ``Received`` is
written into it: who sent it, when and how are fields of the event, and whoever hands the mail
on adds the trace then (RFC 5321 §4.4). ``250`` after DATA is said when the event is durable;
nothing here waits for scanning. Nobody signs in here: that is for submission (RFC 6409).
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

import structlog
from aiosmtpd.smtp import syntax  # pyright: ignore[reportUnknownVariableType]
from msgspec.structs import replace

from connectors.smtp_in import chunks, commands, envelope, replies
from connectors.smtp_in.again import known_as
from connectors.smtp_in.chunks import Chunked
from connectors.smtp_in.data import Stuffed
from connectors.smtp_in.envelope import Chunk
from connectors.smtp_in.introduction import Introduction
from connectors.smtp_in.mail import Mail
from connectors.smtp_in.message import Content, Pace, Refused, Source, TooSlow, receive
from connectors.smtp_in.reception import Reception
from topologies.check import Refusal
from topologies.errors import NoSpace, Retryable
from topologies.events import Event, MailReceived
from topologies.events.inbound import Origin
from topologies.mail.ids import new_id
from topologies.mail.networks import network_of
from topologies.ports.tracer import begun

LONGEST_DATA_S = 3_600.0  # for one message, however slowly it drips
MOST_BEGUN = 100  # transactions in a row that bring no mail
# Between two chunks, these give the message up; anything else but BDAT is out of order.
GIVES_UP = ("RSET", "QUIT", "EHLO", "HELO", "LHLO")

_logger = structlog.get_logger("smtp")


class GivenUp(Exception):
    """The client wants no answer to its message any more."""


class SmtpSession(Introduction):
    """A session with another system's mail server."""

    greeting = "ESMTP"
    commands = (
        *("smtp_EHLO", "smtp_HELO", "smtp_MAIL", "smtp_RCPT", "smtp_DATA", "smtp_BDAT"),
        *("smtp_RSET", "smtp_NOOP", "smtp_QUIT", "smtp_VRFY", "smtp_EXPN", "smtp_HELP"),
        "smtp_STARTTLS",
    )
    origin: ClassVar[Origin] = "smtp"  # as events tell it
    way = "smtp"
    hello: ClassVar[str] = "EHLO"

    def __init__(self, reception: Reception, client_ip: str = "") -> None:
        """Wait for a client."""
        super().__init__(reception, client_ip)
        self._begun = 0  # transactions, since the last mail
        self._mails = 0

    def _set_post_data_state(self) -> None:
        self.mail: Mail | None = None

    # --- a transaction ------------------------------------------------------------------------

    @syntax(
        "MAIL FROM:<address>",
        extended=" [SIZE=n] [BODY=8BITMIME|BINARYMIME] [SMTPUTF8] [RET=FULL|HDRS] [ENVID=id]"
        " [REQUIRETLS]",
    )
    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a mail."""
        await self.push(await self._mail(arg))

    async def _mail(self, arg: str | None) -> str:
        settings = self.reception.settings
        if not self.facts.helo:
            return replies.HELLO_FIRST.format(hello=self.hello)
        if self.mail is not None:
            return replies.NESTED_MAIL
        if settings.max_session_mails and self._mails >= settings.max_session_mails:
            return replies.TOO_MANY_MAILS
        sender = envelope.read_sender(
            arg,
            is_extended=self.client.extended_smtp,
            max_bytes=settings.max_message_bytes,
            is_signed_in=bool(self.facts.user_id),
            is_secure=bool(self.tls),
        )
        if isinstance(sender, str):
            return sender
        self._begun += 1
        if self._begun > MOST_BEGUN:
            return replies.TOO_MANY_ERRORS
        asked = replace(self.facts, mail_from=sender.path, size_bytes=sender.size_bytes)
        answer = await self.reception.acceptance.ask("mail", asked)
        if isinstance(answer, Refusal):
            return answer.reply
        self.mail = Mail(sender, answer)
        return replies.SENDER_OK

    @syntax("RCPT TO:<address>", extended=" [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=address]")
    async def smtp_RCPT(self, arg: str | None) -> None:
        """Name a recipient."""
        mail = self.mail
        reply = replies.MAIL_FIRST if mail is None else await self._rcpt(mail, arg)
        if mail is not None:
            mail.has_put_off |= reply[0] == "4"
            mail.has_refused |= reply[0] == "5"
        await self.push(reply)

    async def _rcpt(self, mail: Mail, arg: str | None) -> str:
        recipient = envelope.read_recipient(
            arg, is_extended=self.client.extended_smtp, is_utf8=mail.sender.is_utf8
        )
        if isinstance(recipient, str):
            return recipient
        if len(mail.recipients) >= self.reception.settings.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        try:
            return await mail.add(recipient, self.reception.acceptance)
        except Retryable:
            mail.has_put_off = True
            raise

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        """Take the message."""
        mail = self.mail
        if arg:
            await self.push(replies.NO_ARGUMENT)
        elif mail is None:
            await self.push(replies.MAIL_FIRST)
        elif not mail.recipients:
            await self.push(self.no_recipient(mail))
        elif mail.sender.body == "BINARYMIME":
            await self.push(replies.NEEDS_BDAT)  # RFC 3030 §3
        else:
            self.wire.say(replies.GO_AHEAD)
            settings = self.reception.settings
            pace = Pace(self.wire, settings.min_bytes_per_s)
            await self._take(
                mail, Stuffed(self.wire, max_bytes=settings.max_message_bytes, pace=pace)
            )

    @syntax("BDAT size [LAST]")
    async def smtp_BDAT(self, arg: str | None) -> None:
        """Take the message in chunks (RFC 3030 §2)."""
        chunk = envelope.read_chunk(arg)
        if chunk is None:
            # Where the next command begins is not known: what comes may be of a message.
            await self.push(replies.CHUNK_SYNTAX)
            self.finish()
            return
        mail, settings = self.mail, self.reception.settings
        pace = Pace(self.wire, settings.min_bytes_per_s)
        if mail is None or not mail.recipients:
            # Its octets come, whatever we say.
            await chunks.skip(self.wire, chunk, max_bytes=settings.max_message_bytes, pace=pace)
            await self.push(replies.MAIL_FIRST if mail is None else self.no_recipient(mail))
            return
        source = Chunked(
            self.wire,
            chunk,
            self._next_chunk,
            max_bytes=settings.max_message_bytes,
            pace=pace,
            is_binary=mail.sender.body == "BINARYMIME",
        )
        await self._take(mail, source)

    async def _next_chunk(self, taken_bytes: int) -> Chunk:
        """Answer a chunk and wait for the next.

        Raises:
            GivenUp: None will come.
        """
        await self.push(replies.CHUNK_TAKEN.format(octets=taken_bytes))
        while True:
            line = await self.wire.line()
            self._reset_timeout()
            read = commands.read(line)
            if isinstance(read, str):
                await self.push(read)
            elif read.name == "BDAT":
                chunk = envelope.read_chunk(read.argument)
                if chunk is not None:
                    return chunk
                await self.push(replies.CHUNK_SYNTAX)
                self.finish()
            elif read.name in GIVES_UP:
                self.wire.put_back(line or b"")
                raise GivenUp
            elif read.name == "NOOP":
                await self.push(replies.OK)
            else:
                await self.push(replies.CHUNK_FIRST)
            if self.is_over:
                raise GivenUp

    def no_recipient(self, mail: Mail) -> str:
        """Return the reply to DATA without recipients (RFC 5321 §3.3)."""
        if mail.has_refused:
            return replies.NO_RECIPIENT_LEFT
        # Who pipelines and looks at this reply alone shall come back, not give up.
        return replies.NO_RECIPIENT_YET if mail.has_put_off else replies.RCPT_FIRST

    def to_tell(self, answers: Sequence[str]) -> Sequence[str]:
        """Return what is said after DATA, given the *answer* that each recipient has."""
        return [next((a for a in answers if a[0] == "2"), answers[0])]

    def to_deliver(self, recipients: Sequence[str], answers: Sequence[str]) -> Sequence[str]:
        """Return to whom the message goes, given the same; empty if nobody took it."""
        # One answer is for all: who would be told nothing of their refusal gets the mail.
        return recipients if any(a[0] == "2" for a in answers) else ()

    # --- the message --------------------------------------------------------------------------

    async def _take(self, mail: Mail, source: Source) -> None:
        # Until all is answered: a bug in between must end the session, not let the rest
        # of a message be read as commands.
        self.is_receiving = True
        for reply in await self._answers(mail, source):
            await self.push(reply)
        self.is_receiving = False
        self._set_post_data_state()

    async def _answers(self, mail: Mail, source: Source) -> Sequence[str]:
        try:
            async with asyncio.timeout(LONGEST_DATA_S):
                content = await receive(source, self.reception.blobs)
            return self.to_tell(await self._kept(mail, content))
        except GivenUp:
            return ()
        except (TimeoutError, TooSlow):
            self.hang_up(replies.IDLE)
            return ()
        except Refused as refused:
            reply = refused.reply
            await self._tell(refused.told)
            if not refused.is_logged:
                _logger.info(
                    "mail.refused",
                    check="message",
                    reply=reply[:9],
                    reason=reply[10:],
                    client_ip=mail.asked.client_ip,
                )
        except NoSpace:
            reply = replies.NO_SPACE
        except Retryable as error:
            _logger.warning("smtp.out-of-reach", command="DATA", reason=str(error))
            reply = replies.OUT_OF_REACH
        return self.to_tell([reply] * len(mail.recipients))

    async def _tell(self, facts: Sequence[Event]) -> None:
        """Write what a refusal tells others, if that can be done now."""
        if facts:
            try:
                await self.reception.log.append(facts)
            except Retryable as error:
                _logger.warning("smtp.untold", reason=str(error))

    async def _kept(self, mail: Mail, content: Content) -> Sequence[str]:
        """Make the message safe and return each recipient's answer.

        Raises:
            Refused: Nobody is to have it.
            Retryable: It is not safe.
        """
        now = self.reception.clock.now()
        answers = await mail.judge(new_id(now), content, self.reception.acceptance)
        recipients = tuple(dict.fromkeys(self.to_deliver(mail.recipients, answers)))
        if not recipients:
            return answers
        facts = mail.asked
        who = facts.user_id or network_of(facts.client_ip)
        parties = (self.way, who, mail.sender.path, *recipients)
        mail_id, at = await known_as(parties, content, now, self.reception.seen)
        with begun(self.reception.tracer, "accept", mail_id=mail_id, way=self.way):
            event = await self.event(mail, content, mail_id, at, recipients)
            await self.reception.log.append([event])
        self.forgive()
        self._begun = 0
        self._mails += 1
        _logger.info(
            "mail.accepted",
            mail_id=mail_id,
            origin=self.way,
            client_ip=facts.client_ip,
            size_bytes=content.size_bytes,
            recipients=len(recipients),
        )
        told = replies.queued(mail_id)
        return [told if answer[0] == "2" else answer for answer in answers]

    async def event(
        self,
        mail: Mail,
        content: Content,
        mail_id: str,
        at: datetime,
        recipients: tuple[str, ...],
    ) -> Event:
        """Return what is written of a message that is taken.

        Raises:
            Refused: It is not, after all.
            Retryable: It is not safe.
        """
        facts = mail.asked
        return MailReceived(
            mail_id=mail_id,
            received_at=at,
            origin=self.origin,
            mail_from=mail.sender.path,
            recipients=recipients,
            size_bytes=content.size_bytes,
            raw=content.raw,
            raw_blob=content.raw_blob,
            client_ip=facts.client_ip,
            client_name=facts.client_name,
            helo=facts.helo,
            helo_verdict=facts.helo_verdict,
            tls=self.tls,
            smtputf8=mail.sender.is_utf8,
            body_type=mail.sender.body,
            wishes=mail.wishes_for(recipients),
            tls_required="yes" if mail.sender.requires_tls else "",
        )
