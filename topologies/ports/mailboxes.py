"""Where mailboxes are kept: the source of truth for what people see.

Only the stage ``store`` writes, one command after another for each mailbox, so
there are no locks. What a command does is decided by
``topologies.mail.mailbox``; a connector only loads what that needs and writes
what it says, atomically for each command. Commands of one mailbox that wait
behind each other may be loaded for and written together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from topologies.events.draft import Draft
from topologies.events.inbound import Authentication, MailReceived, SpamVerdict, VirusVerdict
from topologies.events.mailbox import CommandAnswered, MailboxChanged
from topologies.events.message import Message, RawRef

MAX_PAGE = 500
ERASED_AT_ONCE = 500  # mails


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """The row of one mailbox."""

    user_id: str
    seq: int = 0  # number of the last change
    used_bytes: int = 0  # sum of the raw sizes of its mails
    is_erased: bool = False  # its user is gone: it holds nothing and takes nothing any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder and its exact counts."""

    folder_id: str
    name: str
    is_system: bool
    total_count: int = 0
    unread_count: int = 0
    is_deleting: bool = False  # hidden; its mails are on their way to trash
    parent_id: str = ""  # the custom folder that it lies in; empty: none


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label and its exact counts."""

    label_id: str
    name: str
    colour: str = ""  # as "#1f6feb"; empty: none
    total_count: int = 0  # of the mails that carry it, wherever they lie
    unread_count: int = 0
    is_deleting: bool = False  # hidden; it is being taken off its mails


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """Where a mail was before it came to trash or spam, or was deleted; and when that was."""

    folder_id: str
    at: datetime
    labels: tuple[str, ...] = ()  # that it carried, of a deleted one


class Summary(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A mail as a line of a listing: what changes (state) and what a list shows.

    A struct, since a listing makes fifty at a time: a frozen dataclass takes seven times as long.
    """

    email_id: str
    folder_id: str
    thread_id: str
    is_read: bool
    is_starred: bool
    from_name: str
    from_address: str
    to: tuple[str, ...]  # addresses, at most 10
    subject: str
    snippet: str
    has_attachments: bool
    size_bytes: int  # of the raw message
    created_at: datetime  # when it was received; the sort order is by email_id
    spam_probability: float | None = None
    changed_seq: int = 0  # number of the change that touched it last
    labels: tuple[str, ...] = ()  # label ids, sorted
    before: Before | None = None  # None: it lies elsewhere, or came there when it was received


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """A mail whole."""

    summary: Summary
    mail_id: str
    message: Message
    raw_ref: RawRef
    mail_from: str
    recipient: str
    tag: str
    authentication: Authentication | None
    spam: SpamVerdict | None
    note: str
    virus: VirusVerdict | None = None
    held: MailReceived | None = None
    draft: Draft | None = None  # what was typed, of a mail that is not sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A stretch of a listing, newest first."""

    emails: tuple[Summary, ...]
    total_count: int  # exact, of the whole listing with its filter
    next_cursor: str | None  # opaque; None at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What must be loaded to decide on one command.

    Attributes:
        oldest_in_folder: Load up to `limit` mails of this folder besides.
        labelled: Load up to `limit` mails that carry this label besides, whichever.
        generation: Load of the user's mailbox of this number, which is to take the place of the
            one in use; 0: of that. Only ``ports.generations`` heeds it.
        draft_id: One of `email_ids`, of which the draft's version is loaded, too.
    """

    command_id: str
    email_ids: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()  # to find the threads of
    oldest_in_folder: str = ""
    labelled: str = ""
    limit: int = 0
    generation: int = 0
    draft_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a mailbox held, as far as asked for.

    Attributes:
        answered: What the command led to when it was applied before, else None.
        gone: Asked-for ids of mails that were here and were deleted for good.
        threads: thread_id by message-id, for those known.
        thread_sizes: How many mails each of these threads has, and threads it took up.
        draft_version: Of the draft that was asked for; empty: there is none such.
    """

    mailbox: Mailbox
    folders: dict[str, Folder]
    emails: dict[str, Summary]
    gone: frozenset[str]
    threads: dict[str, str]
    thread_sizes: dict[str, int]
    answered: tuple[MailboxChanged | CommandAnswered, ...] | None = None
    draft_version: str = ""
    labels: dict[str, Label] = field(default_factory=dict[str, Label])


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedForSeveral:
    """What a mailbox held before several commands, as far as they ask for.

    Attributes:
        loaded: What any of them asks for; ``answered`` is None.
        answers: What those commands led to that were applied before, by command id.
    """

    loaded: Loaded
    answers: Mapping[str, tuple[MailboxChanged | CommandAnswered, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What one command does to one mailbox: rows as they shall be afterwards.

    Attributes:
        added: Mails that are new, whole.
        updated: Mails whose state changed.
        rewritten: Mails that say something else now, whole; none is among the others.
        removed: Mails that are gone for good; their ids stay known as gone.
        folders: Folders that are new or changed.
        removed_folders: Folders that are gone.
        labels: Labels that are new or changed.
        removed_labels: Labels that are gone; no mail carries them any more.
        threads: message-id → thread_id, to be remembered.
        merged: (thread taken up, thread that took it): rewrite the former's mails.
        events: What is told to the world, kept so that a replay tells the same.
    """

    mailbox: Mailbox
    command_id: str
    added: tuple[Email, ...] = ()
    updated: tuple[Summary, ...] = ()
    rewritten: tuple[Email, ...] = ()
    removed: tuple[str, ...] = ()
    folders: tuple[Folder, ...] = ()
    removed_folders: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    removed_labels: tuple[str, ...] = ()
    threads: tuple[tuple[str, str], ...] = ()
    merged: tuple[tuple[str, str], ...] = ()
    events: tuple[MailboxChanged | CommandAnswered, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes of one mailbox after a cursor."""

    changes: tuple[MailboxChanged, ...]
    status: Literal["ok", "too-old"]  # too-old: the client must read everything anew
    seq: int  # the last number in `changes`, or the mailbox's if empty
    has_more: bool


class Mailboxes(Protocol):
    """All mailboxes. Reads see every command whose ``write`` has returned."""

    # --- for the stage `store` ------------------------------------------------------

    async def load(self, user_id: str, needs: Needs) -> Loaded:
        """Return what *needs* names. System folders are always there."""
        ...

    async def write(self, effects: Effects) -> None:
        """Make *effects* durable, all or none, and return.

        Concurrent calls for different users share one sync. A command id that
        was written before changes nothing.

        Raises:
            NoSpace: The disk is full; nothing was written.
            Retryable: The store is out of reach, or the mailbox has changed since it was
                loaded: two worked on it at once.
        """
        ...

    async def load_for_several(self, user_id: str, needs: Sequence[Needs]) -> LoadedForSeveral:
        """Return what *needs* of several commands name, all of one moment.

        None of them asks for the mails of a folder or a label.
        """
        ...

    async def write_several(self, effects: Sequence[Effects]) -> None:
        """Make *effects* of one mailbox durable in their order, each all or none, and return.

        Each was decided on the mailbox as those before it leave it. All of it is as if
        ``write`` had been called for one after another; so if it fails, any number of the
        first may be written.

        Raises:
            NoSpace: As ``write``.
            Retryable: As ``write``.
        """
        ...

    async def erase(self, user_id: str, limit: int = ERASED_AT_ONCE) -> bool:
        """Take away up to *limit* mails, and with the last of them all else; tell if any are left.

        What stays is that the mailbox ``is_erased``, with the number of one more change. Done
        again, or after a crash in the middle, it goes on. Marks without content, that a mail was
        deleted for good, may be left where nothing leads to them any more.

        Raises:
            Retryable: As ``write``; any part may have been done.
        """
        ...

    # --- for whoever reads ----------------------------------------------------------

    async def mailbox(self, user_id: str) -> Mailbox:
        """Return the mailbox's row; one that holds nothing yet has seq 0."""
        ...

    async def folders(self, user_id: str) -> Sequence[Folder]:
        """Return system folders in their order, then custom ones by name; without ``DELETED``.

        Each is followed by those that lie in it.
        """
        ...

    async def labels(self, user_id: str) -> Sequence[Label]:
        """Return the labels by name, those on their way out too."""
        ...

    async def page(
        self,
        user_id: str,
        folder_id: str,
        *,
        limit: int = 50,
        offset: int = 0,
        cursor: str | None = None,
        is_read: bool | None = None,
    ) -> Page | None:
        """Return a page of a folder, newest first; None if there is no such folder.

        A cursor keeps its place when mails come and go; it takes precedence
        over *offset*. Mails that were deleted and can be restored are the folder ``DELETED``,
        and are met nowhere else.

        Raises:
            ValueError: The cursor is not one of ours.
        """
        ...

    async def labelled(
        self,
        user_id: str,
        label_id: str,
        *,
        limit: int = 50,
        offset: int = 0,
        cursor: str | None = None,
        is_read: bool | None = None,
    ) -> Page | None:
        """Return a page of the mails that carry a label, as ``page`` does of a folder's.

        Raises:
            ValueError: The cursor is not one of ours.
        """
        ...

    async def email(self, user_id: str, email_id: str, *, or_deleted: bool = False) -> Email | None:
        """Return the mail, or None; with *or_deleted* one that can be restored, too."""
        ...

    async def summaries(self, user_id: str, email_ids: Sequence[str]) -> Sequence[Summary]:
        """Return those of the mails that exist, in the order asked for."""
        ...

    async def thread(self, user_id: str, thread_id: str) -> Sequence[Summary]:
        """Return the thread's mails, oldest first; empty if unknown. Follows merges."""
        ...

    async def threads(self, user_id: str, thread_ids: Sequence[str]) -> Sequence[Sequence[Summary]]:
        """Return what ``thread`` says of each, in the order asked for; MAX_PAGE at most."""
        ...

    async def changes(self, user_id: str, since: int, limit: int = 100) -> Changes:
        """Return up to *limit* changes with a number above *since*, in order."""
        ...

    async def usage(self, user_id: str) -> int:
        """Return the bytes in use."""
        ...

    async def remains(self, user_id: str) -> int:
        """Return how many mails, folders, labels and changes are kept; 0 of one that is erased."""
        ...

    async def places(self, mail_id: str) -> Sequence[tuple[str, str]]:
        """Return (user_id, email_id) of every copy of a received mail, deleted ones too."""
        ...
