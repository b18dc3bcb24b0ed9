"""What is said about one topic. A value, so that other distributions may declare theirs."""

from dataclasses import dataclass
from datetime import timedelta

from topologies.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic of the log: what it holds, and how it is read.

    Attributes:
        key: What the key of its records is: ``mail_id``, ``user_id``, ``sender``,
            ``destination``, ``webhook_id`` or ``original``; another distribution may have others.
        events: What it holds. An event has one topic.
        is_step: One stage follows along the same key: events are handed on in process.
        retention: How long records are kept; None: as the deployment has it.
        delay: Its records go on this long after they came: to `delivery.due`, or to `mail.held`.
        keeps_order: Records of one key are worked on one after another.
    """

    name: str
    key: str
    events: tuple[type[Event], ...]
    is_step: bool = False
    retention: timedelta | None = None
    delay: timedelta | None = None
    keeps_order: bool = True
