"""Storing and listing mails: CPU of a delivery, bytes of a mail, ms of a page.

    python -m bench.mailboxes [--mails 100000] [--json FILE]

One file holds the mailboxes of sixteen people, and one with so many mails as given. All is
done by the product's rules and its SQLite store, without the engine: load, decide, write.
The large one is filled as a backlog is worked off, many deliveries at once.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from bench.figures import Figure, Section, latencies
from bench.machine import describe
from bench.mails import BEGIN, message_id, paragraphs, person, subject
from bench.progress import Progress
from bench.report import Report, show
from connectors.memory.clock import SystemClock
from connectors.sqlite.database import Database
from connectors.sqlite.mailboxes import MIGRATIONS, PAGE_BYTES, SqliteMailboxes
from topologies.engines.turns import MOST_AT_ONCE
from topologies.events import (
    INBOX,
    Address,
    Authentication,
    Deliver,
    Message,
    RawRef,
    SetFlags,
    SpamVerdict,
)
from topologies.mail.ids import command_id, derived_id, email_id
from topologies.mailbox.store import store, store_several
from topologies.ports.mailboxes import MAX_PAGE

PEOPLE = 16  # who get mail at the same time, so that their writes share a transaction
SMALL = 1_000  # mails of each of them
MEASURED = 100  # of these, when all else is warm
READS = 400
SIZE_BYTES = 5_000
LARGE = "large"
US_AT_MOST = 350
MS_AT_MOST = 3.0


async def measure(folder: Path, mails: int, progress: Progress) -> Section:
    """Fill a file in *folder* and measure it."""
    path = folder / "mailboxes.db"
    database = Database(path, MIGRATIONS, page_bytes=PAGE_BYTES)
    mailboxes = SqliteMailboxes(database, SystemClock())
    try:
        with progress.step(f"Delivering {SMALL} mails to {PEOPLE} people", SMALL) as advance:
            cpu_us = await _deliver(mailboxes, advance)
        with progress.step(f"Filling a mailbox of {mails}", mails) as advance:
            one_mailbox_us = await _fill(mailboxes, mails, advance)
        with progress.step("Reading", 6) as advance:
            small, large = _person(0), LARGE
            figures = [
                Figure(
                    key="deliver_cpu",
                    value=cpu_us,
                    unit="µs",
                    meaning=f"one delivery: load, decide and write, {PEOPLE} at a time",
                    at_most=US_AT_MOST,
                ),
                Figure(
                    key="deliver_one_mailbox_cpu",
                    value=one_mailbox_us,
                    unit="µs",
                    meaning=f"one delivery of a backlog of one mailbox, {MOST_AT_ONCE} at once",
                ),
                *await _newest(mailboxes, small, SMALL, advance),
                *await _newest(mailboxes, large, mails, advance),
                *await _unread(mailboxes, large, advance),
                *await _deep(mailboxes, large, min(10_000, mails - 50), advance),
                *await _open(mailboxes, large, mails, advance),
                await _flag(mailboxes, large, mails, advance),
            ]
    finally:
        database.close()
    total = PEOPLE * SMALL + mails
    figures.append(
        Figure(
            key="bytes_per_mail",
            value=path.stat().st_size / total,
            unit="bytes",
            meaning=f"of the file, for a mail of {SIZE_BYTES} bytes; its raw bytes lie elsewhere",
        )
    )
    return Section(
        name="mailboxes", title=f"Mailboxes: {total} mails in one file", figures=tuple(figures)
    )


async def _deliver(mailboxes: SqliteMailboxes, advance: Progress.Advance) -> float:
    """Deliver to all people; return the CPU in µs that each of the last deliveries took."""
    cpu_s = 0.0
    for first in range(0, SMALL, MEASURED):
        rounds = [
            [deliver(_person(number), at) for number in range(PEOPLE)]
            for at in range(first, first + MEASURED)
        ]
        began = time.process_time()
        for commands in rounds:
            await asyncio.gather(*(store(command, mailboxes=mailboxes) for command in commands))
        cpu_s = time.process_time() - began
        advance(MEASURED)
    return cpu_s / (MEASURED * PEOPLE) * 1e6


async def _fill(mailboxes: SqliteMailboxes, mails: int, advance: Progress.Advance) -> float:
    """Deliver all to one mailbox; return the CPU in µs that each delivery took."""
    cpu_s = 0.0
    for first in range(0, mails, MOST_AT_ONCE):
        numbers = range(first, min(first + MOST_AT_ONCE, mails))
        commands = [deliver(LARGE, number, answers=False) for number in numbers]
        began = time.process_time()
        await store_several(commands, mailboxes=mailboxes)
        cpu_s += time.process_time() - began
        advance(len(commands))
    return cpu_s / mails * 1e6


async def _newest(
    mailboxes: SqliteMailboxes, user_id: str, mails: int, advance: Progress.Advance
) -> Sequence[Figure]:
    took: list[float] = []
    for _ in range(READS):
        began = time.perf_counter()
        page = await mailboxes.page(user_id, INBOX)
        took.append(time.perf_counter() - began)
        assert page is not None
        assert (len(page.emails), page.total_count) == (50, mails)
    advance()
    return latencies(f"newest_of_{mails}", took, f"newest 50 of {mails}", p50_at_most=MS_AT_MOST)


async def _unread(
    mailboxes: SqliteMailboxes, user_id: str, advance: Progress.Advance
) -> Sequence[Figure]:
    took: list[float] = []
    for _ in range(READS):
        began = time.perf_counter()
        await mailboxes.page(user_id, INBOX, is_read=False)
        took.append(time.perf_counter() - began)
    advance()
    return latencies("unread", took, "newest 50 unread, a fifth of all", p50_at_most=MS_AT_MOST)


async def _deep(
    mailboxes: SqliteMailboxes, user_id: str, offset: int, advance: Progress.Advance
) -> Sequence[Figure]:
    took: list[float] = []
    for _ in range(READS // 4):
        began = time.perf_counter()
        page = await mailboxes.page(user_id, INBOX, offset=offset)
        took.append(time.perf_counter() - began)
        assert page is not None
        assert page.emails
    advance()
    return latencies("offset", took, f"50 at offset {offset}")


async def _open(
    mailboxes: SqliteMailboxes, user_id: str, mails: int, advance: Progress.Advance
) -> Sequence[Figure]:
    draw, took = random.Random(1), list[float]()
    for _ in range(READS):
        wanted = deliver(user_id, draw.randrange(mails)).email_id
        began = time.perf_counter()
        found = await mailboxes.email(user_id, wanted)
        took.append(time.perf_counter() - began)
        assert found is not None
    advance()
    return latencies("open", took, "one mail whole, by its id")


async def _flag(
    mailboxes: SqliteMailboxes, user_id: str, mails: int, advance: Progress.Advance
) -> Figure:
    commands = [
        SetFlags(
            user_id=user_id,
            command_id=command_id("flag", str(number)),
            issued_at=BEGIN,
            email_ids=(deliver(user_id, number).email_id,),
            is_starred=True,
            answer=True,
        )
        for number in random.Random(2).sample(range(mails), min(mails, MAX_PAGE))
    ]
    began = time.process_time()
    for command in commands:
        await store(command, mailboxes=mailboxes)
    advance()
    return Figure(
        key="flag_cpu",
        value=(time.process_time() - began) / len(commands) * 1e6,
        unit="µs",
        meaning="one mail starred, one at a time, with a sync each",
    )


def deliver(user_id: str, number: int, *, answers: bool = True) -> Deliver:
    """Return the command that brings a mail; a third of them answer an earlier one."""
    at = BEGIN + number * timedelta(minutes=1)
    draw = random.Random(number)
    mail_id = derived_id(at, "bench", str(number))
    name, address = person(number)
    lines = paragraphs(draw, number, SIZE_BYTES - 800)
    earlier = (message_id(number - 1),) if answers and number % 3 == 0 else ()
    return Deliver(
        user_id=user_id,
        command_id=command_id("deliver", mail_id, user_id),
        issued_at=at,
        email_id=email_id(mail_id, user_id),
        mail_id=mail_id,
        folder_id=INBOX,
        message=Message(
            subject=subject(draw, number),
            from_=(Address(address=address, name=name),),
            to=(Address(address=f"{user_id}@bench.example"),),
            date=at,
            message_id=message_id(number),
            in_reply_to=earlier,
            references=earlier,
            snippet=" ".join(lines)[:200],
            text="\n\n".join(lines),
        ),
        raw_ref=RawRef(blob=f"{number:064x}", kind="whole", size_bytes=SIZE_BYTES),
        received_at=at,
        mail_from=address,
        recipient=f"{user_id}@bench.example",
        is_read=number % 5 > 0,
        authentication=Authentication(
            spf="pass", spf_domain="news.example", dmarc="pass", from_domain="news.example"
        ),
        spam=SpamVerdict(probability=0.0123, is_spam=False, reasons=("word:meeting",)),
    )


def _person(number: int) -> str:
    return f"person{number}"


def main() -> None:
    """Run it from a terminal."""
    parser = argparse.ArgumentParser(description="Measure storing and listing mails.")
    parser.add_argument("--mails", type=int, default=100_000, help="of the large mailbox")
    parser.add_argument("--json", type=Path, default=Path("build/bench-mailboxes.json"))
    asked = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"mails": asked.mails, "people": PEOPLE, "mail_bytes": SIZE_BYTES}
        report = Report(machine=describe(Path(folder)), settings=settings)
        report.show_conditions(console)
        section = asyncio.run(measure(Path(folder), asked.mails, Progress(console)))
    report.sections.append(section)
    show(section, console)
    report.write(asked.json)
    console.print(f"Written to {asked.json}")


if __name__ == "__main__":
    main()
