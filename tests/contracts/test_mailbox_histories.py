"""Mailboxes: after any history, with replays, every count is exact and all stores agree."""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.sqlite.database import Database
from connectors.sqlite.mailboxes import MIGRATIONS, SqliteMailboxes
from tests.mailbox.commands import (
    AT,
    LATER,
    RAW,
    change_label,
    create,
    create_label,
    delete,
    delete_label,
    deliver,
    email_id,
    empty,
    folder_id,
    label,
    label_id,
    move,
    put_into,
    remove,
    rename,
    restore,
    save,
    set_flags,
)
from tests.mailbox.state import MAILS, State, changes_in, everything
from topologies.events import (
    DELETED,
    INBOX,
    SENT,
    SPAM,
    TRASH,
    Command,
    Event,
    MailboxChanged,
    RawRef,
)
from topologies.mail.mailbox_folders import DEEPEST
from topologies.mailbox.store import store, store_several
from topologies.ports.mailboxes import Mailboxes

if TYPE_CHECKING:
    from connectors.cassandra.driver import Connected

USERS = ("ann", "bo")
NUMBERS = st.integers(0, MAILS - 1)
SOME = st.lists(NUMBERS, min_size=1, max_size=3)
NAMES = st.sampled_from(["Work", "Play", "Home"])
FOLDERS = st.sampled_from([folder_id("Work"), folder_id("Play"), folder_id("Home")])
PARENTS = st.sampled_from(["", "", folder_id("Work"), folder_id("Play"), TRASH, "none"])
PLACES = st.sampled_from([INBOX, SPAM, TRASH, folder_id("Work"), folder_id("Play")])
LABELS = st.sampled_from(["Red", "Blue", "Green"])
SOME_LABELS = st.lists(LABELS, max_size=2)
MAYBE = st.sampled_from([None, True, False])
VERSIONS = st.sampled_from(["v1", "v2"])


@st.composite
def histories(draw: st.DrawFn) -> list[Command]:
    commands: list[Command] = []
    for number in range(draw(st.integers(1, 40))):
        user_id = draw(st.sampled_from(USERS))
        stamp: dict[str, Any] = {
            "user_id": user_id,
            "command_id": f"command {number}",
            "answer": draw(st.booleans()),
        }
        match draw(st.integers(0, 25)):
            case 0 | 1 | 2 | 3:
                named = tuple(f"m{n}@sender.example" for n in draw(st.lists(NUMBERS, max_size=3)))
                commands.append(
                    deliver(
                        draw(NUMBERS),
                        folder_id=draw(PLACES),
                        is_read=draw(st.booleans()),
                        message={"references": named},
                        raw_ref=raw_of(draw(st.integers(0, 9_999))),
                        **stamp,
                    )
                )
            case 4:
                flags = {"is_read": draw(MAYBE), "is_starred": draw(MAYBE)}
                commands.append(set_flags(*draw(SOME), **flags, **stamp))
            case 5:
                commands.append(move(*draw(SOME), to=draw(PLACES), **stamp))
            case 6:
                how = {"permanent": draw(st.booleans()), "is_restorable": draw(st.booleans())}
                commands.append(delete(*draw(SOME), **how, **stamp))
            case 7:
                commands.append(create(draw(NAMES), parent_id=draw(PARENTS), **stamp))
            case 8:
                commands.append(rename(draw(PLACES), draw(NAMES), **stamp))
            case 9:
                commands.append(remove(draw(PLACES), **stamp))
            case 10:
                sent = {
                    "draft_id": email_id(draw(NUMBERS), user_id),
                    "draft_version": draw(VERSIONS),
                }
                commands.append(deliver(draw(NUMBERS), folder_id=SENT, **sent, **stamp))
            case 11:
                commands.append(create_label(draw(LABELS), **stamp))
            case 12 | 13 | 14:
                on, off = draw(SOME_LABELS), draw(SOME_LABELS)
                commands.append(label(*draw(SOME), on=on, off=off, **stamp))
            case 15:
                colour = draw(st.sampled_from([None, "", "#1F6FEB", "red"]))
                name = draw(st.sampled_from([None, "Red", "Yellow"]))
                which = label_id(draw(LABELS))
                commands.append(change_label(which, name=name, colour=colour, **stamp))
            case 17 | 18:
                commands.append(restore(*draw(SOME), **stamp))
            case 19:
                folder = draw(st.sampled_from([TRASH, SPAM, DELETED, INBOX]))
                more = {"is_restorable": draw(st.booleans())}
                commands.append(empty(folder, **more, **stamp))
            case 20:
                old = {"only_in": TRASH, "put_before": draw(st.sampled_from([AT, LATER]))}
                commands.append(delete(*draw(SOME), permanent=True, **old, **stamp))
            case 21 | 22:
                commands.append(put_into(draw(FOLDERS), draw(PARENTS), **stamp))
            case 16:
                commands.append(delete_label(label_id(draw(LABELS)), **stamp))
            case _:
                named = tuple(f"m{n}@sender.example" for n in draw(st.lists(NUMBERS, max_size=2)))
                commands.append(
                    save(
                        draw(NUMBERS),
                        draw(VERSIONS),
                        replaces=draw(st.sampled_from(["", "", "*", "v1", "v2"])),
                        message={"references": named},
                        raw_ref=raw_of(draw(st.integers(0, 9_999))),
                        **stamp,
                    )
                )
        if draw(st.integers(0, 4)) == 0:
            commands.append(draw(st.sampled_from(commands)))  # a replay
    return commands


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_after_any_history_every_count_is_exact_and_all_stores_hold_the_same(
    history: list[Command],
) -> None:
    asyncio.run(_run(history))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.randoms(use_true_random=False))
