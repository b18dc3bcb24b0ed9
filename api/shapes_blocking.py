"""What the API takes and answers about senders whose mail a user does not want to see."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from api.shapes import In, ListOut, Out
from api.shapes_sending import MAX_ADDRESS_CHARACTERS
from topologies.ports.rules import BlockedTo

BlockedTarget = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=MAX_ADDRESS_CHARACTERS,
        description="an address, or @domain for it and its subdomains",
    ),
]


class BlockedIn(In, frozen=True, kw_only=True):
    """A sender to block."""

    target: BlockedTarget
    into: BlockedTo = "spam"


class BlockedOut(Out, frozen=True, kw_only=True):
    """A blocked sender."""

    target: str
    into: BlockedTo  # where their mail goes
    since: datetime


class BlockedSendersOut(ListOut, frozen=True, kw_only=True):
    """Blocked senders, the newest first."""

    blocked: tuple[BlockedOut, ...]
