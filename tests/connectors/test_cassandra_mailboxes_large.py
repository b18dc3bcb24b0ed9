"""A large mailbox in Cassandra: its listings cost the same at both ends, full and emptied.

How large is in the environment, ``LARGE_MAILBOX``: 20,000 mails unless it says otherwise. The
figures are printed (``pytest -s``).
"""

import os
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import TypeVar

import pytest

from connectors.cassandra.driver import Connected
from connectors.cassandra.mailboxes import CassandraMailboxes
from connectors.memory.clock import ManualClock
from tests.live.cassandra_users import own_mailboxes
from tests.mailbox.commands import delete, deliver, email_id
from tests.mailbox.filling import TRIES, fill
from topologies.errors import Retryable
from topologies.events import INBOX
from topologies.mailbox.store import store

pytestmark = [pytest.mark.live, pytest.mark.process]

MAILS = int(os.environ.get("LARGE_MAILBOX", "20000"))
PAGE = 500
T = TypeVar("T")
LONGEST_S = 0.25  # what one page may take on a machine that does other things too


async def test_listings_of_a_large_mailbox_cost_the_same_before_and_after_it_is_emptied(
    cassandra: Connected,
) -> None:
    async with own_mailboxes(cassandra, ManualClock()) as mailboxes:
        started = time.perf_counter()
        deliveries = (deliver(number, is_read=number % 10 == 0) for number in range(MAILS))
        assert await fill(mailboxes, deliveries, tell=say) == MAILS
        took = time.perf_counter() - started
        say(f"{MAILS:,} mails delivered in {took:.1f} s, {MAILS / took:,.0f} a second")

        found, pages = await by_pages(mailboxes)
        assert found == [email_id(number) for number in reversed(range(MAILS))]
        tell("pages of 500", pages)
        few = max(3, len(pages) // 10)
        assert median(pages[-few:]) < 2 * median(pages[:few]) + 0.02
        await offsets(mailboxes)

        # From the newest on, as people do, and so that each listing meets what is deleted.
        seconds: list[float] = []
        for last in range(MAILS, 10, -1_000):
            gone = range(max(last - 1_000, 10), last)
            command = delete(*gone, permanent=True, command_id=f"{last}")
            await answered(lambda each=command: store(each, mailboxes=mailboxes))
            began = time.perf_counter()
            page = await answered(lambda: mailboxes.page("ann", INBOX))
            seconds.append(time.perf_counter() - began)
            assert page is not None
            assert page.total_count == gone.start
            assert [mail.email_id for mail in page.emails] == [
                email_id(number) for number in range(gone.start - 1, -1, -1)[:50]
            ]
        tell("first page of 50 while mails are deleted", seconds)
        assert median(seconds) < LONGEST_S
        rest = delete(*range(10), permanent=True)
        await answered(lambda: store(rest, mailboxes=mailboxes))
        began = time.perf_counter()
        page = await answered(lambda: mailboxes.page("ann", INBOX))
        assert time.perf_counter() - began < LONGEST_S
        assert page is not None
        assert (page.emails, page.total_count) == ((), 0)


async def by_pages(mailboxes: CassandraMailboxes) -> tuple[list[str], list[float]]:
    """Return all ids of the inbox, and how long each page took."""
    found: list[str] = []
    seconds: list[float] = []
    cursor: str | None = None
    while not seconds or cursor is not None:
        began = time.perf_counter()
        page = await answered(
            lambda below=cursor: mailboxes.page("ann", INBOX, limit=PAGE, cursor=below)
        )
        seconds.append(time.perf_counter() - began)
        assert page is not None
        found += [mail.email_id for mail in page.emails]
        cursor = page.next_cursor
    return found, seconds


async def offsets(mailboxes: CassandraMailboxes) -> None:
    seconds: list[float] = []
    for offset in range(0, MAILS, MAILS // 20):
        for is_read in (None, False, True):
            began = time.perf_counter()
            page = await answered(
                lambda at=offset, which=is_read: mailboxes.page(
                    "ann", INBOX, offset=at, is_read=which
                )
            )
            seconds.append(time.perf_counter() - began)
            assert page is not None
            numbers = [n for n in reversed(range(MAILS)) if is_read in (None, n % 10 == 0)]
            expected = [email_id(number) for number in numbers[offset : offset + 50]]
            assert [mail.email_id for mail in page.emails] == expected
    tell("pages of 50 by offset, read or unread", seconds)
    assert median(seconds) < LONGEST_S


async def answered(call: Callable[[], Awaitable[T]]) -> T:
    """Ask again if a node with other things to do lets one request time out; it is told."""
    for _ in range(TRIES):
        try:
            return await call()
        except Retryable as error:
            say(f"asked again: {error}"[:100])
    return await call()


def say(line: str) -> None:
    print(line, flush=True)


def tell(what: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[-1 - len(ordered) // 100]
    say(f"{what}: p50 {1e3 * p50:.1f} ms, p99 {1e3 * p99:.1f} ms ({len(ordered)})")
