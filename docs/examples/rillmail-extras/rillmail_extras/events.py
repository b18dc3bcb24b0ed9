"""What our stages tell."""

from topologies.events import Event


class LanguageFound(Event, frozen=True, kw_only=True, tag="mail.language/1"):
    """A mail that reached a mailbox is written in some language."""

    user_id: str
    email_id: str
    mail_id: str
    language: str  # ISO 639-1; "und" where nothing tells

    @property
    def key(self) -> str:
        """The user, so that all about one mailbox is in order."""
        return self.user_id


class InvitationFound(Event, frozen=True, kw_only=True, tag="mail.invitation/1"):
    """A mail that reached a mailbox carries something for a calendar (RFC 5545)."""

    user_id: str
    email_id: str
    mail_id: str
    method: str  # REQUEST, CANCEL, REPLY …; empty where none is told
    uid: str
    summary: str
    starts: str  # DTSTART as it is written, a date or a time
    time_zone: str = ""  # of `starts`; empty: UTC if that ends with Z, else whoever reads it

    @property
    def key(self) -> str:
        """The user, so that all about one mailbox is in order."""
        return self.user_id
