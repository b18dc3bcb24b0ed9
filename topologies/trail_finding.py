"""Finds the trail of a mail. Reads the log and every store; writes nothing.

Of each topic one partition is read for each key that the mail may have there: its own id, its
users, its destinations, its sender's domain. It begins with the moment that is in the mail's id,
and ends after ``MOST_READ`` records. Mails that came of it belong to it, and that which it came of:
what recipients here got of what a user here sent, and what was let out of the quarantine.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from topologies.events import QUARANTINE_USER
from topologies.mail import ids
from topologies.mail.mailbox_address import parse
from topologies.ports.clock import Clock
from topologies.ports.dead_letters import DeadLetters
from topologies.ports.deliveries import Deliveries
from topologies.ports.directory import Directory
from topologies.ports.log import LogReader, Record
from topologies.ports.mailboxes import Mailboxes
from topologies.quarantine import released_id
from topologies.topics import FOR_STAGE, TOPICS, Topic
from topologies.topology import Topology
from topologies.trail import Trail, TrailCopy, TrailEvent
from topologies.trail_ids import causes, depths

MOST_READ = 50_000  # records of one key on one topic
MOST_FOUND = 1_000  # events of one mail
MOST_DEAD_LETTERS = 10_000
MOST_MAILS = 8  # that came of each other
SLACK = timedelta(minutes=1)  # clocks of several machines differ
_LARGE = ("event", "raw", "message", "held")  # the tag, and fields that hold a mail


class _Proof(msgspec.Struct, frozen=True):
    from_domain: str = ""


class _Origin(msgspec.Struct, frozen=True):
    mail_id: str = ""


class _Known(msgspec.Struct, frozen=True):
    """What is read of any event: whose it is, and where it leads."""

    event: str = ""
    mail_id: str = ""
    email_id: str = ""
    email_ids: tuple[str, ...] = ()
    user_id: str = ""
    recipients: tuple[str, ...] = ()
    submitted_at: datetime | None = None
    authentication: _Proof | None = None
    sent_id: str = ""
    released: _Origin | None = None


_known: msgspec.json.Decoder[_Known] = msgspec.json.Decoder(_Known)


@dataclass(frozen=True, slots=True)
class _Found:
    record: Record
    known: _Known
    mail_id: str


class TrailFinder:
    """Finds the trail of one mail after the other."""

    def __init__(
        self,
        reader: LogReader,
        directory: Directory,
        mailboxes: Mailboxes,
        deliveries: Deliveries,
        dead_letters: DeadLetters,
        topology: Topology,
        clock: Clock,
        *,
        most_read: int = MOST_READ,
    ) -> None:
        """Prepare; nothing is read before ``find``."""
        self._reader = reader
        self._directory = directory
        self._mailboxes = mailboxes
        self._deliveries = deliveries
        self._dead_letters = dead_letters
        self._topology = topology
        self._clock = clock
        self._most_read = most_read

    async def find(self, mail_id: str) -> Trail:
        """Return the trail of the mail *mail_id*; an empty one if nothing is known of it.

        Raises:
            ValueError: It is no id of a mail.
            Retryable: The log or a store is out of reach.
        """
        ids.time_of(mail_id)
        trail = Trail(mail_ids=[mail_id])
        found: dict[tuple[str, int, int], _Found] = {}
        for each in trail.mail_ids:  # grows while it is walked through
            for one in await self._of_mail(each, trail):
                record = one.record
                found.setdefault((record.topic, record.partition, record.offset), one)
        trail.events = self._in_order(list(found.values()))
        await self._add_dead_letters(trail)
        return trail

    async def _of_mail(self, mail_id: str, trail: Trail) -> list[_Found]:
        own = await self._read("mail_id", [mail_id], mail_id, {mail_id}, trail)
        for one in own:
            _follow(one.known, mail_id, trail)
        trail.deliveries += await self._deliveries.of_mail(mail_id)
        await self._add_copies(mail_id, trail)
        users = await self._users(mail_id, own, trail)
        wanted = {mail_id, *(ids.email_id(mail_id, user_id) for user_id in users)}
        found = [*own, *await self._read("user_id", users, mail_id, wanted, trail)]
        destinations = {each.destination for each in trail.deliveries} | _destinations(own)
        found += await self._read("destination", destinations, mail_id, wanted, trail)
        senders = {
            one.known.authentication.from_domain for one in found if one.known.authentication
        }
        return found + await self._read("sender", senders - {""}, mail_id, wanted, trail)

    async def _read(
        self, name: str, keys: Collection[str], mail_id: str, wanted: Collection[str], trail: Trail
    ) -> list[_Found]:
        """Return the events about any id of *wanted* on the topics whose key is a *name*."""
        # What is imported may say that it comes from the future.
        since = min(ids.time_of(mail_id), self._clock.now()) - SLACK
        found = await asyncio.gather(
            *(
                self._of_key(topic, key, since, wanted, trail)
                for topic in TOPICS
                if topic.key == name
                for key in sorted(keys)
            )
        )
        return [_Found(record, known, mail_id) for each in found for record, known in each]

    async def _of_key(
        self, topic: Topic, key: str, since: datetime, wanted: Collection[str], trail: Trail
    ) -> list[tuple[Record, _Known]]:
        found: list[tuple[Record, _Known]] = []
        count = 0
        async with aclosing(self._reader.read(topic.name, since=since, key=key)) as records:
            async for record in records:
                if count == self._most_read or len(found) == MOST_FOUND:
                    trail.incomplete.append(f"{topic.name} holds more of {key} than is read")
                    break
                count += 1
                known = _read(record.value)
                if not {key, known.mail_id, known.email_id, *known.email_ids}.isdisjoint(wanted):
                    found.append((record, known))
        return found

    async def _add_copies(self, mail_id: str, trail: Trail) -> None:
        for user_id, email_id in await self._mailboxes.places(mail_id):
            summaries = await self._mailboxes.summaries(user_id, [email_id])
            user = await self._directory.user(user_id)
            trail.copies.append(
                TrailCopy(
                    user_id=user_id,
                    address=user.address if user is not None else "",
                    mail_id=mail_id,
                    email_id=email_id,
                    folder_id=summaries[0].folder_id if summaries else "",
                )
            )

    async def _users(self, mail_id: str, own: Sequence[_Found], trail: Trail) -> set[str]:
        """Return the users who may have had to do with the mail."""
        users = {copy.user_id for copy in trail.copies if copy.mail_id == mail_id}
        recipients: set[str] = set()
        for one in own:
            users.add(one.known.user_id)
            recipients.update(one.known.recipients)
            if one.known.event == "mail.quarantined/1":
                users.add(QUARANTINE_USER)
        for recipient in sorted(recipients):
            targets = (await self._directory.resolve(recipient)).targets
            users |= {target.user_id for target in targets}
        return users - {""}

    async def _add_dead_letters(self, trail: Trail) -> None:
        letters = await self._dead_letters.list(include_settled=True, limit=MOST_DEAD_LETTERS)
        if len(letters) == MOST_DEAD_LETTERS:
            trail.incomplete.append(f"only the newest {MOST_DEAD_LETTERS:,} dead letters are read")
        wanted = {*trail.mail_ids, *(copy.email_id for copy in trail.copies)}
        for letter in reversed(letters):
            known = _read(letter.value)
            about = {letter.key, known.mail_id, known.email_id, *known.email_ids}
            if not about.isdisjoint(wanted):
                trail.dead_letters.append(letter)

    def _in_order(self, found: Sequence[_Found]) -> list[TrailEvent]:
        """Return them in order of time, and what was written in one moment by cause."""
        named = [(one.record.event_id, one.known.event) for one in found]
        came_of = causes(named, self._topology)
        depth = depths(named, came_of)
        ordered = sorted(
            found,
            key=lambda one: (
                one.record.appended_at,
                depth[one.record.event_id],
                one.record.topic,
                one.record.offset,
            ),
        )
        return [_event(one, *came_of.get(one.record.event_id, ("", ""))) for one in ordered]


def _follow(known: _Known, mail_id: str, trail: Trail) -> None:
    """Add the ids of mails that come of this one, and of that which it came of."""
    derived = [known.sent_id, known.released.mail_id if known.released is not None else ""]
    if known.event == "mail.quarantined/1":
        derived.append(released_id(mail_id))
    if known.event == "mail.submitted/1" and known.submitted_at is not None:
        derived.append(ids.local_id(known.submitted_at, mail_id))
    for each in derived:
        if each and each not in trail.mail_ids and len(trail.mail_ids) < MOST_MAILS:
            trail.mail_ids.append(each)


def _destinations(own: Sequence[_Found]) -> set[str]:
    found: set[str] = set()
    for one in own:
        if one.known.event == "mail.outgoing/1":
            for recipient in one.known.recipients:
                try:
                    found.add(parse(recipient).domain)
                except ValueError:
                    continue
    return found


def _read(value: bytes) -> _Known:
    try:
        return _known.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Known()


def _event(one: _Found, came_of: str, written_by: str) -> TrailEvent:
    record = one.record
    fields: dict[str, object] = {}
    if one.known.event:
        decoded = msgspec.json.decode(record.value, type=dict[str, object])
        fields = {name: value for name, value in decoded.items() if name not in _LARGE}
    return TrailEvent(
        at=record.appended_at,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        event_id=record.event_id,
        tag=one.known.event,
        mail_id=one.mail_id,
        written_by=written_by,
        came_of=came_of,
        is_replay=FOR_STAGE in record.headers,
        fields=fields,
    )
