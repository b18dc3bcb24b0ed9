"""Conversations: a folder thread by thread, the same on every store, whatever becomes one."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from tests.mailbox.commands import carry_out, delete, deliver, email_id, move, set_flags
from topologies.events import INBOX, SENT, SPAM, TRASH, Command
from topologies.mail.conversations import Conversation, conversations
from topologies.ports.mailboxes import Mailboxes, Summary


async def test_a_thread_stands_once_where_its_newest_mail_stands(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, *map(deliver, (1, 2)), answer(3, to=1), deliver(4), answer(5, to=2))

    found = await listed(mailboxes)

    assert [numbers(each.emails) for each in found] == [[2, 5], [4], [1, 3]]
    assert [numbers(each.here) for each in found] == [[5, 2], [4], [3, 1]]
    assert numbers([each.newest for each in found]) == [5, 4, 3]


async def test_mails_of_other_folders_belong_to_it_but_for_trash_and_spam(
    mailboxes: Mailboxes,
) -> None:
    answers = [
        answer(n, to=1, folder_id=folder) for n, folder in ((2, SENT), (3, TRASH), (4, SPAM))
    ]
    await carry_out(mailboxes, deliver(1), *answers)

    assert [numbers(each.emails) for each in await listed(mailboxes)] == [[1, 2]]
    assert [numbers(each.emails) for each in await listed(mailboxes, SENT)] == [[1, 2]]
    assert [numbers(each.emails) for each in await listed(mailboxes, TRASH)] == [[1, 2, 3]]


async def test_a_late_parent_makes_two_conversations_one(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, deliver(1), answer(2, to=9), deliver(3))
    assert [numbers(each.emails) for each in await listed(mailboxes)] == [[3], [2], [1]]

    late = deliver(9, message={"references": ("m1@sender.example",)})
    events = await carry_out(mailboxes, late)

    assert [numbers(each.emails) for each in await listed(mailboxes)] == [[1, 2, 9], [3]]
    assert [getattr(event, "kind", "") for event in events].count("thread.merged") == 1


async def test_a_conversation_that_became_one_while_it_was_paged_stands_once(
    mailboxes: Mailboxes,
) -> None:
    await carry_out(mailboxes, deliver(1), answer(2, to=9), deliver(3), answer(4, to=1))
    first = await conversations(mailboxes, "ann", INBOX, limit=1)
    await carry_out(mailboxes, deliver(9, message={"references": ("m1@sender.example",)}))
    assert first is not None

    rest = await walked(mailboxes, INBOX, 2, None, first.next_cursor)

    assert [numbers(each.here) for each in first.conversations] == [[4, 1]]
    assert [numbers(each.here) for each in rest] == [[3]]


async def test_a_conversation_that_is_answered_while_it_is_paged_is_left_out_of_no_page(
    mailboxes: Mailboxes,
) -> None:
    await carry_out(mailboxes, *map(deliver, range(1, 6)))
    first = await conversations(mailboxes, "ann", INBOX, limit=2)
    assert first is not None
    await carry_out(mailboxes, answer(6, to=1), answer(7, to=5), deliver(8))

    rest = await walked(mailboxes, INBOX, 2, None, first.next_cursor)

    assert [numbers(each.here) for each in first.conversations] == [[5], [4]]
    assert [numbers(each.here) for each in rest] == [[3], [2], [6, 1]]


async def test_by_unread_alone_it_stands_where_its_newest_unread_mail_stands(
    mailboxes: Mailboxes,
) -> None:
    await carry_out(mailboxes, deliver(1), answer(2, to=1), deliver(3), set_flags(2, is_read=True))

    assert numbers([each.newest for each in await listed(mailboxes, is_read=False)]) == [3, 1]
    assert numbers([each.newest for each in await listed(mailboxes, is_read=True)]) == [2]


async def test_what_is_moved_or_deleted_leaves_its_conversation(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, deliver(1), answer(2, to=1), answer(3, to=1), deliver(4))
    await carry_out(mailboxes, move(3, to=TRASH), delete(2, permanent=True))

    assert [numbers(each.emails) for each in await listed(mailboxes)] == [[4], [1]]
    assert [numbers(each.emails) for each in await listed(mailboxes, TRASH)] == [[1, 3]]


async def test_an_unknown_folder_has_none_and_an_empty_one_is_empty(mailboxes: Mailboxes) -> None:
    assert await conversations(mailboxes, "ann", "elsewhere", limit=5) is None
    assert await listed(mailboxes) == []
    with pytest.raises(ValueError):
        await conversations(mailboxes, "ann", INBOX, limit=5, cursor="junk")
    await carry_out(mailboxes, *map(deliver, (1, 2)))
    page = await conversations(mailboxes, "ann", INBOX, limit=1)
    assert page is not None
    with pytest.raises(ValueError):
        await conversations(mailboxes, "ann", INBOX, limit=5, cursor=f"{page.next_cursor}.junk")


async def test_a_folder_of_one_long_thread_is_paged_in_bounded_steps(mailboxes: Mailboxes) -> None:
    answers = [answer(n, to=1) for n in range(2, 130)]
    await carry_out(mailboxes, deliver(0), deliver(1), *answers)

    page = await conversations(mailboxes, "ann", INBOX, limit=2)

    assert page is not None
    assert [numbers(each.here) for each in page.conversations] == [[*range(129, 0, -1)], [0]]
    assert (page.email_count, page.next_cursor) == (130, None)
    short = await conversations(mailboxes, "ann", INBOX, limit=2, most_lines=60)
    assert short is not None
    assert len(short.conversations) == 1
    assert numbers(
        [c.newest for c in await walked(mailboxes, INBOX, 1, None, short.next_cursor)]
    ) == [0]


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_history_pages_hold_what_grouping_the_whole_folder_gives(
    mailboxes: Mailboxes, seed: int
) -> None:
    draw = Random(seed)
    history: list[Command] = []
    for number in range(40):
        folder = draw.choice([INBOX, INBOX, INBOX, SENT])
        to = draw.randrange(60)
        history.append(answer(number, to=to, folder_id=folder, is_read=draw.random() < 0.5))
    history += [move(*draw.sample(range(40), 5), to=TRASH), delete(*draw.sample(range(40), 3))]
    await carry_out(mailboxes, *history)

    for folder_id in (INBOX, SENT, TRASH):
        for is_read in (None, True, False):
            expected = await grouped(mailboxes, folder_id, is_read)
            for size in (1, 3, 50):
                found = await walked(mailboxes, folder_id, size, is_read)
                assert [each.newest for each in found] == expected


# --- builders -----------------------------------------------------------------------


def answer(number: int, *, to: int, **changes: Any) -> Command:
    return deliver(number, message={"in_reply_to": (f"m{to}@sender.example",)}, **changes)


def numbers(mails: Sequence[Summary]) -> list[int]:
    named = {email_id(number): number for number in range(140)}
    return [named[mail.email_id] for mail in mails]


async def listed(
    mailboxes: Mailboxes, folder_id: str = INBOX, *, is_read: bool | None = None
) -> list[Conversation]:
    return await walked(mailboxes, folder_id, 2, is_read)


async def walked(
    mailboxes: Mailboxes,
    folder_id: str,
    size: int,
    is_read: bool | None,
    cursor: str | None = None,
) -> list[Conversation]:
    """All conversations from *cursor* on, page by page."""
    found: list[Conversation] = []
    is_last = False
    while not is_last:
        page = await conversations(
            mailboxes, "ann", folder_id, limit=size, cursor=cursor, is_read=is_read
        )
        assert page is not None
        assert len(page.conversations) <= size
        found += page.conversations
        cursor, is_last = page.next_cursor, page.next_cursor is None
    return found


async def grouped(mailboxes: Mailboxes, folder_id: str, is_read: bool | None) -> list[Summary]:
    """The newest mail of each thread in a folder, by looking at all of it."""
    page = await mailboxes.page("ann", folder_id, limit=500, is_read=is_read)
    assert page is not None
    newest = {mail.thread_id: mail for mail in reversed(page.emails)}
    return sorted(newest.values(), key=lambda mail: mail.email_id, reverse=True)