def test_it_makes_no_difference_which_commands_are_carried_out_at_once(
    history: list[Command], chance: Random
) -> None:
    asyncio.run(_run_in_groups(history, chance))


@pytest.mark.live
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.randoms(use_true_random=False))
def test_in_the_cluster_store_neither(
    cassandra: "Connected", history: list[Command], chance: Random
) -> None:
    asyncio.run(_run_in_groups_on_cassandra(cassandra, history, chance))


@pytest.mark.live
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_the_cluster_store_holds_the_same_after_any_history(
    cassandra: "Connected", history: list[Command]
) -> None:
    asyncio.run(_run_on_cassandra(cassandra, history))


async def _run_on_cassandra(cassandra: "Connected", history: list[Command]) -> None:
    from tests.live.cassandra_users import own_mailboxes  # which loads the driver

    plain = MemoryMailboxes(ManualClock())
    # Buckets of two mails, so that short histories fill, halve and empty many of them.
    async with own_mailboxes(cassandra, ManualClock(), bucket_rows=2) as quick:
        told = [await _apply(plain, history), await _apply(quick, history)]
        for user_id in USERS:
            assert told[0][user_id] == told[1][user_id]
            state = await everything(plain, user_id)
            assert await everything(quick, user_id) == state
            _check(state, history)


async def _run_in_groups_on_cassandra(
    cassandra: "Connected", history: list[Command], chance: Random
) -> None:
    from tests.live.cassandra_users import own_mailboxes  # which loads the driver

    async with own_mailboxes(cassandra, ManualClock(), bucket_rows=2) as grouped:
        await _compare(history, chance, grouped)


async def _run_in_groups(history: list[Command], chance: Random) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Database(Path(folder) / "mailboxes.db", MIGRATIONS)) as database,
    ):
        await _compare(
            history,
            chance,
            MemoryMailboxes(ManualClock()),
            SqliteMailboxes(database, ManualClock()),
        )


async def _compare(history: list[Command], chance: Random, *several: Mailboxes) -> None:
    plain = MemoryMailboxes(ManualClock())
    for user_id in USERS:
        own = [command for command in history if command.user_id == user_id]
        told = [list(await store(command, mailboxes=plain)) for command in own]
        state = await everything(plain, user_id)
        for grouped in several:
            assert await _in_groups(grouped, own, chance) == told
            assert await everything(grouped, user_id) == state


async def _in_groups(
    mailboxes: Mailboxes, commands: Sequence[Command], chance: Random
) -> list[list[Event]]:
    told: list[list[Event]] = []
    while len(told) < len(commands):
        group = commands[len(told) :][: chance.randint(1, 12)]
        told += map(list, await store_several(group, mailboxes=mailboxes))
    return told


