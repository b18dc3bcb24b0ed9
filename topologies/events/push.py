"""Facts on the way of what browsers are told while the page is closed.

    MailboxChanged → PushDue ⇄ PushLater…

One notice for one browser is one event. It names what is new and carries no content.
"""

from datetime import datetime, timedelta

from topologies.events.base import Event


class PushDue(Event, frozen=True, kw_only=True, tag="push.due/1"):
    """A browser is to be told of a new mail now."""

    subscription_id: str
    user_id: str
    email_id: str
    folder_id: str
    thread_id: str
    seq: int  # of the change that says so
    made_at: datetime  # when it happened; it is given up a day later
    attempt: int = 1  # which one this will be

    @property
    def key(self) -> str:
        return self.subscription_id


class PushLater1m(PushDue, frozen=True, kw_only=True, tag="push.later-1m/1"):
    """To be told in a minute."""


PUSH_WAITS: dict[timedelta, type[PushDue]] = {timedelta(minutes=1): PushLater1m}
