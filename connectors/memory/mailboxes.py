"""Mailboxes in dicts: plain, gone when the process ends, and what others are held against.

Counts are those that commands wrote, not counted here: a wrong one shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from msgspec import structs

from topologies.errors import Retryable
from topologies.events.mailbox import DELETED, CommandAnswered, MailboxChanged
from topologies.mail.folder_names import (
    EMPTY_DELETED,
    EMPTY_SYSTEM_FOLDERS,
    in_order,
    labels_in_order,
)
from topologies.mail.listing import total_of
from topologies.mail.mailbox_several import combined
from topologies.mail.page_cursor import cursor_of, email_id_of
from topologies.ports.clock import Clock
from topologies.ports.mailboxes import (
    ERASED_AT_ONCE,
    MAX_PAGE,
    Changes,
    Effects,
    Email,
    Folder,
    Label,
    Loaded,
    LoadedForSeveral,
    Mailbox,
    Needs,
    Page,
    Summary,
)

KEPT = timedelta(days=30)  # changes, and what makes a replayed command change nothing


@dataclass
class _Box:
    """One mailbox."""

    mailbox: Mailbox
    folders: dict[str, Folder] = field(default_factory=lambda: dict(EMPTY_SYSTEM_FOLDERS))
    labels: dict[str, Label] = field(default_factory=dict[str, Label])
    emails: dict[str, Email] = field(default_factory=dict[str, Email])
    gone: set[str] = field(default_factory=set[str])
    threads: dict[str, str] = field(default_factory=dict[str, str])
    merged: dict[str, str] = field(default_factory=dict[str, str])
    applied: dict[str, tuple[datetime, tuple[MailboxChanged | CommandAnswered, ...]]] = field(
        default_factory=dict[str, tuple[datetime, tuple[MailboxChanged | CommandAnswered, ...]]]
    )


class MemoryMailboxes:
    """All mailboxes of a test."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._boxes: dict[str, _Box] = {}
        self._places: dict[str, list[tuple[str, str]]] = {}

    async def load(self, user_id: str, needs: Needs) -> Loaded:
        box = self._box(user_id)
        if needs.command_id in box.applied:
            _, answered = box.applied[needs.command_id]
            return Loaded(
                mailbox=box.mailbox,
                folders={},
                emails={},
                gone=frozenset(),
                threads={},
                thread_sizes={},
                answered=answered,
            )
        wanted = [email_id for email_id in needs.email_ids if email_id in box.emails]
        oldest = sorted(_within(box, needs.oldest_in_folder))[: needs.limit]
        oldest += sorted(_carrying(box, needs.labelled))[: needs.limit]
        known = {each: box.threads[each] for each in needs.message_ids if each in box.threads}
        threads = {each: box.merged.get(known[each], known[each]) for each in known}
        return Loaded(
            mailbox=box.mailbox,
            folders=dict(box.folders),
            labels=dict(box.labels),
            emails={each: box.emails[each].summary for each in (*wanted, *oldest)},
            gone=frozenset(box.gone.intersection(needs.email_ids)),
            threads=threads,
            thread_sizes={each: _size(box, each) for each in threads.values()},
            draft_version=_draft_version(box, needs.draft_id),
        )

    async def write(self, effects: Effects) -> None:
        user_id = effects.mailbox.user_id
        box = self._box(user_id)
        if effects.command_id in box.applied:
            return
        changes = sum(isinstance(event, MailboxChanged) for event in effects.events)
        if box.mailbox.seq != effects.mailbox.seq - changes:
            raise Retryable("the mailbox has changed since that was decided")
        self._boxes[user_id] = box
        box.mailbox = effects.mailbox
        box.folders |= {folder.folder_id: folder for folder in effects.folders}
        for email in effects.added:
            box.emails[email.summary.email_id] = email
            place = (user_id, email.summary.email_id)
            self._places.setdefault(email.mail_id, []).append(place)
        for mail in effects.updated:
            box.emails[mail.email_id] = replace(box.emails[mail.email_id], summary=mail)
        for email in effects.rewritten:
            box.emails[email.summary.email_id] = email
        for email_id in effects.removed:
            del box.emails[email_id]
            box.gone.add(email_id)
        for folder_id in effects.removed_folders:
            box.folders.pop(folder_id, None)
        box.labels |= {label.label_id: label for label in effects.labels}
        for label_id in effects.removed_labels:
            box.labels.pop(label_id, None)
        box.threads |= dict(effects.threads)
        for thread_id, into in effects.merged:
            _merge(box, thread_id, into)
        now = self._clock.now()
        box.applied = {k: v for k, v in box.applied.items() if v[0] >= now - KEPT}
        box.applied[effects.command_id] = (now, effects.events)

    async def load_for_several(self, user_id: str, needs: Sequence[Needs]) -> LoadedForSeveral:
        return combined([(each, await self.load(user_id, each)) for each in needs])

    async def write_several(self, effects: Sequence[Effects]) -> None:
        for each in effects:
            await self.write(each)

    async def erase(self, user_id: str, limit: int = ERASED_AT_ONCE) -> bool:
        box = self._box(user_id)
        if box.mailbox.is_erased:
            return False
        for email_id in list(box.emails)[:limit]:
            del box.emails[email_id]
        if box.emails:
            return True
        for places in self._places.values():
            places[:] = [place for place in places if place[0] != user_id]
        mailbox = Mailbox(user_id=user_id, seq=box.mailbox.seq + 1, is_erased=True)
        self._boxes[user_id] = _Box(mailbox)
        return False

    async def remains(self, user_id: str) -> int:
        box = self._box(user_id)
        folders = [folder for folder in box.folders.values() if not folder.is_system]
        return sum(map(len, (box.emails, folders, box.labels, box.gone, box.applied, box.threads)))

    async def mailbox(self, user_id: str) -> Mailbox:
        return self._box(user_id).mailbox

    async def folders(self, user_id: str) -> Sequence[Folder]:
        return in_order(self._box(user_id).folders.values())

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
        below = email_id_of(cursor) if cursor is not None else None
        box = self._box(user_id)
        folder = box.folders.get(folder_id, EMPTY_DELETED if folder_id == DELETED else None)
        if folder is None or (folder.is_deleting and folder_id != DELETED):
            return None
        found = [box.emails[email_id].summary for email_id in _within(box, folder_id)]
        return _page(folder, found, limit, offset, below, is_read)

    async def labels(self, user_id: str) -> Sequence[Label]:
        return labels_in_order(self._box(user_id).labels.values())

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
        below = email_id_of(cursor) if cursor is not None else None
        box = self._box(user_id)
        label = box.labels.get(label_id)
        if label is None or label.is_deleting:
            return None
        found = [box.emails[email_id].summary for email_id in _carrying(box, label_id)]
        return _page(label, found, limit, offset, below, is_read)

    async def email(self, user_id: str, email_id: str, *, or_deleted: bool = False) -> Email | None:
        email = self._box(user_id).emails.get(email_id)
        is_shown = email is not None and (or_deleted or email.summary.folder_id != DELETED)
        return email if is_shown else None

    async def summaries(self, user_id: str, email_ids: Sequence[str]) -> Sequence[Summary]:
        emails = self._box(user_id).emails
        found = [emails[email_id].summary for email_id in email_ids if email_id in emails]
        return [mail for mail in found if mail.folder_id != DELETED]

    async def thread(self, user_id: str, thread_id: str) -> Sequence[Summary]:
        box = self._box(user_id)
        current = box.merged.get(thread_id, thread_id)
        mails = [email.summary for email in box.emails.values()]
        found = [m for m in mails if m.thread_id == current and m.folder_id != DELETED]
        return sorted(found, key=lambda mail: mail.email_id)

    async def threads(self, user_id: str, thread_ids: Sequence[str]) -> Sequence[Sequence[Summary]]:
        return [await self.thread(user_id, thread_id) for thread_id in thread_ids]

    async def changes(self, user_id: str, since: int, limit: int = 100) -> Changes:
        box, since = self._box(user_id), max(since, 0)
        seq = box.mailbox.seq
        events = [event for _, applied in box.applied.values() for event in applied]
        found = [e for e in events if isinstance(e, MailboxChanged) and e.seq > since]
        if since == seq:
            return Changes(changes=(), status="ok", seq=seq, has_more=False)
        if not found or found[0].seq != since + 1:
            return Changes(changes=(), status="too-old", seq=seq, has_more=False)
        told = tuple(found[: min(max(limit, 1), MAX_PAGE)])
        return Changes(changes=told, status="ok", seq=told[-1].seq, has_more=told[-1].seq < seq)

    async def usage(self, user_id: str) -> int:
        return self._box(user_id).mailbox.used_bytes

    async def places(self, mail_id: str) -> Sequence[tuple[str, str]]:
        return sorted(self._places.get(mail_id, []))

    def _box(self, user_id: str) -> _Box:
        return self._boxes.get(user_id) or _Box(Mailbox(user_id=user_id))


