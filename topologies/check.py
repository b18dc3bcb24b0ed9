"""How a check is declared: a function that is asked before a mail is accepted.

The edge asks while a client is there and waits, so a check is quick, and what it asks the
network has a deadline after which the mail passes: who can't be asked refuses nobody. The
decorator registers nothing and wraps nothing; discovery is ``topologies.acceptance``'s work.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import msgspec

from topologies.events.base import Event
from topologies.events.inbound import HeloVerdict, Origin
from topologies.ports.directory import Target

# When a check is asked: once a session, once at each HELO or EHLO, at each MAIL, at each RCPT,
# and when the whole message is here.
Moment = Literal["connect", "helo", "mail", "rcpt", "data"]
MOMENTS: tuple[Moment, ...] = get_args(Moment)
# By which way a mail comes: from strangers, from a mail server of ours, or from a user of ours.
Way = Origin | Literal["submission"]


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when a check is asked; it grows from moment to moment.

    Attributes:
        origin: ``lmtp``: our own mail server hands over, which asked its client already.
            ``submission``: a user of ours sends, who has signed in.
        is_trusted: The client is of a network that no limit and no list is for.
        targets: The mailboxes that the recipient leads to.
        goes_on: The recipient leads to other systems, maybe besides.
        recipients: The forward-paths accepted in this transaction so far.
        size_bytes: As declared (RFC 1870), 0 if it was not; at ``data`` the real one.
        is_allowed: An allow list vouches for the client.
        proved_domain: Of the sender, by SPF; empty if it is not proved or was not asked.
        start: At ``data``: the first 64 KB of the message or more, all of it if small.
        is_whole: At ``data``: ``start`` is all of it.
    """

    origin: Way
    hostname: str  # ours
    client_ip: str = ""
    is_trusted: bool = False
    client_name: str = ""
    helo: str = ""
    helo_verdict: HeloVerdict = ""
    mail_from: str = ""
    recipient: str = ""
    targets: tuple[Target, ...] = ()
    goes_on: bool = False
    recipients: tuple[str, ...] = ()
    size_bytes: int = 0
    is_allowed: bool = False
    proved_domain: str = ""
    user_id: str = ""  # who is signed in; for submission alone
    mail_id: str = ""  # at `data`
    start: bytes = b""
    is_whole: bool = False


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The client is told no.

    Attributes:
        reply: Its line: the code (RFC 5321), the enhanced code (RFC 3463), and a text for
            everybody, which tells nothing about us.
        reason: Precisely why, for our log alone; without addresses of people.
        told: Facts for others; a refusal at ``data`` is answered whether or not they can be
            written.
    """

    reply: str
    reason: str
    told: tuple[Event, ...] = ()

    @property
    def is_for_good(self) -> bool:
        """Whether trying again is of no use."""
        return self.reply[0] == "5"


# None: nothing is against it. A Transaction: the same, and this was found out.
Answer = Refusal | Transaction | None
CheckFunction = Callable[..., Awaitable[Answer]]
F = TypeVar("F", bound=CheckFunction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What must be known to ask a check.

    Attributes:
        name: The function's name, unique.
        at: When it is asked.
        rank: Its place among those of the same moment; the smaller, the earlier.
        origins: For whose mail.
        by_size: Asked again, for each recipient, if a message is larger than was declared.
    """

    name: str
    ask: CheckFunction
    at: Moment
    rank: int
    origins: tuple[Way, ...]
    by_size: bool


def check(
    *,
    at: Moment,
    rank: int,
    origins: tuple[Way, ...] = ("smtp",),
    by_size: bool = False,
) -> Callable[[F], F]:
    """Mark a coroutine function as a check.

    The function takes a ``Transaction``, and by keyword only the ports and wishes it needs,
    each annotated with its class. It returns what it has against the mail, what it found out,
    or None. ``Retryable`` may leave it where nothing can be accepted without an answer.
    """

    def mark(function: F) -> F:
        marked: Any = function
        marked.__check__ = Check(
            name=function.__name__,
            ask=function,
            at=at,
            rank=rank,
            origins=origins,
            by_size=by_size,
        )
        return function

    return mark
