"""Facts on the way of a mail that is put off, or lacks an answer, and comes back at its time."""

from datetime import datetime, timedelta

from topologies.events.base import Event


class SnoozeDue(Event, frozen=True, kw_only=True, tag="snooze.due/1"):
    """A mail was put off, or lacks an answer: it is to be looked whether its time has come."""

    user_id: str
    email_id: str
    until: datetime  # when it comes back, unless it was put off again since

    @property
    def key(self) -> str:
        return self.user_id


class SnoozeLater5s(SnoozeDue, frozen=True, kw_only=True, tag="snooze.later-5s/1"):
    """To be looked at again in five seconds."""


class SnoozeLater1m(SnoozeDue, frozen=True, kw_only=True, tag="snooze.later-1m/1"):
    """To be looked at again in a minute."""


class SnoozeLater30m(SnoozeDue, frozen=True, kw_only=True, tag="snooze.later-30m/1"):
    """To be looked at again in half an hour."""


class SnoozeLater4h(SnoozeDue, frozen=True, kw_only=True, tag="snooze.later-4h/1"):
    """To be looked at again in four hours."""


SNOOZE_WAITS: dict[timedelta, type[SnoozeDue]] = {
    timedelta(seconds=5): SnoozeLater5s,
    timedelta(minutes=1): SnoozeLater1m,
    timedelta(minutes=30): SnoozeLater30m,
    timedelta(hours=4): SnoozeLater4h,
}
