"""One machine with the embedded service: which of its resources breaks first, and when."""

import msgspec

from api.capacity.inputs import Inputs
from api.capacity.measured import ms
from api.capacity.model import DAY_S, YEAR_DAYS

SIZES = (10, 1_000, 1_000_000)  # users a node
BASE_BYTES = 131 * 1024**2  # resident after reading, as docs/performance.md has it
LONG_YEARS = 20  # whoever plans further ahead buys another machine first


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """How far one resource is used.

    Attributes:
        share: Of what there is, in the busiest second; 1 is all of it.
        days: Until it is used up, of what fills; infinite, if it does not.
    """

    what: str
    share: float
    days: float = float("inf")


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A machine with so many users."""

    users: float
    mails_per_s: float  # in the busiest second
    uses: tuple[Use, ...]
    breaks: str  # what does first, in a sentence


def filled(inputs: Inputs, users: float) -> Node:
    """Return how a machine with *users* is used."""
    mails = users * (inputs.received_a_day + inputs.sent_a_day)
    peak_per_s = mails / DAY_S * inputs.peak
    attached = inputs.attachment_share * inputs.attachment_bytes
    mail_bytes = inputs.metadata_bytes + inputs.raw_bytes + inputs.index_bytes + attached
    sockets = users * inputs.online_share
    uses = (
        # Python runs on one core at a time, however many the machine has.
        Use(what="the core that works off mail", share=peak_per_s * ms("embedded") / 1_000),
        Use(
            what="the disk's room",
            share=mails * mail_bytes * YEAR_DAYS / inputs.node_disk_bytes,
            days=inputs.node_disk_bytes / (mails * mail_bytes),
        ),
        # At the worst each mail waits for one of its own.
        Use(what="syncs of the disk", share=peak_per_s * inputs.fsync_ms / 1_000),
        Use(
            what="the network",
            share=peak_per_s * 2 * mail_bytes * 8 / inputs.node_network_bits,
        ),
        Use(
            what="memory for WebSockets",
            share=(BASE_BYTES + sockets * inputs.socket_bytes) / inputs.node_memory_bytes,
        ),
    )
    return Node(users=users, mails_per_s=peak_per_s, uses=uses, breaks=_first(uses))


def most_users(inputs: Inputs) -> dict[str, float]:
    """Return how many users one machine bears, by each resource; by room, for a year."""
    some, more = filled(inputs, 1_000), filled(inputs, 2_000)
    found: dict[str, float] = {}
    for one, other in zip(some.uses, more.uses, strict=True):
        of_thousand = other.share - one.share
        found[one.what] = 1_000 * (1 - (one.share - of_thousand)) / of_thousand
    return found


def _first(uses: tuple[Use, ...]) -> str:
    at_once = [use for use in uses if use.share > 1 and use.days == float("inf")]
    if at_once:
        worst = max(at_once, key=lambda use: use.share)
        return f"at once: {worst.what}, {worst.share:.1f} times what there is"
    filling = min(uses, key=lambda use: use.days)
    if filling.days > LONG_YEARS * YEAR_DAYS:
        return f"nothing in {LONG_YEARS} years"
    return f"{filling.what}, after {filling.days / YEAR_DAYS:.1f} years"
