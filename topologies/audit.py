"""Audit: what was accepted is accounted for, and mailboxes are what their commands make of them.

Reads the log and every store; writes nothing, unless it is to mend. A mail is accounted for when
each user whom its recipients lead to has a copy (one deleted since counts), or when the
quarantine, a notice that it is undeliverable, or a dead letter tells what became of it.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from topologies.engines.handling import decode
from topologies.errors import Poison
from topologies.events import (
    QUARANTINE_USER,
    Command,
    Deliver,
    MailDisposed,
    MailQuarantined,
    MailReceived,
    MailUndeliverable,
)
from topologies.events.upcasting import EventReader
from topologies.mail.listing import pages
from topologies.mailbox.store import store
from topologies.ports.dead_letters import DeadLetter, DeadLetters
from topologies.ports.directory import Directory
from topologies.ports.log import EventLog, LogReader, Record
from topologies.ports.mailboxes import Mailboxes, Summary
from topologies.stage import declared_by
from topologies.topics import topic_of

AT_ONCE = 64  # mails looked up beside each other
MOST_DEAD_LETTERS = 100_000
MOST_REMEMBERED = 1_000_000  # mails: one that came again stands on the log twice, soon after

_mails = EventReader((MailReceived,))
_exceptions = EventReader((MailQuarantined, MailUndeliverable, MailDisposed))


class _Named(msgspec.Struct, frozen=True):
    """What is read of a dead letter: whose mail it was."""

    mail_id: str = ""


_named: msgspec.json.Decoder[_Named] = msgspec.json.Decoder(_Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that is not as it should be.

    Attributes:
        about: A mail_id or a user_id.
    """

    kind: Literal["missing", "unreadable", "mailbox"]
    about: str
    detail: str


@dataclass(slots=True, kw_only=True)
class Account:
    """What an audit came to: mails by what became of them."""

    mails: int = 0
    delivered: int = 0
    quarantined: int = 0
    undeliverable: int = 0  # to one of their recipients at least, and to nobody else
    dead: int = 0
    under_way: int = 0  # too young to be judged
    handed_in_again: int = 0
    released: int = 0  # of the mails: let out of the quarantine, so their first one counts there
    mailboxes: int = 0  # replayed and compared
    beyond_the_log: int = 0  # mailboxes that are older than what the log still holds
    differences: list[Difference] = field(default_factory=list[Difference])


async def account_for_mails(
    reader: LogReader,
    dead_letters: DeadLetters,
    directory: Directory,
    mailboxes: Mailboxes,
    *,
    since: datetime | None,
    now: datetime,
    grace: timedelta,
    account: Account,
    mend: EventLog | None = None,
) -> AsyncGenerator[int]:
    """Look up what became of each accepted mail; yield how many were, now and then.

    Args:
        reader: The log.
        dead_letters: Settled ones count, too: somebody has decided.
        directory: Whom recipients lead to.
        mailboxes: Who has a copy.
        since: Leave out what was accepted before; None: all that the log holds.
        now: What time it is.
        grace: Younger mails may be under way.
        account: Where it is counted.
        mend: Where what is missing is handed in again; whoever has a copy gets no second.
    """
    undeliverable = await _undeliverable(reader)
    dead = {
        mail_id
        for letter in await dead_letters.list(include_settled=True, limit=MOST_DEAD_LETTERS)
        if (mail_id := _mail_of(letter))
    }

    async def look_up(record: Record) -> None:
        account.mails += 1
        try:
            mail = _mails.read(record.value)
        except msgspec.DecodeError as error:
            if record.key in dead:
                account.dead += 1
            else:
                account.differences.append(
                    Difference(kind="unreadable", about=record.key, detail=str(error))
                )
            return
        account.released += mail.released is not None
        places = await mailboxes.places(mail.mail_id)
        owners = {user_id for user_id, _ in places}
        if QUARANTINE_USER in owners:
            account.quarantined += 1
            return
        lacking = await _lacking(mail, owners, undeliverable[mail.mail_id], directory)
        if not lacking:
            if owners:
                account.delivered += 1
            else:
                account.undeliverable += 1
        elif mail.mail_id in dead:
            account.dead += 1
        elif now - record.appended_at < grace:
            account.under_way += 1
        else:
            account.differences.append(
                Difference(
                    kind="missing",
                    about=mail.mail_id,
                    detail=f"no copy for {', '.join(lacking)}, and nothing tells why",
                )
            )
            if mend is not None:
                await mend.append([mail])
                account.handed_in_again += 1

    waiting: list[Record] = []
    counted: dict[str, None] = {}  # by mail_id, in order
    async with aclosing(reader.read(topic_of(MailReceived).name, since=since)) as records:
        async for record in records:
            if record.key in counted:
                continue
            counted[record.key] = None
            if len(counted) > MOST_REMEMBERED:
                del counted[next(iter(counted))]
            waiting.append(record)
            if len(waiting) == AT_ONCE:
                await asyncio.gather(*map(look_up, waiting))
                waiting.clear()
                yield account.mails
    await asyncio.gather(*map(look_up, waiting))
    yield account.mails


