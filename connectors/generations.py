"""Mailboxes that can be made anew, on any store of mailboxes: a user's next one has another key.

Reads and writes the mailboxes of another ``Mailboxes``, where those from the second on are kept
under ``user~number``. One that was replaced holds a folder that nobody sees, whose name is the
number of the one that took its place: it is found on the way, so that ``store`` needs no
look-up of its own, and a worker that has yet to hear of it can't go on writing to the old one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from connectors.recent import Recent
from topologies.errors import Poison, Retryable
from topologies.events.mailbox import CommandAnswered, MailboxChanged
from topologies.mail import ids
from topologies.ports.clock import Clock
from topologies.ports.mailboxes import (
    ERASED_AT_ONCE,
    Changes,
    Effects,
    Email,
    Folder,
    Label,
    Loaded,
    LoadedForSeveral,
    Mailbox,
    Mailboxes,
    Needs,
    Page,
    Summary,
)

SUCCESSOR = "successor"  # the folder that leads on; others have UUIDs, or the names of system ones
ASK_AGAIN_S = 1.0

_MARK = "~"


class MailboxGenerations:
    """The mailboxes in use."""

    def __init__(self, mailboxes: Mailboxes, clock: Clock) -> None:
        """Keep them in *mailboxes*, which is opened and closed by its owner."""
        self._mailboxes = mailboxes
        self._clock = clock
        self._numbers: dict[str, int] = {}  # by user, of mailboxes after the first; they only grow
        self._looked: Recent[str, bool] = Recent(clock)  # users whose number is fresh
        self._switching: dict[str, int] = {}  # what was loaded to take a mailbox's place

    # --- for whoever rebuilds -------------------------------------------------------

    async def generation(self, user_id: str) -> int:
        self._looked.forget(user_id)
        return await self._number(user_id)

    def numbered(self, generations: Mapping[str, int]) -> Mailboxes:
        return _Numbered(self._mailboxes, self._clock, generations)

    async def fill(self, user_id: str, generation: int, command_id: str) -> None:
        key, filled = _key(user_id, generation), _filled(command_id)
        loaded = await self._mailboxes.load(key, Needs(command_id=filled))
        if loaded.answered is not None:
            return
        seq = loaded.mailbox.seq
        told = CommandAnswered(user_id=user_id, command_id=filled, status="done", seq=seq)
        await self._mailboxes.write(
            Effects(mailbox=loaded.mailbox, command_id=filled, events=(told,))
        )

    # --- for the stage `store` ------------------------------------------------------

    async def load(self, user_id: str, needs: Needs) -> Loaded:
        if needs.generation:
            return await self._load_next(user_id, needs)
        while True:
            number = self._numbers.get(user_id, 0)
            loaded = await self._mailboxes.load(_key(user_id, number), needs)
            # What was answered before is so in each mailbox that followed.
            if loaded.answered is not None or not self._follow(user_id, loaded.folders.values()):
                self._switching.pop(user_id, None)
                return _for(user_id, loaded)

    async def write(self, effects: Effects) -> None:
        user_id = effects.mailbox.user_id
        if (number := self._switching.pop(user_id, 0)) == 0:
            return await self._mailboxes.write(
                _to(_key(user_id, self._numbers.get(user_id, 0)), effects)
            )
        await self._mailboxes.write(_to(_key(user_id, number), effects))
        await self._close(user_id, number, effects.events)
        return None

    async def load_for_several(self, user_id: str, needs: Sequence[Needs]) -> LoadedForSeveral:
        while True:
            key = _key(user_id, self._numbers.get(user_id, 0))
            several = await self._mailboxes.load_for_several(key, needs)
            if not self._follow(user_id, several.loaded.folders.values()):
                self._switching.pop(user_id, None)
                return replace(several, loaded=_for(user_id, several.loaded))

    async def write_several(self, effects: Sequence[Effects]) -> None:
        # ``UseMailbox`` is never among several.
        user_id = effects[0].mailbox.user_id
        key = _key(user_id, self._numbers.get(user_id, 0))
        await self._mailboxes.write_several([_to(key, each) for each in effects])

    async def erase(self, user_id: str, limit: int = ERASED_AT_ONCE) -> bool:
        # Those that were replaced come last: they lead on to the one in use.
        for number in range(await self.generation(user_id), -1, -1):
            if await self._mailboxes.erase(_key(user_id, number), limit):
                return True
        return False

    async def _load_next(self, user_id: str, needs: Needs) -> Loaded:
        """Load what a mailbox holds that is to take the place of the one in use."""
        number, key = needs.generation, _key(user_id, needs.generation)
        loaded = await self._mailboxes.load(key, needs)
        if loaded.answered is not None:
            await self._close(user_id, number, loaded.answered)  # unless it was, before a crash
            return _for(user_id, loaded)
        filled = await self._mailboxes.load(key, Needs(command_id=_filled(needs.command_id)))
        if filled.answered is None:
            raise Retryable(f"mailbox {number} is not filled yet", after_s=ASK_AGAIN_S)
        in_use = await self.mailbox(user_id)
        if in_use.seq > loaded.mailbox.seq:
            raise Poison(
                f"mailbox {number} ends at change {loaded.mailbox.seq}, the one in use at"
                f" {in_use.seq}: the log no longer holds its beginning"
            )
        self._switching[user_id] = number
        return _for(user_id, loaded)

    async def _close(
        self, user_id: str, number: int, events: Sequence[MailboxChanged | CommandAnswered]
    ) -> None:
        """Let the mailbox in use lead on to the one with *number*, from here on."""
        in_use = await self.generation(user_id)
        if in_use >= number:
            return
        key = _key(user_id, in_use)
        [change] = [event for event in events if isinstance(event, MailboxChanged)]
        close = Needs(command_id=ids.command_id("close", change.command_id))
        loaded = await self._mailboxes.load(key, close)
        mailbox = replace(loaded.mailbox, seq=loaded.mailbox.seq + 1)
        leads_on = Folder(folder_id=SUCCESSOR, name=str(number), is_system=False, is_deleting=True)
        # Told to nobody: what is told is the change in the mailbox that takes its place.
        told = MailboxChanged(
            user_id=user_id,
            seq=mailbox.seq,
            command_id=close.command_id,
            changed_at=change.changed_at,
            kind="mailbox.rebuilt",
        )
        await self._mailboxes.write(
            Effects(
                mailbox=mailbox, command_id=close.command_id, folders=(leads_on,), events=(told,)
            )
        )
        self._numbers[user_id] = number

    # --- for whoever reads ----------------------------------------------------------

    async def mailbox(self, user_id: str) -> Mailbox:
        return replace(await self._mailboxes.mailbox(await self._in_use(user_id)), user_id=user_id)

    async def folders(self, user_id: str) -> Sequence[Folder]:
        return await self._mailboxes.folders(await self._in_use(user_id))

    async def page(
        self,
        user_id: str,
        folder_id: str,
        *,
        limit: int = 50,
        offset: int = 0,
        cursor: str | None = None,
        is_read: bool | None = None,
    ) -> Page | None:
        if cursor is None:
            # First pages are cached by others until they hear of a change: so never an old one.
            self._looked.forget(user_id)
        return await self._mailboxes.page(
            await self._in_use(user_id),
            folder_id,
            limit=limit,
            offset=offset,
            cursor=cursor,
            is_read=is_read,
        )

    async def labels(self, user_id: str) -> Sequence[Label]:
        return await self._mailboxes.labels(await self._in_use(user_id))

    async def labelled(
        self,
        user_id: str,
        label_id: str,
        *,
        limit: int = 50,
        offset: int = 0,
        cursor: str | None = None,
        is_read: bool | None = None,
    ) -> Page | None:
        return await self._mailboxes.labelled(
            await self._in_use(user_id),
            label_id,
            limit=limit,
            offset=offset,
            cursor=cursor,
            is_read=is_read,
        )

    async def email(self, user_id: str, email_id: str, *, or_deleted: bool = False) -> Email | None:
        key = await self._in_use(user_id)
        return await self._mailboxes.email(key, email_id, or_deleted=or_deleted)

    async def summaries(self, user_id: str, email_ids: Sequence[str]) -> Sequence[Summary]:
        return await self._mailboxes.summaries(await self._in_use(user_id), email_ids)

    async def thread(self, user_id: str, thread_id: str) -> Sequence[Summary]:
        return await self._mailboxes.thread(await self._in_use(user_id), thread_id)

    async def threads(self, user_id: str, thread_ids: Sequence[str]) -> Sequence[Sequence[Summary]]:
        return await self._mailboxes.threads(await self._in_use(user_id), thread_ids)

    async def changes(self, user_id: str, since: int, limit: int = 100) -> Changes:
        return await self._mailboxes.changes(await self._in_use(user_id), since, limit)

    async def usage(self, user_id: str) -> int:
        return await self._mailboxes.usage(await self._in_use(user_id))

    async def remains(self, user_id: str) -> int:
        number = await self.generation(user_id)
        keys = [_key(user_id, each) for each in range(number + 1)]
        return sum([await self._mailboxes.remains(key) for key in keys])

    async def places(self, mail_id: str) -> Sequence[tuple[str, str]]:
        places: list[tuple[str, str]] = []
        for key, email_id in await self._mailboxes.places(mail_id):
            user_id, _, number = key.partition(_MARK)
            if await self._number(user_id) == int(number or 0):
                places.append((user_id, email_id))
        return places

    async def _in_use(self, user_id: str) -> str:
        return _key(user_id, await self._number(user_id))

    async def _number(self, user_id: str) -> int:
        while not self._looked.get(user_id):
            key = _key(user_id, self._numbers.get(user_id, 0))
            if not self._follow(user_id, await self._mailboxes.folders(key)):
                self._looked.put(user_id, value=True)
        return self._numbers.get(user_id, 0)

    def _follow(self, user_id: str, folders: Iterable[Folder]) -> bool:
        """Take note of the mailbox that *folders* lead on to; return whether they do."""
        for folder in folders:
            if folder.folder_id == SUCCESSOR:
                self._numbers[user_id] = int(folder.name)
                return True
        return False


class _Numbered(MailboxGenerations):
    """Mailboxes by their numbers, whichever are in use."""

    def __init__(self, mailboxes: Mailboxes, clock: Clock, generations: Mapping[str, int]) -> None:
        super().__init__(mailboxes, clock)
        self._generations = generations

    async def load(self, user_id: str, needs: Needs) -> Loaded:
        # `UseMailbox` of an earlier time is a change like others in what is made from the log.
        return _for(user_id, await self._mailboxes.load(await self._in_use(user_id), needs))

    async def write(self, effects: Effects) -> None:
        key = await self._in_use(effects.mailbox.user_id)
        await self._mailboxes.write(_to(key, effects))

    async def load_for_several(self, user_id: str, needs: Sequence[Needs]) -> LoadedForSeveral:
        several = await self._mailboxes.load_for_several(await self._in_use(user_id), needs)
        return replace(several, loaded=_for(user_id, several.loaded))

    async def write_several(self, effects: Sequence[Effects]) -> None:
        key = await self._in_use(effects[0].mailbox.user_id)
        await self._mailboxes.write_several([_to(key, each) for each in effects])

    async def erase(self, user_id: str, limit: int = ERASED_AT_ONCE) -> bool:
        return await self._mailboxes.erase(await self._in_use(user_id), limit)

    async def remains(self, user_id: str) -> int:
        return await self._mailboxes.remains(await self._in_use(user_id))

    async def _number(self, user_id: str) -> int:
        return self._generations[user_id]


def _key(user_id: str, number: int) -> str:
    return f"{user_id}{_MARK}{number}" if number else user_id


def _filled(command_id: str) -> str:
    return ids.command_id("filled", command_id)


def _for(user_id: str, loaded: Loaded) -> Loaded:
    return replace(loaded, mailbox=replace(loaded.mailbox, user_id=user_id))


def _to(key: str, effects: Effects) -> Effects:
    return replace(effects, mailbox=replace(effects.mailbox, user_id=key))
