# ruff: noqa: N802  aiosmtpd finds commands by their names
"""Users send by their mail clients: message submission (RFC 6409), after AUTH (RFC 4954).

Writes `mail.submitted`, as the API does. Passwords are taken in TLS alone; who has signed in may
write in their own name (``topologies.edge``), for as long as that password would let them in. Bcc
is taken out of the message, and a Date and a Message-ID are put in front where they are missing
(RFC 6409 §8.2, §8.3), so that the sender's copy has those that answers will refer to; else it is
kept as it came.
"""

import base64
import binascii
import math
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import structlog
from aiosmtpd.smtp import syntax  # pyright: ignore[reportUnknownVariableType]
from msgspec.structs import replace

from connectors.sign_in import SignIns, TooManyFailures
from connectors.smtp_in import replies
from connectors.smtp_in.mail import Mail
from connectors.smtp_in.message import Content
from connectors.smtp_in.protocol import SmtpSession
from connectors.smtp_in.reception import Reception
from topologies.errors import Retryable
from topologies.events import Event, MailSubmitted
from topologies.mail import completing, dkim_canonical, submitted_header
from topologies.ports.blobs import Blobs

CONTINUES = "334 "
# RFC 4954 has no challenges for LOGIN: these are what clients have waited for ever since.
USERNAME = CONTINUES + base64.b64encode(b"Username:").decode()
PASSWORD = CONTINUES + base64.b64encode(b"Password:").decode()
LONGEST_RESPONSE = 12_288  # RFC 4954 §4.
HOLDS_FOR = timedelta(minutes=1)  # then it is asked whether the password is good still

_logger = structlog.get_logger("smtp")


class _Failed(Exception):
    """A sign-in comes to nothing; says the reply."""


