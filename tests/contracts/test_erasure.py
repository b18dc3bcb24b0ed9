"""Mailboxes that are taken away: nothing of the user is left, and others keep all of theirs."""

from collections.abc import Sequence
from typing import TypeGuard

from connectors.generations import MailboxGenerations
from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from tests.mailbox.commands import (
    AT,
    carry_out,
    create,
    create_label,
    delete,
    deliver,
    email_id,
    folder_id,
    label,
    label_id,
    mail_id,
    move,
    save,
    set_flags,
)
from tests.mailbox.state import everything
from topologies.events import (
    DRAFTS,
    INBOX,
    SYSTEM_FOLDERS,
    Command,
    CommandAnswered,
    EraseMailbox,
    Event,
    MailboxChanged,
    UseMailbox,
)
from topologies.mail import ids
from topologies.mailbox.store import store_several
from topologies.ports.mailboxes import Mailbox, Mailboxes

MAILS = 7


async def test_nothing_is_left_of_a_user_who_is_erased(mailboxes: Mailboxes) -> None:
    await fill(mailboxes, "ann")
    [told] = [event for event in await carry_out(mailboxes, erase()) if is_fact(event)]
    assert (told.kind, told.user_id) == ("mailbox.erased", "ann")
    await assert_empty(mailboxes, "ann")


async def test_others_keep_all_of_theirs(mailboxes: Mailboxes) -> None:
    for user_id in ("ann", "bo"):
        await fill(mailboxes, user_id)
    before = await everything(mailboxes, "bo")
    await carry_out(mailboxes, erase())
    assert await everything(mailboxes, "bo") == before
    assert await mailboxes.places(mail_id(1)) == [("bo", email_id(1, "bo"))]


async def test_it_goes_on_in_bounded_steps_after_a_crash_between_them(mailboxes: Mailboxes) -> None:
    await fill(mailboxes, "ann")
    left = [await mailboxes.erase("ann", 2)]
    while left[-1]:
        left.append(await mailboxes.erase("ann", 2))
    assert len(left) >= MAILS // 2
    await assert_empty(mailboxes, "ann")


async def test_it_is_told_alike_however_often_it_is_done(mailboxes: Mailboxes) -> None:
    await fill(mailboxes, "ann")
    last = (await carry_out(mailboxes, erase()))[-1]
    assert await carry_out(mailboxes, erase()) == [last]


async def test_what_comes_too_late_is_not_kept(mailboxes: Mailboxes) -> None:
    await fill(mailboxes, "ann")
    await carry_out(mailboxes, erase())
    late = [deliver(1), deliver(99), create("Work"), create_label("Late")]
    assert [e for e in await carry_out(mailboxes, *late) if is_fact(e)] == []
    told = await store_several(late, mailboxes=mailboxes)
    assert [answers(events) for events in told] == [[], [], ["refused"], ["refused"]]
    await assert_empty(mailboxes, "ann")


async def test_who_never_had_mail_gets_none_after_it(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, erase("nobody"))
    await carry_out(mailboxes, deliver(1, "nobody"))
    await assert_empty(mailboxes, "nobody")


async def test_a_mailbox_that_was_made_anew_goes_with_the_one_before_it() -> None:
    store = MemoryMailboxes(ManualClock(AT))
    generations = MailboxGenerations(store, ManualClock(AT))
    await fill(generations, "ann")
    await fill(generations.numbered({"ann": 1}), "ann")
    last = await generations.mailbox("ann")
    await generations.fill("ann", 1, use().command_id)
    assert (await generations.mailbox("ann")).seq == last.seq
    await carry_out(generations, use())
    assert await generations.generation("ann") == 1
    await carry_out(generations, erase())
    await assert_empty(generations, "ann")
    assert (await store.remains("ann"), await store.remains("ann~1")) == (0, 0)


# --- builders -----------------------------------------------------------------------


async def fill(mailboxes: Mailboxes, user_id: str) -> None:
    """Mails in several folders, one of them gone for good, a draft, a thread and a label."""
    await carry_out(
        mailboxes,
        create("Work", user_id),
        create_label("Red", user_id),
        *(deliver(number, user_id) for number in range(1, MAILS + 1)),
        deliver(20, user_id, message={"in_reply_to": ("1@far.example",)}),
        move(2, 3, to=folder_id("Work"), user_id=user_id),
        label(1, 2, on=("Red",), user_id=user_id),
        set_flags(1, user_id=user_id, is_starred=True),
        save(30, "first", user_id),
        delete(4, user_id=user_id, permanent=True),
    )
    assert await mailboxes.remains(user_id) > MAILS


async def assert_empty(mailboxes: Mailboxes, user_id: str) -> None:
    """Ask all that the port can be asked."""
    box = await mailboxes.mailbox(user_id)
    assert box == Mailbox(user_id=user_id, seq=box.seq, is_erased=True)
    assert await mailboxes.remains(user_id) == 0
    assert [f.folder_id for f in await mailboxes.folders(user_id)] == list(SYSTEM_FOLDERS)
    assert all(f.total_count == 0 for f in await mailboxes.folders(user_id))
    assert await mailboxes.labels(user_id) == []
    for folder in (INBOX, DRAFTS):
        page = await mailboxes.page(user_id, folder)
        assert page is None or page.emails == ()
    assert await mailboxes.page(user_id, folder_id("Work")) is None
    assert await mailboxes.labelled(user_id, label_id("Red")) is None
    every = [email_id(number, user_id) for number in (*range(1, MAILS + 1), 20, 30)]
    assert [await mailboxes.email(user_id, each) for each in every] == [None] * len(every)
    assert list(await mailboxes.summaries(user_id, every)) == []
    assert [len(await mailboxes.thread(user_id, each)) for each in every] == [0] * len(every)
    for number in (1, 2, 20):
        owners = [owner for owner, _ in await mailboxes.places(mail_id(number))]
        assert user_id not in owners
    assert (await mailboxes.changes(user_id, 0)).changes == ()
    assert await mailboxes.usage(user_id) == 0


def erase(user_id: str = "ann") -> EraseMailbox:
    return EraseMailbox(user_id=user_id, command_id=ids.command_id("erase", user_id), issued_at=AT)


def use() -> Command:
    return UseMailbox(
        user_id="ann", command_id=ids.command_id("use", "ann"), issued_at=AT, generation=1
    )


def is_fact(event: Event) -> TypeGuard[MailboxChanged]:
    return isinstance(event, MailboxChanged)


def answers(events: Sequence[Event]) -> list[str]:
    return [event.status for event in events if isinstance(event, CommandAnswered)]