async def _run(history: list[Command]) -> None:
    by_user = sorted(history, key=lambda command: command.user_id)  # stable: another interleaving
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Database(Path(folder) / "mailboxes.db", MIGRATIONS)) as database,
    ):
        plain, quick = MemoryMailboxes(ManualClock()), SqliteMailboxes(database, ManualClock())
        told = [await _apply(plain, by_user), await _apply(quick, history)]
        for user_id in USERS:
            first, second = (each[user_id] for each in told)
            assert first == second
            state = await everything(plain, user_id)
            assert await everything(quick, user_id) == state
            assert state.changes == first
            _check(state, history)


async def _apply(
    mailboxes: Mailboxes, history: Sequence[Command]
) -> dict[str, list[MailboxChanged]]:
    told: dict[str, list[MailboxChanged]] = {user_id: [] for user_id in USERS}
    led_to: dict[str, Sequence[Event]] = {}
    for command in history:
        events = await store(command, mailboxes=mailboxes)
        assert led_to.setdefault(command.command_id, events) == events
        told[command.user_id] += changes_in(events)
    return {
        user_id: list({change.seq: change for change in changes}.values())
        for user_id, changes in told.items()
    }


def _check(state: State, history: Sequence[Command]) -> None:
    assert [change.seq for change in state.changes] == list(range(1, state.mailbox.seq + 1))
    mails = [mail for folder in state.pages.values() for mail in folder[None]]
    assert len({mail.email_id for mail in mails}) == len(mails)
    assert sum(mail.size_bytes for mail in mails) == state.mailbox.used_bytes
    _check_tree(state)
    for folder in state.folders:
        pages = state.pages[folder.folder_id]
        found = pages[None]
        assert [m.email_id for m in found] == sorted((m.email_id for m in found), reverse=True)
        assert (len(found), sum(not m.is_read for m in found)) == (
            folder.total_count,
            folder.unread_count,
        )
        for is_read in (True, False):
            assert pages[is_read] == [mail for mail in found if mail.is_read == is_read]
    for is_read in (True, False):
        kept = [mail for mail in state.deleted[None] if mail.is_read == is_read]
        assert state.deleted[is_read] == kept
    # What can be restored is met nowhere, and counts for nothing.
    assert {mail.folder_id for mail in state.deleted[None]} <= {DELETED}
    shown = {mail.email_id for mail in mails} | {
        mail.email_id for found in state.threads.values() for mail in found
    }
    shown |= {email.summary.email_id for email in state.emails if email is not None}
    assert not shown & {mail.email_id for mail in state.deleted[None]}
    for each in state.labels:
        pages = state.labelled[each.label_id]
        carrying = [mail for mail in mails if each.label_id in mail.labels]
        carrying.sort(key=lambda mail: mail.email_id, reverse=True)
        assert pages[None] == carrying
        assert (each.total_count, each.unread_count) == (
            len(carrying),
            sum(not mail.is_read for mail in carrying),
        )
        for is_read in (True, False):
            assert pages[is_read] == [mail for mail in carrying if mail.is_read == is_read]
    assert {i for mail in mails for i in mail.labels} <= {each.label_id for each in state.labels}
    own = {email_id(number, state.mailbox.user_id) for number in range(MAILS)}
    assert {mail.email_id for mail in mails} <= own
    for mail in mails:
        assert mail in state.threads[mail.email_id]
        assert {each.thread_id for each in state.threads[mail.email_id]} == {mail.thread_id}


def _check_tree(state: State) -> None:
    seen = {folder.folder_id: folder for folder in state.folders if not folder.is_deleting}
    for folder in seen.values():
        above = [folder.folder_id]
        while (parent_id := seen[above[-1]].parent_id) and len(above) <= DEEPEST:
            assert parent_id in seen  # what lies in a folder that is hidden is hidden, too
            above.append(parent_id)
        assert len(above) <= DEEPEST
    places = [(folder.parent_id, folder.name.casefold()) for folder in seen.values()]
    assert len(set(places)) == len(places)


def raw_of(size_bytes: int) -> RawRef:
    return RawRef(blob=RAW.blob, kind=RAW.kind, size_bytes=size_bytes)
