"""Whoever watches the stages work: counts, times and log lines."""

from collections.abc import Sequence
from typing import Literal, Protocol

from topologies.events.base import Event

Result = Literal["done", "again", "poison", "exhausted", "bug"]


class Observer(Protocol):
    """Told of each try of each record. Never blocks, never fails."""

    def handled(
        self,
        stage: str,
        result: Result,
        *,
        key: str,
        event_id: str,
        seconds: float,
        attempt: int,
        read: Event | None = None,
        written: Sequence[Event] = (),
        reason: str = "",
    ) -> None:
        """Take note that *stage* worked on a record.

        Args:
            stage: Its name.
            result: ``again``: it will be tried again; the last three: it became a dead letter.
            key: Of the record: a mail_id or a user_id.
            event_id: Of the record.
            seconds: How long this try took.
            attempt: Which try it was, from 1.
            read: The event, None where the record holds none.
            written: What came out.
            reason: Why it did not pass; empty when done.
        """
        ...
