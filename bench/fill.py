"""Large mailboxes, fast: made by the product's own rules and stores, without SMTP and stages.

What SMTP and the stages cost is measured elsewhere; here only the result counts, and it is
the same: rows as `store` writes them, and the index as `index` fills it.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bench.mails import BEGIN, message_id, paragraphs, person, subject
from bench.people import Person
from bench.progress import Progress
from connectors.settings import Settings
from topologies.events.mailbox import INBOX, Deliver
from topologies.events.message import Address, Message, RawRef
from topologies.mail.ids import command_id, derived_id, email_id
from topologies.ports.mailboxes import Effects, Loaded, Needs
from topologies.ports.search import SearchDocument

BATCH = 500  # mails in one commit
APART = timedelta(minutes=1)


def fill(
    settings: Settings, mailboxes: dict[Person, int], size_bytes: int, progress: Progress
) -> None:
    """Put so many mails of *size_bytes* into each inbox; nothing else may write to them."""
    for owner, count in mailboxes.items():
        with progress.step(f"Filling a mailbox of {count}", count) as advance:
            asyncio.run(_fill(settings, owner, count, size_bytes, advance))


async def _fill(
    settings: Settings, owner: Person, count: int, size_bytes: int, advance: Progress.Advance
) -> None:
    from connectors.assembly import open_stores

    async with open_stores(settings) as stores:
        [raw] = await stores.blobs.put([b"Subject: filled\r\n\r\nNot sent by SMTP.\r\n"])
        ref = RawRef(blob=raw, kind="whole", size_bytes=size_bytes)
        needs = Needs(command_id=command_id("fill", owner.user_id))
        loaded = await stores.mailboxes.load(owner.user_id, needs)
        for first in range(0, count, BATCH):
            numbers = range(first, min(first + BATCH, count))
            effects: list[Effects] = []
            for command in _commands(owner, numbers, ref, size_bytes):
                effects.append(decided := _decide(command, loaded))
                if settings.profile == "cluster":
                    # There, what is decided on must be what is stored already.
                    await stores.mailboxes.write(decided)
                    loaded = await stores.mailboxes.load(owner.user_id, needs)
                else:
                    loaded = _after(loaded, decided)
            if settings.profile != "cluster":
                # Writes are taken up in the order in which they are begun, many in one commit.
                writes: list[Any] = [stores.mailboxes.write(each) for each in effects]
                await asyncio.gather(*writes)
            await stores.search.index(_documents(owner, effects))
            advance(len(effects))


def _decide(command: Deliver, loaded: Loaded) -> Effects:
    from topologies.mail.mailbox import decide

    return decide(command, loaded)


def _after(loaded: Loaded, effects: Effects) -> Loaded:
    """Return what would be loaded next: as no mail answers another, only the counts change."""
    folders = loaded.folders | {folder.folder_id: folder for folder in effects.folders}
    return replace(loaded, mailbox=effects.mailbox, folders=folders)


def _documents(owner: Person, effects: list[Effects]) -> list[SearchDocument]:
    from topologies.mailbox.index import document_of

    return [
        document_of(owner.user_id, email, email.message.text)
        for each in effects
        for email in each.added
    ]


def _commands(owner: Person, numbers: range, ref: RawRef, size_bytes: int) -> Iterator[Deliver]:
    for number in numbers:
        at = BEGIN + number * APART
        mail_id = derived_id(at, "fill", str(number))
        yield Deliver(
            user_id=owner.user_id,
            command_id=command_id("fill", mail_id, owner.user_id),
            issued_at=at,
            email_id=email_id(mail_id, owner.user_id),
            mail_id=mail_id,
            folder_id=INBOX,
            message=_message(number, owner, at, size_bytes),
            raw_ref=ref,
            received_at=at,
            mail_from=person(number)[1],
            recipient=owner.address,
            is_read=number % 5 > 0,
        )


def _message(number: int, owner: Person, at: datetime, size_bytes: int) -> Message:
    draw = random.Random(number)
    name, address = person(number)
    lines = paragraphs(draw, number, size_bytes - 800)  # the header fields have about 800
    return Message(
        subject=subject(draw, number),
        from_=(Address(address=address, name=name),),
        to=(Address(address=owner.address),),
        date=at,
        message_id=message_id(number),
        snippet=" ".join(lines)[:200],
        text="\n\n".join(lines),
    )
