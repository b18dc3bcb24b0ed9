"""Rebuild of mailboxes: made anew from the log beside those in use, which they then replace.

Reads `mailbox.commands` from its beginning and applies each command to a mailbox with the
next number; mail flows meanwhile. Then it writes ``UseMailbox``, fills up what was commanded
before that, and the stage ``store`` puts the new mailbox in the old one's place at exactly that
point of the log: nothing is applied twice or left out. Whatever is cut off can be begun anew.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from topologies.engines.handling import decode
from topologies.errors import Poison, Retryable
from topologies.events import DELETED, Command, DeleteEmails, UseMailbox
from topologies.mail import ids
from topologies.mailbox.store import store, store_several
from topologies.ports.clock import Clock
from topologies.ports.generations import Generations
from topologies.ports.log import EventLog, LogReader, Record
from topologies.ports.mailboxes import MAX_PAGE, Mailboxes
from topologies.stage import declared_by
from topologies.topics import topic_of

LOOK_EVERY_S = 0.2
HELD = 500  # commands that are read before they are applied, each user's together
AT_ONCE = 20  # mailboxes that are replaced beside each other

_TOPIC = topic_of(UseMailbox).name


@dataclass(slots=True, kw_only=True)
class RebuiltMailboxes:
    """What was done.

    Attributes:
        commands: Applied.
        rebuilt: Users whose mailbox was replaced.
        beyond_the_log: Users whose mailbox is older than what the log still holds.
        not_switched: Users whose mailbox was filled, and `store` did not take it in time.
    """

    commands: int = 0
    rebuilt: list[str] = field(default_factory=list[str])
    beyond_the_log: list[str] = field(default_factory=list[str])
    not_switched: list[str] = field(default_factory=list[str])


async def rebuild_mailboxes(
    reader: LogReader,
    log: EventLog,
    mailboxes: Generations,
    clock: Clock,
    *,
    users: Collection[str] | None,
    rebuilt: RebuiltMailboxes,
    timeout_s: float,
) -> AsyncGenerator[int]:
    """Make mailboxes anew and put them in the old ones' place; yield how many commands are done.

    Args:
        reader: The log.
        log: Where ``UseMailbox`` is written.
        mailboxes: Those in use, and those beside.
        clock: What time it is.
        users: Whose; None: all whom the log knows.
        rebuilt: Where it is told what was done.
        timeout_s: How long to wait for the stage `store`.

    Raises:
        Retryable: A store is out of reach. Begin anew: what was done is not done twice.
    """
    filling = _Filling(mailboxes, users)
    async for _ in filling.read(reader):
        yield filling.commands
    # What is in use is looked at first: all that made it what it is then is in the log by then.
    in_use = {user_id: (await mailboxes.mailbox(user_id)).seq for user_id in filling.numbers}
    async for _ in filling.read(reader):
        yield filling.commands
    filled: list[str] = []
    for user_id, seq in in_use.items():
        is_whole = (await filling.beside(user_id).mailbox(user_id)).seq >= seq
        (filled if is_whole else rebuilt.beyond_the_log).append(user_id)
    for start in range(0, len(filled), AT_ONCE):
        some = filled[start : start + AT_ONCE]
        await filling.end(some, reader, log, clock, timeout_s)
        for user_id in some:
            number = filling.numbers[user_id]
            if await _is_used(mailboxes, user_id, number, timeout_s):
                rebuilt.rebuilt.append(user_id)
                for old in range(number):
                    await _empty(mailboxes.numbered({user_id: old}), user_id, clock)
            else:
                rebuilt.not_switched.append(user_id)
        yield filling.commands
    rebuilt.commands = filling.commands


class _Filling:
    """Mailboxes that are filled from the log."""

    def __init__(self, mailboxes: Generations, users: Collection[str] | None) -> None:
        self.commands = 0
        self.numbers: dict[str, int] = {}  # by user, of the mailbox that is filled
        self._until: set[str] = set()  # ids of the commands that end the filling of their user's
        self._mailboxes = mailboxes
        self._users = users
        self._ended: set[str] = set()  # users whose end was met
        self._next: dict[int, int] = {}  # offset, by partition
        self._waiting: dict[str, list[Command]] = {}  # by user, read and not applied
        self._held = 0  # how many of them

    def beside(self, user_id: str) -> Mailboxes:
        """Return the mailboxes in which that of *user_id* is the one that is filled."""
        return self._mailboxes.numbered({user_id: self.numbers[user_id]})

    async def end(
        self, users: Sequence[str], reader: LogReader, log: EventLog, clock: Clock, timeout_s: float
    ) -> None:
        """Have the mailboxes of *users* replaced, and fill up what is commanded before that.

        Raises:
            Retryable: The log does not show what was written to it in time.
        """
        now = clock.now()
        commands = [
            UseMailbox(
                user_id=user_id,
                command_id=ids.new_id(now),
                issued_at=now,
                generation=self.numbers[user_id],
            )
            for user_id in users
        ]
        self._until = {command.command_id for command in commands}
        await log.append(commands)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            async for _ in self.read(reader):
                pass
            if not self._until:
                break
            if loop.time() > deadline:
                raise Retryable("the log does not show what was written to it")
            await asyncio.sleep(LOOK_EVERY_S)
        for command in commands:
            await self._mailboxes.fill(command.user_id, command.generation, command.command_id)

    async def read(self, reader: LogReader) -> AsyncGenerator[int]:
        """Apply what was written since the last time."""
        offsets = dict(self._next) or None
        async with aclosing(reader.read(_TOPIC, offsets=offsets)) as records:
            async for record in records:
                self._next[record.partition] = record.offset + 1
                if (command := self._wanted(record)) is None:
                    continue
                self._waiting.setdefault(command.user_id, []).append(command)
                self._held += 1
                if self._held >= HELD:
                    await self._apply()
                    yield self.commands
        await self._apply()
        yield self.commands

    def _wanted(self, record: Record) -> Command | None:
        if self._users is not None and record.key not in self._users:
            return None
        try:
            command = decode(declared_by(store), record.value)
        except Poison:
            return None  # it is among the dead letters
        if not isinstance(command, Command) or command.user_id in self._ended:
            return None
        if command.command_id in self._until:
            self._until.discard(command.command_id)
            self._ended.add(command.user_id)
            return None
        return command

    async def _apply(self) -> None:
        waiting, self._waiting, self._held = self._waiting, {}, 0
        for user_id, commands in waiting.items():
            if user_id not in self.numbers:
                self.numbers[user_id] = await self._mailboxes.generation(user_id) + 1
            await store_several(commands, mailboxes=self.beside(user_id))
            self.commands += len(commands)


async def _is_used(mailboxes: Generations, user_id: str, number: int, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            while await mailboxes.generation(user_id) < number:  # noqa: ASYNC110  another process does it
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        return False
    return True


async def _empty(mailboxes: Mailboxes, user_id: str, clock: Clock) -> None:
    """Delete the mails of a mailbox that is used no more."""
    folders = [folder.folder_id for folder in await mailboxes.folders(user_id)]
    for folder_id in (*folders, DELETED):
        while lines := await _some(mailboxes, user_id, folder_id):
            now = clock.now()
            await store(
                DeleteEmails(
                    user_id=user_id,
                    command_id=ids.new_id(now),
                    issued_at=now,
                    email_ids=tuple(lines),
                    permanent=True,
                ),
                mailboxes=mailboxes,
            )


async def _some(mailboxes: Mailboxes, user_id: str, folder_id: str) -> Sequence[str]:
    page = await mailboxes.page(user_id, folder_id, limit=MAX_PAGE)
    return [line.email_id for line in page.emails] if page is not None else ()
