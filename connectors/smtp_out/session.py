"""One session with an SMTP server: greeting, EHLO, TLS, then mail after mail (RFC 5321 §3, §4).

Each recipient has a result of its own. Commands go out in one go where the server allows that
(RFC 2920).
"""

import base64
import contextlib
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from connectors.smtp_out.wire import Lost, Wire
from topologies.events import DeliveryDue
from topologies.mail import require_tls
from topologies.mail.mx import Refusal
from topologies.mail.outgoing import Fitted, fit, stuffed
from topologies.mail.smtp_reply import Reply

QUIT_S = 5.0
GO_ON = 354


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the steps of a session may take, in seconds (RFC 5321 §4.5.3.2).

    Attributes:
        step_s: The greeting, and each command.
    """

    connect_s: float
    step_s: float

    @property
    def data_s(self) -> float:
        """Until the server wants the message: §4.5.3.2.4 says two minutes where MAIL has five."""
        return self.step_s * 0.4

    @property
    def block_s(self) -> float:
        """For each block of it: three minutes."""
        return self.step_s * 0.6

    @property
    def end_s(self) -> float:
        """For the last answer: ten minutes."""
        return self.step_s * 2


class Refused(Exception):
    """The server wants no mail from us now; the reply tells why."""

    def __init__(self, reply: Reply, when: str) -> None:
        super().__init__(f"{when}: {reply.code} {reply.text}")
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said about one recipient, or in our words why it said nothing.

    Attributes:
        step: What was asked when it came to that.
    """

    step: Literal["connect", "mail", "rcpt", "data", "end"]
    reply: Reply | None = None
    lost: str = ""
    refusal: Refusal | None = None  # of ours, since it can't be asked of this server


@dataclass(slots=True)
class Sent:
    """What came of one mail: an answer for each recipient."""

    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    takes_wishes: bool = False
    is_lost_before_end: bool = False  # nothing was handed over: another host may be asked

    def tell(self, recipients: Sequence[str], answer: Answer) -> None:
        """Give *answer* to those who have none yet."""
        for recipient in recipients:
            self.answers.setdefault(recipient, answer)


