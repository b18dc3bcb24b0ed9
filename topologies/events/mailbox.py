"""What changes a mailbox (commands, by user) and what changed in it (facts, by user).

Commands for one mailbox are applied in order by one writer, the stage ``store``.
``command_id`` makes them idempotent: applying one twice changes nothing.
"""

from datetime import datetime
from typing import Literal

from topologies.events.base import Event
from topologies.events.draft import Draft
from topologies.events.inbound import Authentication, MailReceived, SpamVerdict, VirusVerdict
from topologies.events.message import Message, RawRef

# Every mailbox has these, without being asked. Custom folders have UUIDs.
INBOX, SENT, DRAFTS, TRASH, SPAM = "inbox", "sent", "drafts", "trash", "spam"
SYSTEM_FOLDERS = (INBOX, SENT, DRAFTS, SPAM, TRASH)
# Where mails that were deleted for good lie for a while, to be restored: no folder that is listed.
DELETED = "deleted"
QUARANTINE_USER = "quarantine"  # the mailbox that keeps infected mail for the admin


class Command(Event, frozen=True, kw_only=True):
    """What all mailbox commands share."""

    user_id: str
    command_id: str  # UUID; the same command has the same id at every replay
    issued_at: datetime  # UTC
    answer: bool = False  # whoever issued it waits for a CommandAnswered

    @property
    def key(self) -> str:
        return self.user_id


class Deliver(Command, frozen=True, kw_only=True, tag="mailbox.deliver/1"):
    """Put a message into a folder: a received mail, or the sender's own copy."""

    email_id: str  # UUIDv7 layout, derived from (mail_id, user_id)
    mail_id: str
    folder_id: str
    message: Message
    raw_ref: RawRef
    received_at: datetime
    mail_from: str = ""  # envelope sender
    recipient: str = ""  # the envelope recipient that led here
    tag: str = ""  # what stood behind "+" in it
    is_read: bool = False
    authentication: Authentication | None = None
    spam: SpamVerdict | None = None
    is_starred: bool = False
    note: str = ""  # why it lies here, when that is not plain (virus name)
    virus: VirusVerdict | None = None  # None: nothing was found that is worth telling
    held: MailReceived | None = None  # in quarantine: what was accepted, less the message itself
    draft_id: str = ""  # the draft that was sent; it is gone when this is there, …
    draft_version: str = ""  # … unless it was saved again since
    only_from: str = ""  # nothing is done if `draft_id` was taken out of this folder, or deleted


class SaveDraft(Command, frozen=True, kw_only=True, tag="mailbox.save-draft/1"):
    """Keep a draft, or another version in its place; it lies in the folder of drafts then."""

    email_id: str  # UUIDv7 layout; the same for all its versions
    replaces: str = ""  # the version it was written on; empty: it is new; ``ANY_VERSION``
    draft: Draft
    message: Message  # what is made of it, as far as it can be
    raw_ref: RawRef


class SetFlags(Command, frozen=True, kw_only=True, tag="mailbox.set-flags/1"):
    """Mark mails as read or starred; None leaves a flag alone."""

    email_ids: tuple[str, ...]
    is_read: bool | None = None
    is_starred: bool | None = None


class MoveEmails(Command, frozen=True, kw_only=True, tag="mailbox.move/1"):
    """Move mails to another folder; a report of spam or ham moves and teaches."""

    email_ids: tuple[str, ...]
    folder_id: str
    reported: Literal["", "spam", "ham"] = ""


class DeleteEmails(Command, frozen=True, kw_only=True, tag="mailbox.delete/1"):
    """Move mails to trash; those already there, or all if *permanent*, are gone."""

    email_ids: tuple[str, ...]
    permanent: bool = False
    is_restorable: bool = False  # what is gone can be restored, until it is deleted once more
    only_in: str = ""  # those alone that lie in this folder still, …
    put_before: datetime | None = None  # … and were put there before, or at that moment


class RestoreEmails(Command, frozen=True, kw_only=True, tag="mailbox.restore/1"):
    """Bring mails back from trash, or that were deleted for good, to where they were before."""

    email_ids: tuple[str, ...]


class EmptyFolder(Command, frozen=True, kw_only=True, tag="mailbox.empty-folder/1"):
    """Delete for good what was put into trash or spam up to *put_before*, in bounded steps.

    ``store`` writes the next step itself as long as mails are left.
    """

    folder_id: str  # TRASH, SPAM or DELETED
    put_before: datetime
    is_restorable: bool = False