class SubmissionSession(SmtpSession):
    """A session with a user's mail client."""

    commands = (*SmtpSession.commands, "smtp_AUTH")
    way = "submission"

    def __init__(self, reception: Reception, client_ip: str = "") -> None:
        """Wait for a client."""
        super().__init__(reception, client_ip)
        self._proof = ("", "")  # address and password that the user signed in with
        self._holds_until = reception.clock.now()

    def extensions(self) -> list[str]:
        """Return what EHLO offers."""
        offered = [*super().extensions(), "DSN"]  # RFC 3461
        return [*offered, "AUTH PLAIN LOGIN"] if self.tls else offered

    async def secure(self) -> None:
        """Go on in TLS, and forget what was said before."""
        await super().secure()
        self.facts = replace(self.facts, user_id="")

    @syntax("AUTH mechanism [response]")
    async def smtp_AUTH(self, arg: str | None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Sign in."""
        await self.push(await self._auth((arg or "").split()))

    async def _auth(self, words: list[str]) -> str:
        if not self.facts.helo:
            return replies.HELLO_FIRST.format(hello=self.hello)
        if not self.tls:
            return replies.TLS_FIRST  # RFC 4954 §4: never in clear text
        if self.facts.user_id:
            return replies.SIGNED_IN_ALREADY
        if self.mail is not None:
            return replies.AUTH_IN_MAIL
        if not 1 <= len(words) <= 2:
            return replies.AUTH_SYNTAX
        mechanism, initial = words[0].upper(), words[1] if len(words) == 2 else None
        try:
            match mechanism:
                case "PLAIN":
                    address, password = await self._plain(initial)
                case "LOGIN":
                    address, password = await self._login(initial)
                case _:
                    return replies.UNKNOWN_MECHANISM
        except _Failed as failed:
            return str(failed)
        return await self._signed_in(address, password)

    async def _plain(self, initial: str | None) -> tuple[str, str]:
        """Return address and password (RFC 4616)."""
        response = await self._asked(CONTINUES) if initial is None else _decoded(initial)
        words = response.split("\0")
        if len(words) != 3:
            raise _Failed(replies.BAD_BASE64)
        acts_as, address, password = words
        if acts_as and acts_as.lower() != address.lower():
            raise _Failed(replies.WRONG_PASSWORD)  # nobody acts as somebody else
        return address, password

    async def _login(self, initial: str | None) -> tuple[str, str]:
        address = await self._asked(USERNAME) if initial is None else _decoded(initial)
        return address, await self._asked(PASSWORD)

    async def _asked(self, challenge: str) -> str:
        """Say *challenge* and return the decoded response."""
        self.wire.say(challenge)
        line = await self.wire.line()
        self._reset_timeout()
        if line is None or len(line) > LONGEST_RESPONSE:
            raise _Failed(replies.LINE_TOO_LONG)
        text = line.rstrip(b"\r\n").decode("ascii", "replace")
        if text == "*":
            raise _Failed(replies.AUTH_CANCELLED)
        return _decoded(text)

    async def _signed_in(self, address: str, password: str) -> str:
        sign_ins: SignIns | None = self.reception.sign_ins
        client_ip = self.facts.client_ip
        if sign_ins is None:
            return replies.AUTH_NOT_NOW
        try:
            user = await sign_ins.sign_in(address, password, client_ip)
        except TooManyFailures as failures:
            _logger.info("smtp.too-many-sign-ins", client_ip=client_ip)
            return replies.TOO_MANY_SIGN_INS.format(minutes=math.ceil(failures.wait_s / 60))
        except Retryable as error:
            _logger.warning("smtp.out-of-reach", command="AUTH", reason=str(error))
            return replies.AUTH_NOT_NOW
        if user is None:
            _logger.info("smtp.sign-in-failed", client_ip=client_ip)
            return replies.WRONG_PASSWORD
        self.facts = replace(self.facts, user_id=user.user_id)
        self._proof = address, password
        self._holds_until = self.reception.clock.now() + HOLDS_FOR
        return replies.SIGNED_IN

    async def _holds(self) -> bool:
        """Return whether the user could sign in now as they did.

        Else who has stolen a password would go on, in a session that is kept open, when it was
        taken from them.

        Raises:
            Retryable: It can't be told now.
        """
        now, sign_ins = self.reception.clock.now(), self.reception.sign_ins
        if now < self._holds_until or sign_ins is None:
            return True
        try:
            user = await sign_ins.sign_in(*self._proof, self.facts.client_ip)
        except TooManyFailures:
            return True  # of others, who guess: that must not stop whoever is here
        self._holds_until = now + HOLDS_FOR
        return user is not None and user.user_id == self.facts.user_id

    async def _mail(self, arg: str | None) -> str:
        if not self.facts.user_id:
            return replies.SIGN_IN_FIRST if self.tls else replies.TLS_FIRST
        if not await self._holds():
            _logger.info("smtp.sign-in-over", client_ip=self.facts.client_ip)
            self.facts = replace(self.facts, user_id="")
            return replies.SIGN_IN_FIRST
        return await super()._mail(arg)

    async def event(
        self,
        mail: Mail,
        content: Content,
        mail_id: str,
        at: datetime,
        recipients: tuple[str, ...],
    ) -> Event:
        """Return what is written of a message that is taken."""
        made = await _completed(content, mail_id, at, self.reception)
        return MailSubmitted(
            mail_id=mail_id,
            submitted_at=at,
            user_id=self.facts.user_id,
            mail_from=mail.sender.path,
            recipients=recipients,
            bcc=submitted_header.unseen(content.start, recipients),
            size_bytes=made.size_bytes,
            raw=made.raw,
            raw_blob=made.raw_blob,
            origin="submission",
            client_ip=self.facts.client_ip,
            smtputf8=mail.sender.is_utf8,
            # Many clients say nothing and send 8 bits all the same.
            body_type="8BITMIME" if mail.sender.body == "7BIT" else mail.sender.body,
            wishes=mail.wishes_for(recipients),
            tls_required="yes" if mail.sender.requires_tls else "",
        )


async def _completed(content: Content, mail_id: str, at: datetime, reception: Reception) -> Content:
    """Return the message without Bcc, and with a Date and a Message-ID, safe."""
    header, length = submitted_header.without_bcc(content.start)
    fields = dkim_canonical.fields(header.removesuffix(b"\r\n\r\n").removesuffix(b"\r\n"))
    domain = completing.from_domain(fields) or reception.hostname
    header = completing.missing(fields, mail_id=mail_id, domain=domain, at=at) + header
    if len(header) == length:
        return content
    if content.raw is not None:
        raw = header + content.raw[length:]
        return Content(size_bytes=len(raw), start=raw, raw=raw)
    changed = _changed(header, length, content, reception.blobs)
    blob, size_bytes = await reception.blobs.put_stream(changed)
    return Content(size_bytes=size_bytes, start=header, raw_blob=blob)


async def _changed(
    header: bytes, length: int, content: Content, blobs: Blobs
) -> AsyncIterator[bytes]:
    yield header
    async for chunk in blobs.stream(content.raw_blob or "", length):
        yield chunk


def _decoded(text: str) -> str:
    if text == "=":  # RFC 4954 §4: an initial response that is empty
        return ""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise _Failed(replies.BAD_BASE64) from None
