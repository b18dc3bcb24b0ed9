"""Which commands of one mailbox are decided on at once."""

from collections.abc import Sequence

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from tests.mailbox.commands import (
    create,
    delete,
    deliver,
    folder_id,
    move,
    remove,
    save,
    set_flags,
)
from topologies.events import SPAM, Command
from topologies.mail.mailbox import MOST_EMAILS, needs
from topologies.mail.mailbox_several import Decided, decide_several, together
from topologies.mailbox.store import store

WORK = folder_id("Work")
MANY = range(MOST_EMAILS - 1)


@pytest.mark.parametrize(
    ("commands", "count"),
    [
        ([deliver(1), deliver(2), set_flags(1), move(2, to=SPAM), create("Work")], 5),
        ([deliver(1), remove(WORK), deliver(2)], 1),
        ([remove(WORK), deliver(1)], 1),
        ([deliver(1), deliver(2, user_id="bo")], 1),
        ([delete(*MANY), deliver(1), deliver(2)], 2),
        ([delete(*MANY, MOST_EMAILS), deliver(1)], 1),
        ([deliver(1)], 1),
        ([deliver(1), save(2, "v1"), deliver(3)], 1),
        ([save(2, "v1"), save(2, "v2", replaces="v1")], 1),
        ([deliver(1), deliver(3, draft_id="d", draft_version="v1")], 1),
    ],
)
def test_commands_are_taken_together_as_long_as_what_they_need_is_named_and_bounded(
    commands: list[Command], count: int
) -> None:
    assert together(commands) == commands[:count]


async def test_a_mail_that_joins_threads_waits_until_those_before_it_are_written() -> None:
    joins = deliver(3, message={"references": ("m1@sender.example", "m2@sender.example")})
    commands = [deliver(1), deliver(2), joins, deliver(4)]
    mailboxes = MemoryMailboxes(ManualClock())
    assert len((await decided(mailboxes, commands)).told) == 2
    for command in commands[:2]:
        await store(command, mailboxes=mailboxes)
    first = await decided(mailboxes, commands[2:])
    assert [effects.command_id for effects in first.effects] == [joins.command_id]


async def test_a_command_that_comes_twice_at_once_is_written_once() -> None:
    mailboxes = MemoryMailboxes(ManualClock())
    flags = set_flags(1, is_read=True)
    commands = [deliver(1), flags, set_flags(1, is_read=False), flags, deliver(1)]
    found = await decided(mailboxes, commands)
    assert [effects.command_id for effects in found.effects] == [
        command.command_id for command in commands[:3]
    ]
    assert found.told[3:] == [found.told[1], found.told[0]]
    assert found.effects[-1].mailbox.seq == 3


async def decided(mailboxes: MemoryMailboxes, commands: Sequence[Command]) -> Decided:
    loaded = await mailboxes.load_for_several("ann", [needs(command) for command in commands])
    return decide_several(commands, loaded)
