"""The ledger of one command: numbers each change and keeps every count exact.

Reads what was loaded of a mailbox; ends in the ``Effects`` to be written. Which changes a
command makes is decided in ``topologies.mail.mailbox``.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

from msgspec import structs

from topologies.events.mailbox import (
    DELETED,
    SPAM,
    TRASH,
    ChangeKind,
    Command,
    CommandAnswered,
    MailboxChanged,
)
from topologies.mail.folder_names import EMPTY_DELETED
from topologies.ports.mailboxes import (
    Before,
    Effects,
    Email,
    Folder,
    Label,
    Loaded,
    Mailbox,
    Summary,
)

Problem = Literal["not-found", "name-taken", "invalid", "system-folder", "changed"]


class Ledger:
    """What one command has changed so far. Used once, and ended by ``done`` or ``refused``."""

    def __init__(self, command: Command, loaded: Loaded) -> None:
        self._command = command
        self._loaded = loaded
        self._used_bytes = loaded.mailbox.used_bytes
        self._folders: dict[str, Folder] = {}
        self._removed_folders: list[str] = []
        self._labels: dict[str, Label] = {}
        self._removed_labels: list[str] = []
        self._added: list[Email] = []
        self._updated: list[Summary] = []
        self._rewritten: list[Email] = []
        self._removed: list[str] = []
        self._threads: tuple[tuple[str, str], ...] = ()
        self._merged: list[tuple[str, str]] = []
        self._changes: list[MailboxChanged] = []

    @property
    def next_seq(self) -> int:
        """The number that the next change gets."""
        return self._loaded.mailbox.seq + len(self._changes) + 1

    def add(self, email: Email) -> None:
        """Take in a mail, whose summary has ``next_seq``."""
        mail = email.summary
        self._added.append(email)
        self._count(mail, mail.folder_id, 1)
        self._used_bytes += mail.size_bytes
        self._tell_of("email.added", mail)

    def set_flags(self, mail: Summary, *, is_read: bool, is_starred: bool) -> None:
        """Let *mail* have these flags; no change if it has them."""
        if (mail.is_read, mail.is_starred) == (is_read, is_starred):
            return
        after = structs.replace(
            mail, is_read=is_read, is_starred=is_starred, changed_seq=self.next_seq
        )
        self._updated.append(after)
        self._count(mail, mail.folder_id, -1)
        self._count(after, mail.folder_id, 1)
        if mail.is_read != is_read:
            self._count_labels(mail, mail.labels, -1)
            self._count_labels(after, mail.labels, 1)
        self._tell_of("email.updated", after)

    def set_labels(self, mail: Summary, labels: Iterable[str]) -> None:
        """Let *mail* carry these labels alone; no change if it does."""
        wanted = tuple(sorted(set(labels)))
        if mail.labels == wanted:
            return
        after = structs.replace(mail, labels=wanted, changed_seq=self.next_seq)
        self._updated.append(after)
        self._count_labels(mail, [each for each in mail.labels if each not in wanted], -1)
        self._count_labels(mail, [each for each in wanted if each not in mail.labels], 1)
        self._tell_of("email.updated", after)

    def move(self, mail: Summary, folder_id: str) -> None:
        """Put *mail* into another folder; no change if it is there."""
        if mail.folder_id == folder_id:
            return
        is_aside = folder_id in (TRASH, SPAM)
        before = Before(folder_id=mail.folder_id, at=self._command.issued_at) if is_aside else None
        after = structs.replace(mail, folder_id=folder_id, before=before, changed_seq=self.next_seq)
        self._updated.append(after)
        self._count(mail, mail.folder_id, -1)
        self._count(mail, folder_id, 1)
        self._tell_of("email.moved", after, from_folder_id=mail.folder_id)

    def rewrite(self, mail: Summary, email: Email) -> None:
        """Put *email*, whose summary has ``next_seq``, in the place of *mail* of the same id.

        Both carry the same labels, and both are read or neither is.
        """
        after = email.summary
        self._rewritten.append(email)
        self._count(mail, mail.folder_id, -1)
        self._count(after, after.folder_id, 1)
        self._used_bytes += after.size_bytes - mail.size_bytes
        if mail.folder_id == after.folder_id:
            self._tell_of("email.updated", after, is_rewritten=True)
        else:
            where = mail.folder_id
            self._tell_of("email.moved", after, is_rewritten=True, from_folder_id=where)

    def remove(self, mail: Summary) -> None:
        """Delete *mail* for good."""
        self._removed.append(mail.email_id)
        self._count(mail, mail.folder_id, -1)
        self._count_labels(mail, mail.labels, -1)
        self._used_bytes -= 0 if mail.folder_id == DELETED else mail.size_bytes
        self._tell_of("email.removed", mail, folder_id="", from_folder_id=mail.folder_id)

    def put_aside(self, mail: Summary) -> None:
        """Delete *mail* so that it can be restored: for all but that it is gone."""
        home = mail.folder_id if mail.before is None else mail.before.folder_id
        after = structs.replace(
            mail,
            folder_id=DELETED,
            labels=(),
            before=Before(folder_id=home, at=self._command.issued_at, labels=mail.labels),
            changed_seq=self.next_seq,
        )
        self._updated.append(after)
        self._count(mail, mail.folder_id, -1)
        self._count(mail, DELETED, 1)
        self._count_labels(mail, mail.labels, -1)
        self._used_bytes -= mail.size_bytes
        was_in = mail.folder_id
        self._tell_of(
            "email.removed", after, is_restorable=True, folder_id="", from_folder_id=was_in
        )

    def restore(self, mail: Summary, folder_id: str) -> None:
        """Bring a mail that was put aside back, with those of its labels that are there."""
        had = mail.before.labels if mail.before is not None else ()
        known = self._loaded.labels
        labels = tuple([each for each in had if each in known and not known[each].is_deleting])
        seq = self.next_seq
        after = structs.replace(
            mail, folder_id=folder_id, labels=labels, before=None, changed_seq=seq
        )
        self._updated.append(after)
        self._count(mail, DELETED, -1)
        self._count(mail, folder_id, 1)
        self._count_labels(after, labels, 1)
        self._used_bytes += mail.size_bytes
        self._tell_of("email.added", after)

    def put_folder(self, folder: Folder, kind: Literal["folder.added", "folder.updated"]) -> None:
        """Make or change a folder; its counts are kept by what happens to mails."""
        self._folders[folder.folder_id] = folder
        self._tell(kind, folder_id=folder.folder_id)

    def remove_folder(self, folder_id: str) -> None:
        """Take away a folder, which is empty by now."""
        self._folders.pop(folder_id, None)
        self._removed_folders.append(folder_id)
        self._tell("folder.removed", folder_id=folder_id)

    def put_label(self, label: Label, kind: Literal["label.added", "label.updated"]) -> None:
        """Make or change a label; its counts are kept by what happens to mails."""
        self._labels[label.label_id] = label
        self._tell(kind, label_id=label.label_id)

    def remove_label(self, label_id: str) -> None:
        """Take away a label, which no mail carries by now."""
        self._labels.pop(label_id, None)
        self._removed_labels.append(label_id)
        self._tell("label.removed", label_id=label_id)

    def remember(self, threads: tuple[tuple[str, str], ...]) -> None:
        """Keep which threads message-ids belong to."""
        self._threads = threads

    def merge(self, thread_id: str, into: str) -> None:
        """Let the mails of one thread belong to another."""
        self._merged.append((thread_id, into))
        self._tell("thread.merged", thread_id=into, merged_thread_id=thread_id)

    def rebuild(self) -> None:
        """Tell that the mailbox was made anew."""
        self._tell("mailbox.rebuilt")

    def done(self) -> Effects:
        """Return all that is to be written, with the answer if one is wanted."""
        command = self._command
        mailbox = Mailbox(
            user_id=command.user_id,
            seq=self._loaded.mailbox.seq + len(self._changes),
            used_bytes=self._used_bytes,
        )
        answer = CommandAnswered(
            user_id=command.user_id,
            command_id=command.command_id,
            status="done",
            seq=mailbox.seq,
        )
        return Effects(
            mailbox=mailbox,
            command_id=command.command_id,
            added=tuple(self._added),
            updated=tuple(self._updated),
            rewritten=tuple(self._rewritten),
            removed=tuple(self._removed),
            folders=tuple(self._folders.values()),
            removed_folders=tuple(self._removed_folders),
            labels=tuple(self._labels.values()),
            removed_labels=tuple(self._removed_labels),
            threads=self._threads,
            merged=tuple(self._merged),
            events=(*self._changes, answer) if command.answer else tuple(self._changes),
        )

    def refused(self, problem: Problem, detail: str) -> Effects:
        """Return what is written of a command that changes nothing."""
        command = self._command
        answer = CommandAnswered(
            user_id=command.user_id,
            command_id=command.command_id,
            status="refused",
            seq=self._loaded.mailbox.seq,
            problem=problem,
            detail=detail,
        )
        return Effects(
            mailbox=self._loaded.mailbox,
            command_id=command.command_id,
            events=(answer,) if command.answer else (),
        )

    def _count(self, mail: Summary, folder_id: str, by: int) -> None:
        folder = self._folders.get(folder_id) or self._loaded.folders.get(folder_id)
        if folder is None and folder_id == DELETED:
            folder = EMPTY_DELETED
        if folder is None:
            raise KeyError(folder_id)
        self._folders[folder_id] = replace(
            folder,
            total_count=folder.total_count + by,
            unread_count=folder.unread_count + (0 if mail.is_read else by),
        )

    def _count_labels(self, mail: Summary, labels: Iterable[str], by: int) -> None:
        for label_id in labels:
            label = self._labels.get(label_id) or self._loaded.labels[label_id]
            self._labels[label_id] = replace(
                label,
                total_count=label.total_count + by,
                unread_count=label.unread_count + (0 if mail.is_read else by),
            )

    def _tell_of(
        self,
        kind: ChangeKind,
        mail: Summary,
        *,
        is_rewritten: bool = False,
        is_restorable: bool = False,
        **where: str,
    ) -> None:
        self._tell(
            kind,
            email_id=mail.email_id,
            thread_id=mail.thread_id,
            is_read=mail.is_read,
            is_starred=mail.is_starred,
            is_rewritten=is_rewritten,
            is_restorable=is_restorable,
            labels=mail.labels,
            **{"folder_id": mail.folder_id} | where,
        )

    def _tell(self, kind: ChangeKind, **what: Any) -> None:
        self._changes.append(
            MailboxChanged(
                user_id=self._command.user_id,
                seq=self.next_seq,
                command_id=self._command.command_id,
                # Not the clock's time: a replay must come to the same change.
                changed_at=self._command.issued_at,
                kind=kind,
                **what,
            )
        )
