"""A transaction of SMTP: the mail from its MAIL to its last answer (RFC 5321 §3.3).

Asks the checks about the message once it is here, and says who is to get it; writes nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from connectors.smtp_in import replies
from connectors.smtp_in.envelope import Recipient, Sender
from connectors.smtp_in.message import Content, Refused
from topologies.acceptance import Acceptance
from topologies.check import Refusal, Transaction
from topologies.events.inbound import DeliveryWishes, RecipientWish

MOST_RECEIVED = 100  # RFC 5321 §6.3: whoever counts hops lets at least 100 pass

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)


@dataclass(slots=True)
class Mail:
    """A mail on its way in."""

    sender: Sender
    asked: Transaction  # what the checks know of it
    wishes: list[RecipientWish] = field(default_factory=lambda: list[RecipientWish]())
    has_put_off: bool = False  # a recipient, who may be tried later
    has_refused: bool = False  # a recipient, for good

    @property
    def recipients(self) -> Sequence[str]:
        """The forward-paths that were accepted, in order; one may stand there twice."""
        return self.asked.recipients

    async def add(self, recipient: Recipient, acceptance: Acceptance) -> str:
        """Ask whether *recipient* gets the mail, and return the reply.

        Raises:
            Retryable: It can't be told now.
        """
        asked = replace(self.asked, recipient=recipient.path, targets=())
        answer = await acceptance.ask("rcpt", asked)
        if isinstance(answer, Refusal):
            return answer.reply
        self.asked = replace(answer, recipients=(*answer.recipients, recipient.path))
        if recipient.wish:
            self.wishes.append(recipient.wish)
        return replies.RECIPIENT_OK

    async def judge(self, mail_id: str, content: Content, acceptance: Acceptance) -> Sequence[str]:
        """Return each recipient's answer, now that the message is here.

        Raises:
            Refused: Nobody is to have it.
            Retryable: It can't be told now.
        """
        header, _, _ = content.start.partition(b"\r\n\r\n")
        if len(_RECEIVED.findall(header)) > MOST_RECEIVED:
            raise Refused(replies.LOOP)
        if self.sender.body == "BINARYMIME" and _has_bare(header):
            raise Refused(replies.BARE_LINE_END)
        arrived = replace(
            self.asked,
            mail_id=mail_id,
            size_bytes=content.size_bytes,
            start=content.start,
            is_whole=content.raw is not None,
        )
        answer = await acceptance.ask("data", arrived)
        if isinstance(answer, Refusal):
            raise Refused(answer.reply, is_logged=True, told=answer.told)
        if content.size_bytes <= self.sender.size_bytes:
            return [replies.RECIPIENT_OK] * len(self.recipients)
        # Only now is it known whether there is room.
        return [
            await self._by_size(path, content.size_bytes, acceptance) for path in self.recipients
        ]

    async def _by_size(self, path: str, size_bytes: int, acceptance: Acceptance) -> str:
        asked = replace(self.asked, recipient=path, targets=(), size_bytes=size_bytes)
        answer = await acceptance.ask_by_size(asked)
        return answer.reply if isinstance(answer, Refusal) else replies.RECIPIENT_OK

    def wishes_for(self, recipients: Sequence[str]) -> DeliveryWishes | None:
        """Return what the sender wishes to be told, None if nothing was said of it."""
        theirs = tuple(wish for wish in self.wishes if wish.recipient in recipients)
        if not (theirs or self.sender.returned or self.sender.envelope_id):
            return None
        return DeliveryWishes(
            returned=self.sender.returned,
            envelope_id=self.sender.envelope_id,
            recipients=theirs,
        )


def _has_bare(data: bytes) -> bool:
    pairs = data.count(b"\r\n")
    return data.count(b"\r") != pairs or data.count(b"\n") != pairs
