"""All that can be read of a mailbox, as tests compare it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.mailbox.commands import email_id, mail_id
from topologies.events import DELETED, Event, MailboxChanged
from topologies.ports.mailboxes import MAX_PAGE, Email, Folder, Label, Mailbox, Mailboxes, Summary

MAILS = 6  # numbers of the mails that are looked up one by one
Pages = dict[bool | None, list[Summary]]  # all of a folder, by `is_read`


@dataclass
class State:
    """All that can be read of a mailbox."""

    mailbox: Mailbox
    folders: Sequence[Folder]
    changes: list[MailboxChanged]
    labels: Sequence[Label] = ()
    labelled: dict[str, Pages] = field(default_factory=dict[str, Pages])
    deleted: Pages = field(default_factory=Pages)  # that can be restored
    pages: dict[str, Pages] = field(default_factory=dict[str, Pages])
    emails: list[Email | None] = field(default_factory=list[Email | None])
    threads: dict[str, Sequence[Summary]] = field(default_factory=dict[str, Sequence[Summary]])
    places: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


async def everything(mailboxes: Mailboxes, user_id: str) -> State:
    state = State(
        mailbox=await mailboxes.mailbox(user_id),
        folders=await mailboxes.folders(user_id),
        changes=list((await mailboxes.changes(user_id, 0, limit=MAX_PAGE)).changes),
        labels=await mailboxes.labels(user_id),
    )
    for is_read in (None, True, False):
        page = await mailboxes.page(user_id, DELETED, limit=MAX_PAGE, is_read=is_read)
        assert page is not None
        assert min(page.total_count, MAX_PAGE) == len(page.emails)
        state.deleted[is_read] = list(page.emails)
    for label in state.labels:
        state.labelled[label.label_id] = {
            is_read: await all_labelled(mailboxes, user_id, label.label_id, 2, is_read)
            for is_read in (None, True, False)
        }
    for folder in state.folders:
        state.pages[folder.folder_id] = {
            is_read: list(
                await mailboxes.summaries(
                    user_id, await by_cursor(mailboxes, user_id, folder.folder_id, 2, is_read)
                )
            )
            for is_read in (None, True, False)
        }
    for number in range(MAILS):
        found = await mailboxes.email(user_id, email_id(number, user_id))
        state.emails.append(found)
        if found is not None:
            thread = await mailboxes.thread(user_id, found.summary.thread_id)
            state.threads[found.summary.email_id] = thread
        old = await mailboxes.thread(user_id, email_id(number, user_id))
        state.threads[f"named by {number}"] = old
        state.places += [p for p in await mailboxes.places(mail_id(number)) if p[0] == user_id]
    return state


async def by_cursor(
    mailboxes: Mailboxes, user_id: str, folder: str, size: int, is_read: bool | None
) -> list[str]:
    """All ids of a folder, read in pages; each must tell the total."""
    found: list[str] = []
    totals: set[int] = set()
    cursor: str | None = None
    is_last = False
    while not is_last:
        page = await mailboxes.page(user_id, folder, limit=size, cursor=cursor, is_read=is_read)
        if page is None:  # on its way out
            return []
        assert len(page.emails) <= size
        found += [mail.email_id for mail in page.emails]
        totals.add(page.total_count)
        cursor, is_last = page.next_cursor, page.next_cursor is None
    assert totals == {len(found)}
    return found


async def all_labelled(
    mailboxes: Mailboxes, user_id: str, label: str, size: int, is_read: bool | None
) -> list[Summary]:
    """All mails that carry a label, read in pages by cursor and by offset; each tells the total."""
    found: list[Summary] = []
    totals: set[int] = set()
    cursor: str | None = None
    is_last = False
    while not is_last:
        page = await mailboxes.labelled(user_id, label, limit=size, cursor=cursor, is_read=is_read)
        if page is None:  # on its way out
            return []
        same = await mailboxes.labelled(
            user_id, label, limit=size, offset=len(found), is_read=is_read
        )
        assert same == page
        found += page.emails
        totals.add(page.total_count)
        cursor, is_last = page.next_cursor, page.next_cursor is None
    assert totals == {len(found)}
    return found


def changes_in(events: Sequence[Event]) -> list[MailboxChanged]:
    return [event for event in events if isinstance(event, MailboxChanged)]
