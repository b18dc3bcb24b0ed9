"""Trash: every store deletes, empties and brings back alike, and counts exactly all the while."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.mailbox.commands import (
    AT,
    LATER,
    carry_out,
    create,
    create_label,
    delete,
    deliver,
    email_id,
    empty,
    folder_id,
    label,
    label_id,
    move,
    remove,
    restore,
    save,
    set_flags,
)
from tests.mailbox.state import all_labelled, by_cursor, changes_in, everything
from topologies.events import (
    DELETED,
    DRAFTS,
    INBOX,
    SENT,
    SPAM,
    SYSTEM_FOLDERS,
    TRASH,
    Command,
    CommandAnswered,
)
from topologies.mail.mailbox import STEP
from topologies.mailbox.store import store_several
from topologies.ports.mailboxes import Before, Mailboxes

WORK = folder_id("Work")
RED = label_id("Red")
FOR_NOW: dict[str, Any] = {"permanent": True, "is_restorable": True}


async def test_a_mail_that_was_deleted_for_good_is_gone_for_all_but_who_restores_it(
    mailboxes: Mailboxes,
) -> None:
    await carry_out(mailboxes, deliver(1), deliver(2), create_label("Red"), label(1, on=["Red"]))
    [told] = changes_in(await carry_out(mailboxes, delete(1, **FOR_NOW)))
    assert (told.kind, told.from_folder_id, told.is_restorable) == ("email.removed", INBOX, True)
    assert (await mailboxes.changes("ann", told.seq - 1)).changes == (told,)
    assert await mailboxes.email("ann", email_id(1)) is None
    assert await mailboxes.summaries("ann", [email_id(1)]) == []
    assert await mailboxes.thread("ann", email_id(1)) == []
    assert await all_labelled(mailboxes, "ann", RED, 2, None) == []
    assert await by_cursor(mailboxes, "ann", INBOX, 2, None) == [email_id(2)]
    assert [f.folder_id for f in await mailboxes.folders("ann")] == list(SYSTEM_FOLDERS)
    assert await mailboxes.usage("ann") == 1_000
    page = await mailboxes.page("ann", DELETED)
    assert page is not None
    [kept] = page.emails
    assert (kept.email_id, kept.folder_id, page.total_count) == (email_id(1), DELETED, 1)
    assert kept.before == Before(folder_id=INBOX, at=AT, labels=(RED,))
    whole = await mailboxes.email("ann", email_id(1), or_deleted=True)
    assert whole is not None
    assert whole.summary == kept


async def test_what_is_restored_is_as_it_was(mailboxes: Mailboxes) -> None:
    await carry_out(
        mailboxes,
        create("Work"),
        create_label("Red"),
        create_label("Blue"),
        deliver(1, folder_id=WORK),
        label(1, on=["Red", "Blue"]),
        set_flags(1, is_starred=True),
    )
    before = await everything(mailboxes, "ann")
    await carry_out(mailboxes, delete(1), delete(1, command_id="again", **FOR_NOW))
    told = changes_in(await carry_out(mailboxes, restore(1)))
    assert [(c.kind, c.folder_id, c.labels) for c in told] == [
        ("email.added", WORK, tuple(sorted([RED, label_id("Blue")])))
    ]
    after = await everything(mailboxes, "ann")
    assert (after.folders, after.labels) == (before.folders, before.labels)
    assert after.mailbox.used_bytes == before.mailbox.used_bytes
    [[mail], [was]] = (state.pages[WORK][None] for state in (after, before))
    assert (mail.labels, mail.is_starred, mail.before) == (was.labels, was.is_starred, None)
    assert await mailboxes.thread("ann", mail.thread_id) == [mail]


async def test_restoring_from_trash_leads_to_where_a_mail_was(mailboxes: Mailboxes) -> None:
    await carry_out(
        mailboxes,
        create("Work"),
        deliver(1, folder_id=WORK),
        deliver(2, folder_id=SPAM),
        deliver(3, folder_id=SENT),
        deliver(4, folder_id=TRASH),
        delete(1, 2, 3),
    )
    [mail] = await mailboxes.summaries("ann", [email_id(1)])
    assert mail.before == Before(folder_id=WORK, at=AT)
    await carry_out(mailboxes, restore(1, 2, 3, 4))
    found = await mailboxes.summaries("ann", [email_id(n) for n in (1, 2, 3, 4)])
    # What was taken for spam, or came to trash at once, is wanted now.
    assert [mail.folder_id for mail in found] == [WORK, INBOX, SENT, INBOX]
    assert {mail.before for mail in found} == {None}


async def test_what_lay_in_a_folder_that_is_gone_is_restored_to_the_inbox(
    mailboxes: Mailboxes,
) -> None:
    await carry_out(mailboxes, create("Work"), deliver(1, folder_id=WORK), delete(1, **FOR_NOW))
    await carry_out(mailboxes, remove(WORK), restore(1))
    [mail] = await mailboxes.summaries("ann", [email_id(1)])
    assert mail.folder_id == INBOX


async def test_a_deleted_draft_comes_back_and_can_be_saved(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, save(1, "v1"), delete(1, **FOR_NOW))
    [answer] = await carry_out(mailboxes, save(1, "v2", replaces="v1"))
    assert isinstance(answer, CommandAnswered)
    assert answer.problem == "not-found"
    await carry_out(mailboxes, restore(1), save(1, "v2", replaces="v1", command_id="again"))
    saved = await mailboxes.email("ann", email_id(1))
    assert saved is not None
    assert saved.draft is not None
    assert (saved.draft.version, saved.summary.folder_id) == ("v2", DRAFTS)


async def test_a_draft_that_is_saved_out_of_trash_is_as_one_that_never_lay_there(
    mailboxes: Mailboxes,
) -> None:
    await carry_out(mailboxes, save(1, "v1"), delete(1), save(1, "v2", replaces="v1"))
    saved = await mailboxes.email("ann", email_id(1))
    assert saved is not None
    assert (saved.summary.folder_id, saved.summary.before) == (DRAFTS, None)
    page = await mailboxes.page("ann", DRAFTS)
    assert page is not None
    assert page.emails == (saved.summary,)


async def test_a_mail_that_can_be_restored_is_not_delivered_again(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, deliver(1), delete(1, **FOR_NOW))
    assert changes_in(await carry_out(mailboxes, deliver(1, command_id="replay"))) == []
    await carry_out(mailboxes, restore(1))
    assert await by_cursor(mailboxes, "ann", INBOX, 2, None) == [email_id(1)]


async def test_what_is_deleted_once_more_is_gone(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, deliver(1), delete(1, **FOR_NOW), delete(1, permanent=True))
    assert await mailboxes.email("ann", email_id(1), or_deleted=True) is None
    [answer] = await carry_out(mailboxes, restore(1))
    assert isinstance(answer, CommandAnswered)
    assert answer.problem == "not-found"
    assert await mailboxes.usage("ann") == 0


@pytest.mark.parametrize(
    "command",
    [
        set_flags(1, is_read=True),
        move(1, to=INBOX),
        label(1, on=["Red"]),
        delete(1),
        delete(1, **FOR_NOW, command_id="again"),
        restore(2),
        move(2, to=DELETED),
        remove(DELETED),
        create("x", folder_id=DELETED),
        empty(INBOX),
        restore(*range(1_001)),
    ],
    ids=str,
)
async def test_what_can_not_be_is_refused_and_changes_nothing(
    mailboxes: Mailboxes, command: Command
) -> None:
    await carry_out(mailboxes, create_label("Red"), deliver(1), deliver(2), delete(1, **FOR_NOW))
    before = await everything(mailboxes, "ann")
    [answer] = await carry_out(mailboxes, command)
    assert isinstance(answer, CommandAnswered)
    assert answer.status == "refused"
    assert await everything(mailboxes, "ann") == before


async def test_mail_for_the_folder_of_deleted_ones_goes_to_the_inbox(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, deliver(1, folder_id=DELETED))
    assert await by_cursor(mailboxes, "ann", INBOX, 2, None) == [email_id(1)]


@pytest.mark.parametrize("folder", [TRASH, SPAM])
async def test_a_folder_is_emptied_in_one_command_however_full_it_is(
    mailboxes: Mailboxes, folder: str
) -> None:
    count = STEP + 5
    many = [deliver(number, folder_id=folder) for number in range(count)]
    for at in range(0, count, 100):
        await store_several(many[at : at + 100], mailboxes=mailboxes)
    await carry_out(mailboxes, deliver(count))
    commands = empty(folder, is_restorable=True)
    events = await carry_out(mailboxes, commands)
    assert [c.kind for c in changes_in(events)] == ["email.removed"] * count
    page = await mailboxes.page("ann", folder)
    assert page is not None
    assert (page.emails, page.total_count) == ((), 0)
    assert await mailboxes.usage("ann") == 1_000
    page = await mailboxes.page("ann", DELETED)
    assert page is not None
    assert page.total_count == count
    before = await everything(mailboxes, "ann")
    assert await carry_out(mailboxes, commands) == events  # a replay of each step
    assert await everything(mailboxes, "ann") == before
    await carry_out(mailboxes, empty(DELETED))
    page = await mailboxes.page("ann", DELETED)
    assert page is not None
    assert page.total_count == 0


async def test_what_came_to_trash_after_it_was_to_be_emptied_stays(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, deliver(1), deliver(2))
    await carry_out(mailboxes, delete(1, issued_at=AT), delete(2, issued_at=at(5)))
    await carry_out(mailboxes, empty(TRASH, before=at(1)))
    assert await by_cursor(mailboxes, "ann", TRASH, 2, None) == [email_id(2)]


async def test_mails_are_deleted_by_age_only_where_they_lay_and_since_then(
    mailboxes: Mailboxes,
) -> None:
    await carry_out(mailboxes, *(deliver(number) for number in range(4)))
    await carry_out(mailboxes, delete(0, 1, 2, issued_at=AT), delete(3, issued_at=at(5)))
    await carry_out(mailboxes, move(1, to=INBOX), move(2, to=INBOX), delete(2, issued_at=at(9)))
    old: dict[str, Any] = {"only_in": TRASH, "put_before": at(4), "permanent": True}
    command = delete(0, 1, 2, 3, 7, **old)
    told = changes_in(await carry_out(mailboxes, command))
    assert [(c.kind, c.email_id) for c in told] == [("email.removed", email_id(0))]
    before = await everything(mailboxes, "ann")
    await carry_out(mailboxes, command)  # a replay
    await carry_out(mailboxes, delete(0, 1, 2, 3, **old, command_id="by another process"))
    assert await everything(mailboxes, "ann") == before
    assert await mailboxes.usage("ann") == 3_000


def at(days: int) -> datetime:
    return AT + timedelta(days=days)


assert at(99) < LATER
