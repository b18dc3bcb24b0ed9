"""Facts on the way of a wish to get no more mail of a sender (RFC 8058)."""

from datetime import datetime, timedelta

from topologies.events.base import Event


class UnsubscribeDue(Event, frozen=True, kw_only=True, tag="unsubscribe.due/1"):
    """The sender of a mail is to be told now that its reader wants no more."""

    user_id: str
    email_id: str
    host: str  # of the URL
    url: str  # https
    asked_at: datetime
    attempt: int = 1  # which one this will be
    put_off: int = 0  # how often it was not its turn since the last attempt

    @property
    def key(self) -> str:
        return self.host


class UnsubscribeLater5m(UnsubscribeDue, frozen=True, kw_only=True, tag="unsubscribe.later-5m/1"):
    """To be told in five minutes."""


class UnsubscribeLater2h(UnsubscribeDue, frozen=True, kw_only=True, tag="unsubscribe.later-2h/1"):
    """To be told in two hours."""


# One topic a waiting time, as of deliveries; in the order in which they follow each other.
UNSUBSCRIBE_WAITS: dict[timedelta, type[UnsubscribeDue]] = {
    timedelta(minutes=5): UnsubscribeLater5m,
    timedelta(hours=2): UnsubscribeLater2h,
}
