"""A mailbox that takes another's place: at one point between two commands, through any crash."""

from collections.abc import Sequence

import pytest

from connectors.generations import MailboxGenerations
from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from tests.mailbox.commands import create, deliver, email_id, mail_id, move, set_flags
from tests.mailbox.state import everything
from topologies.errors import Poison, Retryable
from topologies.events import INBOX, TRASH, Command, MailboxChanged, UseMailbox
from topologies.mailbox.store import store
from topologies.ports.generations import Generations
from topologies.ports.mailboxes import Effects, Mailboxes

HISTORY: Sequence[Command] = (
    deliver(0),
    deliver(1),
    create("Work", command_id="create"),
    set_flags(0, is_read=True, command_id="read"),
    move(1, to=TRASH, command_id="move"),
)
USE = UseMailbox(user_id="ann", command_id="use", issued_at=deliver(9).issued_at, generation=1)


async def test_a_mailbox_made_anew_takes_the_place_of_the_one_in_use() -> None:
    mailboxes = generations()
    await apply(mailboxes, HISTORY)
    await filled(mailboxes, HISTORY)
    before = await everything(mailboxes, "ann")
    [change] = await store(USE, mailboxes=mailboxes)
    after = await everything(mailboxes, "ann")
    assert isinstance(change, MailboxChanged)
    assert (change.kind, change.seq) == ("mailbox.rebuilt", before.mailbox.seq + 1)
    assert after.pages == before.pages
    assert after.places == before.places
    assert after.changes == [*before.changes, change]
    assert await mailboxes.generation("ann") == 1


async def test_it_waits_until_the_new_one_holds_all_that_came_before() -> None:
    mailboxes = generations()
    await apply(mailboxes, HISTORY)
    await apply(mailboxes.numbered({"ann": 1}), HISTORY)
    with pytest.raises(Retryable, match="not filled yet"):
        await store(USE, mailboxes=mailboxes)
    await mailboxes.fill("ann", 1, USE.command_id)
    await mailboxes.fill("ann", 1, USE.command_id)  # said twice
    await store(USE, mailboxes=mailboxes)
    assert await mailboxes.generation("ann") == 1


async def test_one_that_lacks_what_the_log_no_longer_holds_takes_nobodys_place() -> None:
    mailboxes = generations()
    await apply(mailboxes, HISTORY)
    await filled(mailboxes, HISTORY[1:])
    before = await everything(mailboxes, "ann")
    with pytest.raises(Poison, match="the log no longer holds its beginning"):
        await store(USE, mailboxes=mailboxes)
    assert await everything(mailboxes, "ann") == before


async def test_what_comes_next_is_written_to_the_new_one_also_by_who_has_not_heard_of_it() -> None:
    kept = MemoryMailboxes(ManualClock())
    mailboxes, elsewhere = MailboxGenerations(kept, ManualClock()), generations(kept)
    await apply(mailboxes, HISTORY)
    await apply(elsewhere, HISTORY[:1])  # a replay; it has looked at the old one
    await filled(mailboxes, HISTORY)
    await store(USE, mailboxes=mailboxes)
    await store(deliver(2), mailboxes=elsewhere)
    await store(deliver(3), mailboxes=mailboxes)
    page = await mailboxes.page("ann", INBOX)
    assert page is not None
    assert [line.email_id for line in page.emails] == [email_id(n) for n in (3, 2, 0)]


async def test_several_commands_together_follow_to_the_new_one() -> None:
    from topologies.mailbox.store import store_several

    kept = MemoryMailboxes(ManualClock())
    mailboxes = generations(kept)
    await apply(mailboxes, HISTORY)
    await filled(mailboxes, HISTORY)
    await store(USE, mailboxes=mailboxes)
    await store_several([deliver(2), deliver(3)], mailboxes=generations(kept))
    page = await mailboxes.page("ann", INBOX)
    assert page is not None
    assert page.total_count == 3


async def test_a_crash_at_any_write_of_it_is_healed_by_doing_it_again() -> None:
    for writes in range(2):
        kept = MemoryMailboxes(ManualClock())
        await apply(generations(kept), HISTORY)
        await filled(generations(kept), HISTORY)
        with pytest.raises(Retryable, match="crashed"):
            await store(USE, mailboxes=generations(Crashing(kept, writes)))
        again = generations(kept)
        [change] = await store(USE, mailboxes=again)
        assert await again.generation("ann") == 1
        assert (await everything(again, "ann")).changes[-1] == change
        await store(deliver(4), mailboxes=again)
        assert [each.seq for each in (await everything(again, "ann")).changes] == list(range(1, 8))


async def test_it_can_be_made_anew_again_and_again() -> None:
    mailboxes = generations()
    history = list(HISTORY)
    await apply(mailboxes, history)
    for number in (1, 2, 3):
        use = UseMailbox(
            user_id="ann", command_id=f"use {number}", issued_at=USE.issued_at, generation=number
        )
        beside = mailboxes.numbered({"ann": number})
        await apply(beside, history)
        await mailboxes.fill("ann", number, use.command_id)
        history += [use, deliver(10 + number)]
        await apply(mailboxes, history[-2:])
    assert await mailboxes.generation("ann") == 3
    assert (await mailboxes.mailbox("ann")).seq == 5 + 2 * 3
    # What a replay of the log in one mailbox gives.
    plain = MemoryMailboxes(ManualClock())
    await apply(plain, history)
    assert await everything(plain, "ann") == await everything(mailboxes, "ann")


async def test_copies_are_told_of_mailboxes_in_use_alone() -> None:
    mailboxes = generations()
    await apply(mailboxes, HISTORY)
    await apply(mailboxes.numbered({"ann": 1}), HISTORY[:1])
    assert await mailboxes.places(mail_id(0)) == [("ann", email_id(0))]
    assert await mailboxes.places(mail_id(1)) == [("ann", email_id(1))]


class Crashing(MemoryMailboxes):
    """Writes so often, and not again."""

    def __init__(self, kept: MemoryMailboxes, writes: int) -> None:
        self.__dict__.update(kept.__dict__)
        self._left = writes

    async def write(self, effects: Effects) -> None:
        if self._left == 0:
            raise Retryable("crashed")
        self._left -= 1
        await super().write(effects)


def generations(kept: MemoryMailboxes | None = None) -> Generations:
    return MailboxGenerations(kept or MemoryMailboxes(ManualClock()), ManualClock())


async def apply(mailboxes: Mailboxes, history: Sequence[Command]) -> None:
    for command in history:
        await store(command, mailboxes=mailboxes)


async def filled(mailboxes: Generations, history: Sequence[Command]) -> None:
    await apply(mailboxes.numbered({"ann": 1}), history)
    await mailboxes.fill("ann", 1, USE.command_id)
