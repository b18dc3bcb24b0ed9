"""What the API answers about mail that is to be sent later."""

from datetime import datetime

from api.shapes import ListOut, Out
from api.shapes_emails import AddressOut


class ScheduledOut(Out, frozen=True, kw_only=True):
    """A mail that waits to be sent; `DELETE /emails/{email_id}/send` takes it back."""

    email_id: str  # of the copy that will be in Sent
    mail_id: str
    send_at: datetime
    subject: str
    to: tuple[AddressOut, ...]
    cc: tuple[AddressOut, ...]
    bcc: tuple[str, ...]
    size: int  # octets
    draft_id: str | None  # the draft that it is; it stays one until then


class ScheduledMailsOut(ListOut, frozen=True, kw_only=True):
    """Mails that are to be sent later, the first that goes out first."""

    scheduled: tuple[ScheduledOut, ...]
