"""Where is my mail: all that the log and the stores know of one mail, in order of time."""

from dataclasses import dataclass, field
from datetime import datetime

from topologies.ports.dead_letters import DeadLetter
from topologies.ports.deliveries import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEvent:
    """One event of the mail on the log.

    Attributes:
        tag: ``name/version``; empty: it can't be read.
        written_by: The stage; empty for what entered from outside, and where it is not known.
        came_of: The event_id of what that stage had read; empty as above.
        is_replay: It was handed in once more, to one stage alone.
        fields: The event as it stands there, less the message.
    """

    at: datetime
    topic: str
    partition: int
    offset: int
    key: str
    event_id: str
    tag: str
    mail_id: str
    written_by: str = ""
    came_of: str = ""
    is_replay: bool = False
    fields: dict[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailCopy:
    """A user's copy of the mail.

    Attributes:
        folder_id: Where it lies; empty: it is gone.
    """

    user_id: str
    address: str
    mail_id: str
    email_id: str
    folder_id: str


@dataclass(slots=True, kw_only=True)
class Trail:
    """All that is known of a mail.

    Attributes:
        mail_ids: Its own, and those of mails that came of it or that it came of.
        incomplete: What could not be looked into as far as it goes, in words.
    """

    mail_ids: list[str]
    events: list[TrailEvent] = field(default_factory=list[TrailEvent])
    copies: list[TrailCopy] = field(default_factory=list[TrailCopy])
    deliveries: list[Delivery] = field(default_factory=list[Delivery])
    dead_letters: list[DeadLetter] = field(default_factory=list[DeadLetter])
    incomplete: list[str] = field(default_factory=list[str])

    @property
    def is_empty(self) -> bool:
        """True if nothing is known of the mail."""
        return not (self.events or self.copies or self.deliveries or self.dead_letters)
