"""The ledger of one command: numbers each change and keeps every count exact.

Reads what was loaded of a mailbox; ends in the ``Effects`` to be written. Which changes a
command makes is decided in ``topologies.mail.mailbox``.
"""

from dataclasses import replace
from typing import Any, Literal

from topologies.events.mailbox import ChangeKind, Command, CommandAnswered, MailboxChanged
from topologies.ports.mailboxes import Effects, Email, Folder, Loaded, Mailbox, Summary

Problem = Literal["not-found", "name-taken", "invalid", "system-folder", "changed"]


class Ledger:
    """What one command has changed so far. Used once, and ended by ``done`` or ``refused``."""

    def __init__(self, command: Command, loaded: Loaded) -> None:
        self._command = command
        self._loaded = loaded
        self._used_bytes = loaded.mailbox.used_bytes
        self._folders: dict[str, Folder] = {}
        self._removed_folders: list[str] = []
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
        after = replace(mail, is_read=is_read, is_starred=is_starred, changed_seq=self.next_seq)
        self._updated.append(after)
        self._count(mail, mail.folder_id, -1)
        self._count(after, mail.folder_id, 1)
        self._tell_of("email.updated", after)

    def move(self, mail: Summary, folder_id: str) -> None:
        """Put *mail* into another folder; no change if it is there."""
        if mail.folder_id == folder_id:
            return
        after = replace(mail, folder_id=folder_id, changed_seq=self.next_seq)
        self._updated.append(after)
        self._count(mail, mail.folder_id, -1)
        self._count(mail, folder_id, 1)
        self._tell_of("email.moved", after, from_folder_id=mail.folder_id)

    def rewrite(self, mail: Summary, email: Email) -> None:
        """Put *email*, whose summary has ``next_seq``, in the place of *mail* of the same id."""
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
        self._used_bytes -= mail.size_bytes
        self._tell_of("email.removed", mail, folder_id="", from_folder_id=mail.folder_id)

    def put_folder(self, folder: Folder, kind: Literal["folder.added", "folder.updated"]) -> None:
        """Make or change a folder; its counts are kept by what happens to mails."""
        self._folders[folder.folder_id] = folder
        self._tell(kind, folder_id=folder.folder_id)

    def remove_folder(self, folder_id: str) -> None:
        """Take away a folder, which is empty by now."""
        self._folders.pop(folder_id, None)
        self._removed_folders.append(folder_id)
        self._tell("folder.removed", folder_id=folder_id)

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
        folder = self._folders.get(folder_id) or self._loaded.folders[folder_id]
        self._folders[folder_id] = replace(
            folder,
            total_count=folder.total_count + by,
            unread_count=folder.unread_count + (0 if mail.is_read else by),
        )

    def _tell_of(
        self, kind: ChangeKind, mail: Summary, *, is_rewritten: bool = False, **where: str
    ) -> None:
        self._tell(
            kind,
            email_id=mail.email_id,
            thread_id=mail.thread_id,
            is_read=mail.is_read,
            is_starred=mail.is_starred,
            is_rewritten=is_rewritten,
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