class CreateFolder(Command, frozen=True, kw_only=True, tag="mailbox.create-folder/1"):
    """Make a custom folder."""

    folder_id: str
    name: str
    parent_id: str = ""  # the folder that it lies in; empty: none


class RenameFolder(Command, frozen=True, kw_only=True, tag="mailbox.rename-folder/1"):
    """Give a custom folder another name, or put it into another folder, with all that is in it."""

    folder_id: str
    name: str  # empty, where it is put elsewhere: as it is
    parent_id: str | None = None  # None: where it lies; empty: into none


class DeleteFolder(Command, frozen=True, kw_only=True, tag="mailbox.delete-folder/1"):
    """Delete a custom folder and those within; their mails go to trash, in bounded steps.

    ``store`` writes the next steps itself as long as mails or folders are left.
    """

    folder_id: str


class CreateLabel(Command, frozen=True, kw_only=True, tag="mailbox.create-label/1"):
    """Make a label: a name that any number of mails may carry, wherever they lie."""

    label_id: str
    name: str
    colour: str = ""  # as "#1f6feb"; empty: none


class ChangeLabel(Command, frozen=True, kw_only=True, tag="mailbox.change-label/1"):
    """Give a label another name or colour; None leaves either alone."""

    label_id: str
    name: str | None = None
    colour: str | None = None


class DeleteLabel(Command, frozen=True, kw_only=True, tag="mailbox.delete-label/1"):
    """Take a label off all mails, in bounded steps, and then away; the mails stay.

    ``store`` writes the next step itself as long as mails carry it.
    """

    label_id: str


class LabelEmails(Command, frozen=True, kw_only=True, tag="mailbox.label/1"):
    """Put labels on mails and take others off them."""

    email_ids: tuple[str, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class UseMailbox(Command, frozen=True, kw_only=True, tag="mailbox.use/1"):
    """Let the mailbox that was made anew beside the one in use take its place."""

    generation: int  # its number; the first mailbox of a user has 0


class EraseMailbox(Command, frozen=True, kw_only=True, tag="mailbox.erase/1"):
    """Take away all that a mailbox holds, in bounded steps; from then on it takes nothing.

    ``store`` writes the next step itself as long as something is left.
    """


ChangeKind = Literal[
    "email.added",
    "email.updated",
    "email.moved",
    "email.removed",
    "folder.added",
    "folder.updated",
    "folder.removed",
    "label.added",
    "label.updated",
    "label.removed",
    "thread.merged",
    "mailbox.rebuilt",  # all may be different: read it anew
    "mailbox.erased",  # its user is gone, and so is all of it
]


class MailboxChanged(Event, frozen=True, kw_only=True, tag="mailbox.changed/1"):
    """One thing in a mailbox changed: ids and states, never content."""

    user_id: str
    seq: int  # 1, 2, 3 … without gaps, for each mailbox
    command_id: str
    changed_at: datetime
    kind: ChangeKind
    email_id: str = ""
    folder_id: str = ""  # where it is now
    from_folder_id: str = ""  # where it was, for moves and removals
    thread_id: str = ""
    merged_thread_id: str = ""  # the thread that was taken up, for thread.merged
    is_read: bool = False
    is_starred: bool = False
    is_rewritten: bool = False  # it says something else now: a draft that was saved again
    label_id: str = ""  # the label that changed
    labels: tuple[str, ...] = ()  # of the mail, as they are now
    is_restorable: bool = False  # of a removed mail: it can be brought back for a while

    @property
    def key(self) -> str:
        return self.user_id


class CommandAnswered(Event, frozen=True, kw_only=True, tag="mailbox.answered/1"):
    """A command that wanted an answer was applied, or refused."""

    user_id: str
    command_id: str
    status: Literal["done", "refused"]
    seq: int  # the mailbox's last number after it
    problem: Literal["", "not-found", "name-taken", "invalid", "system-folder", "changed"] = ""
    detail: str = ""  # for people

    @property
    def key(self) -> str:
        return self.user_id


class SentMailKept(Event, frozen=True, kw_only=True, tag="mailbox.sent-kept/1"):
    """A mail was put among those that a user sent."""

    user_id: str
    email_id: str
    seq: int  # of the change that says so
    kept_at: datetime

    @property
    def key(self) -> str:
        return self.user_id


class SpamReported(Event, frozen=True, kw_only=True, tag="mailbox.reported/1"):
    """A user said of a mail that it is spam, or that it is none."""

    user_id: str
    email_id: str
    seq: int  # of the change that says so
    reported_at: datetime
    is_spam: bool

    @property
    def key(self) -> str:
        return self.user_id