def _within(box: _Box, folder_id: str) -> list[str]:
    return [i for i, email in box.emails.items() if email.summary.folder_id == folder_id]


def _carrying(box: _Box, label_id: str) -> list[str]:
    return [i for i, email in box.emails.items() if label_id in email.summary.labels]


def _page(
    counts: Folder | Label,
    mails: Sequence[Summary],
    limit: int,
    offset: int,
    below: str | None,
    is_read: bool | None,
) -> Page:
    found = sorted(mails, key=lambda mail: mail.email_id, reverse=True)
    found = [mail for mail in found if is_read in (None, mail.is_read)]
    rest = found[max(offset, 0) :] if below is None else [m for m in found if m.email_id < below]
    emails = tuple(rest[: min(max(limit, 1), MAX_PAGE)])
    return Page(
        emails=emails,
        total_count=total_of(counts, is_read=is_read),
        next_cursor=cursor_of(emails[-1].email_id) if len(rest) > len(emails) else None,
    )


def _draft_version(box: _Box, email_id: str) -> str:
    email = box.emails.get(email_id)
    return email.draft.version if email is not None and email.draft is not None else ""


def _size(box: _Box, thread_id: str) -> int:
    mails = sum(email.summary.thread_id == thread_id for email in box.emails.values())
    return mails + sum(into == thread_id for into in box.merged.values())


def _merge(box: _Box, thread_id: str, into: str) -> None:
    for email_id, email in box.emails.items():
        if email.summary.thread_id == thread_id:
            moved = structs.replace(email.summary, thread_id=into)
            box.emails[email_id] = replace(email, summary=moved)
    box.merged = {k: into if v == thread_id else v for k, v in box.merged.items()}
    box.merged[thread_id] = into
