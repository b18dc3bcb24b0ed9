"""What the API takes and answers about reminders of mail that was sent."""

from datetime import datetime

from api.shapes import In, ListOut, Out
from api.shapes_emails import EmailLine
from api.shapes_sending import RemindAt


class ReminderIn(In, frozen=True, kw_only=True):
    """When one is to be reminded of a mail if nobody has answered it."""

    remind_at: RemindAt


class ReminderOut(Out, frozen=True, kw_only=True):
    """A mail that was sent and waits for an answer."""

    email_id: str
    remind_at: datetime
    email: EmailLine


class RemindersOut(ListOut, frozen=True, kw_only=True):
    """Mails that wait for an answer, the first to be reminded of first."""

    reminders: tuple[ReminderOut, ...]