class Session:
    """A server that has greeted us."""

    def __init__(self, wire: Wire, patience: Patience, *, host: str, address: str) -> None:
        """Begin with a connection; ``greet`` comes next."""
        self.host = host
        self.address = address
        self.mails = 0
        self.idle_since = time.monotonic()
        self._wire = wire
        self._patience = patience
        self._features: dict[str, str] = {}
        self._is_over = False
        self._is_handed_over = False
        self._greeted_as = ""

    @property
    def tls(self) -> str:
        """Version and cipher of TLS; empty in clear text."""
        return self._wire.tls

    @property
    def chain(self) -> list[bytes]:
        """The server's certificates, in DER, its own first; none in clear text."""
        return self._wire.chain()

    @property
    def offers_tls(self) -> bool:
        """Whether it takes STARTTLS."""
        return "STARTTLS" in self._features

    @property
    def sends_on_by_tls(self) -> bool:
        """Whether it promises to hand a mail on by TLS alone, said within TLS (RFC 8689 §2)."""
        return bool(self.tls) and require_tls.KEYWORD in self._features

    @property
    def calls_itself(self) -> str:
        """What it said that its name is."""
        return self._greeted_as

    @property
    def is_usable(self) -> bool:
        """Whether another mail may be given to it."""
        return not self._is_over and not self._wire.is_lost

    async def greet(self, name: str) -> None:
        """Hear its greeting and say EHLO, or HELO if it knows no better.

        Raises:
            Lost: The connection ended.
            Refused: It takes no mail.
        """
        greeting = await self._wire.reply(self._patience.step_s)
        if greeting.code != 220:
            raise Refused(greeting, "greeting")
        await self._ehlo(name)

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Go on in TLS, and forget what was said in clear text (RFC 3207 §4.2).

        Raises:
            Lost: The handshake failed.
            Refused: It wants no TLS now: in clear text it may go on.
        """
        reply = await self._ask("STARTTLS", self._patience.step_s)
        if reply.code != 220:
            raise Refused(reply, "STARTTLS")
        await self._wire.start_tls(context, self.host, self._patience.step_s)
        await self._ehlo(name)

    async def sign_in(self, user: str, password: str) -> None:
        """Say who we are (RFC 4616); only within TLS, or the world would know too.

        Raises:
            Lost: The connection ended.
            Refused: It does not know us.
        """
        if not self._wire.tls:
            raise Lost("no password is sent in clear text")
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode("ascii")
        reply = await self._ask(f"AUTH PLAIN {secret}", self._patience.step_s)
        if not reply.is_positive:
            raise Refused(reply, "AUTH")

    async def send(self, due: DeliveryDue, raw: bytes) -> Sent:
        """Hand the mail over, and return what was said about each recipient."""
        sent = Sent()
        requires_tls = due.tls_required == "yes"
        if requires_tls and not self.sends_on_by_tls:  # whatever anybody thought before
            sent.tell(due.recipients, Answer("mail", refusal=require_tls.NOT_OFFERED))
            return sent
        fitted = fit(
            due.return_path or due.mail_from,
            due.recipients,
            raw,
            features=self._features,
            smtputf8=due.smtputf8,
            body_type=due.body_type,
            wishes=due.wishes,
            requires_tls=requires_tls,
        )
        if isinstance(fitted, Refusal):
            sent.tell(due.recipients, Answer("mail", refusal=fitted))
            return sent
        sent.takes_wishes = fitted.takes_wishes
        for recipient, refusal in fitted.refused.items():
            sent.tell([recipient], Answer("rcpt", refusal=refusal))
        if fitted.recipients:
            self.mails += 1
            self._is_handed_over = False
            try:
                await self._hand_over(fitted, sent)
            except Lost as error:
                self._is_over = True
                sent.is_lost_before_end = not self._is_handed_over
                sent.tell(due.recipients, Answer("rcpt", lost=str(error)))
        self.idle_since = time.monotonic()
        return sent

    async def quit(self) -> None:
        """Say goodbye, and wait for it no longer than a moment."""
        if self.is_usable:
            with contextlib.suppress(Lost):
                await self._ask("QUIT", min(QUIT_S, self._patience.step_s))
        self.abort()

    def abort(self) -> None:
        """End at once."""
        self._is_over = True
        self._wire.abort()

    async def _ehlo(self, name: str) -> None:
        reply = await self._ask(f"EHLO {name}", self._patience.step_s)
        self._features = {}
        if reply.is_positive:
            for line in reply.lines[1:]:
                keyword, _, rest = line.replace("=", " ", 1).strip().partition(" ")
                self._features.setdefault(keyword.upper(), rest.strip())
        elif reply.is_permanent:
            reply = await self._ask(f"HELO {name}", self._patience.step_s)
        if not reply.is_positive:
            raise Refused(reply, "EHLO")
        self._greeted_as = reply.lines[0].strip().partition(" ")[0].lower()

    async def _hand_over(self, fitted: Fitted, sent: Sent) -> None:
        is_pipelined = "PIPELINING" in self._features
        step_s, everyone = self._patience.step_s, [r.address for r in fitted.recipients]
        if is_pipelined:
            commands = [fitted.mail, *(r.command for r in fitted.recipients), "DATA"]
            self._say(*commands)
            reply = await self._wire.reply(step_s)
        else:
            reply = await self._ask(fitted.mail, step_s)
        if reply.code == 421 and self.mails > 1:
            raise Lost(f"it wants no further mail in this session: {reply.text}")
        if not reply.is_positive:
            sent.tell(everyone, Answer("mail", reply))
            if self._has_ended(reply) or not is_pipelined:
                return await self._reset()
        accepted: list[str] = []
        for recipient in fitted.recipients:
            if is_pipelined:
                reply = await self._wire.reply(step_s)
            else:
                reply = await self._ask(recipient.command, step_s)
            if reply.is_positive and recipient.address not in sent.answers:
                accepted.append(recipient.address)
            sent.tell([] if reply.is_positive else [recipient.address], Answer("rcpt", reply))
            if self._has_ended(reply):
                sent.tell(everyone, Answer("rcpt", reply))
                return None
        if not accepted and not is_pipelined:
            return await self._reset()
        if is_pipelined:
            reply = await self._wire.reply(self._patience.data_s)
        else:
            reply = await self._ask("DATA", self._patience.data_s)
        if reply.code != GO_ON:
            sent.tell(accepted, Answer("data", reply))
            self._has_ended(reply)
            return await self._reset()
        if not accepted:  # RFC 2920 §3.1: it wants the message though nobody is to have it
            self._wire.write(b".\r\n")
            self._has_ended(await self._wire.reply(self._patience.end_s))
            return None
        # From here on nobody knows whether it was handed over, until the server says so.
        self._is_handed_over = True
        await self._wire.flow(stuffed(fitted.raw), self._patience.block_s)
        reply = await self._wire.reply(self._patience.end_s)
        sent.tell(accepted, Answer("end", reply))
        self._has_ended(reply)
        return None

    async def _reset(self) -> None:
        if self.is_usable:
            reply = await self._ask("RSET", self._patience.step_s)
            self._is_over = self._is_over or not reply.is_positive

    async def _ask(self, command: str, timeout_s: float) -> Reply:
        self._say(command)
        return await self._wire.reply(timeout_s)

    def _say(self, *commands: str) -> None:
        self._wire.write("".join(command + "\r\n" for command in commands).encode())

    def _has_ended(self, reply: Reply) -> bool:
        """Take note whether *reply* closes the channel (RFC 5321 §3.8)."""
        self._is_over = self._is_over or reply.code == 421
        return self._is_over