async def compare_with_replay(
    reader: LogReader, mailboxes: Mailboxes, scratch: Mailboxes, account: Account
) -> AsyncGenerator[int]:
    """Apply every command of the log to *scratch*, and compare; yield how many were applied.

    Args:
        reader: The log.
        mailboxes: What is in use. Nothing should be under way.
        scratch: Empty, and large enough to hold what the log leads to.
        account: Where it is counted.
    """
    stage = declared_by(store)
    users: dict[str, None] = {}
    applied = 0
    async with aclosing(reader.read(topic_of(Deliver).name)) as records:
        async for record in records:
            try:
                command = decode(stage, record.value)
            except Poison:
                continue  # it is among the dead letters
            if isinstance(command, Command):
                await store(command, mailboxes=scratch)
                users[command.user_id] = None
                applied += 1
                if applied % 1_000 == 0:
                    yield applied
    for user_id in users:
        account.mailboxes += 1
        have, want = await mailboxes.mailbox(user_id), await scratch.mailbox(user_id)
        if want.seq < have.seq:
            account.beyond_the_log += 1
            continue
        for detail in await _differing(user_id, mailboxes, scratch):
            account.differences.append(Difference(kind="mailbox", about=user_id, detail=detail))
    yield applied


async def _undeliverable(reader: LogReader) -> defaultdict[str, set[str]]:
    """Return the recipients that could not be reached, and who wanted no copy, by mail_id."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    async with aclosing(reader.read(topic_of(MailUndeliverable).name)) as records:
        async for record in records:
            try:
                told = _exceptions.read(record.value)
            except msgspec.DecodeError:
                continue
            if isinstance(told, MailUndeliverable):
                found[told.mail_id].add(told.recipient)
            elif isinstance(told, MailDisposed):
                found[told.mail_id].add(told.user_id)
    return found


async def _lacking(
    mail: MailReceived, owners: Collection[str], told_of: Collection[str], directory: Directory
) -> Sequence[str]:
    """Return the recipients of *mail* of whom nothing tells what they got."""
    lacking: list[str] = []
    for recipient in mail.recipients:
        if recipient in told_of:
            continue
        targets = (await directory.resolve(recipient)).targets
        reached = {*owners, *told_of}
        missing = [target.user_id for target in targets if target.user_id not in reached]
        # Whoever was added later could not get it; whoever is gone took it along.
        users = [await directory.user(user_id) for user_id in missing]
        if any(user is not None and user.created_at <= mail.received_at for user in users):
            lacking.append(recipient)
    return lacking


def _mail_of(letter: DeadLetter) -> str:
    try:
        return _named.decode(letter.value).mail_id or letter.key
    except msgspec.DecodeError:
        return letter.key


async def _differing(user_id: str, have: Mailboxes, want: Mailboxes) -> Sequence[str]:
    """Return how a mailbox differs from another of the same user; at most a few words each."""
    folders = {folder.folder_id: folder for folder in await have.folders(user_id)}
    wanted = {folder.folder_id: folder for folder in await want.folders(user_id)}
    differences = [
        f"folder {folder_id}: {is_there}, by the log {should_be}"
        for folder_id in sorted(folders.keys() | wanted.keys())
        if (is_there := folders.get(folder_id)) != (should_be := wanted.get(folder_id))
    ]
    for folder_id in folders.keys() & wanted.keys():
        lines = await _lines(have, user_id, folder_id, differences)
        by_log = await _lines(want, user_id, folder_id, differences)
        for email_id in sorted(lines.keys() | by_log.keys()):
            if (line := lines.get(email_id)) != (wanted_line := by_log.get(email_id)):
                what = _unequal(line, wanted_line)
                differences.append(f"mail {email_id} in {folder_id}: {what}")
    return differences


async def _lines(
    mailboxes: Mailboxes, user_id: str, folder_id: str, differences: list[str]
) -> dict[str, Summary]:
    found: dict[str, Summary] = {}
    async for lines in pages(mailboxes, user_id, folder_id):
        for line in lines:
            if line.email_id in found:
                differences.append(f"mail {line.email_id} is listed twice in {folder_id}")
            found[line.email_id] = line
    return found


def _unequal(line: Summary | None, should_be: Summary | None) -> str:
    if line is None or should_be is None:
        return "not there, and by the log it is" if line is None else "by the log it is not there"
    names = [n for n in Summary.__struct_fields__ if getattr(line, n) != getattr(should_be, n)]
    return f"{', '.join(names)} differ"
