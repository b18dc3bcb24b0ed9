"""Listings by cache: the newest 50 of a folder, for ten minutes, before any store of mailboxes.

Reads and writes `list:{user}:{folder}`: a page, or the claim of who is just reading it. Whoever
finds nothing leaves a claim, reads the store, and writes the page only if its claim is still
there. Who changes a mailbox deletes page and claim once the change is durable and before anybody
is told of it. So a page that was read before a change is never written after it, also when
Redis has lost all it held in between, and what is answered is what is shown.

Without Redis every listing is read from the store. A deletion that Redis did not take is made
up for as soon as it is back, before anybody reads listings there again; what a process could
not make up for before it was killed, or without Redis being away for those who read, is shown
for ten minutes at most.
"""

import secrets
from collections.abc import Sequence

import msgspec
import structlog

from connectors.redis.client import RedisClient
from topologies.errors import Retryable
from topologies.events import SYSTEM_FOLDERS, MailboxChanged
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

CACHED = 50  # mails of a page; other lengths are read from the store
LIVES_S = 600
CLAIM_S = 10  # longer than a store takes to read a page
TRUSTED_AFTER_S = 5.0  # of an outage, in which all who write make up for what Redis did not take
MOST_PENDING = 100_000  # listings to be deleted once Redis is back

_CLAIM = b"?"  # a claim begins with it, and no page does
# list:… | the claim, CLAIM_S → the page; "" if the claim is ours; nil if it is another's
_READ = """
local found = redis.call('GET', KEYS[1])
if not found then
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
    return ''
end
if string.byte(found) == 63 then return false end
return found
"""
# list:… | the claim, the page, LIVES_S
_WRITE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
"""
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Page)
_logger = structlog.get_logger("listings")


class CachedListings:
    """A ``Mailboxes`` that asks another, and knows the newest pages itself."""

    def __init__(self, mailboxes: Mailboxes, client: RedisClient) -> None:
        """Cache for *mailboxes*; both are opened and closed by their owner.

        All who write these mailboxes, and all who read them by this cache, have one of these.
        """
        self._mailboxes = mailboxes
        self._client = client
        self._pending: dict[str, None] = {}  # keys to be deleted
        client.when_back(self._make_up)

    # --- for the stage `store` ------------------------------------------------------

    async def load(self, user_id: str, needs: Needs) -> Loaded:
        loaded = await self._mailboxes.load(user_id, needs)
        if loaded.answered is not None:
            # Whoever wrote it may have been killed before it deleted the listings.
            told = [event for event in loaded.answered if isinstance(event, MailboxChanged)]
            await self._forget(user_id, await self._all_folders(user_id) | _named_in(told))
        return loaded

    async def write(self, effects: Effects) -> None:
        await self._mailboxes.write(effects)
        user_id = effects.mailbox.user_id
        await self._forget(user_id, await self._touched(effects))

    async def load_for_several(self, user_id: str, needs: Sequence[Needs]) -> LoadedForSeveral:
        found = await self._mailboxes.load_for_several(user_id, needs)
        if found.answers:
            told = [e for answer in found.answers.values() for e in answer]
            changes = [event for event in told if isinstance(event, MailboxChanged)]
            await self._forget(user_id, await self._all_folders(user_id) | _named_in(changes))
        return found

    async def write_several(self, effects: Sequence[Effects]) -> None:
        await self._mailboxes.write_several(effects)
        touched = [await self._touched(each) for each in effects]
        await self._forget(effects[0].mailbox.user_id, set[str]().union(*touched))

    async def erase(self, user_id: str, limit: int = ERASED_AT_ONCE) -> bool:
        folder_ids = await self._all_folders(user_id)
        try:
            return await self._mailboxes.erase(user_id, limit)
        finally:
            await self._forget(user_id, folder_ids)

    # --- for whoever reads ----------------------------------------------------------

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
        if (limit, offset, cursor, is_read) == (CACHED, 0, None, None):
            return await self._newest(user_id, folder_id)
        return await self._mailboxes.page(
            user_id, folder_id, limit=limit, offset=offset, cursor=cursor, is_read=is_read
        )

    async def mailbox(self, user_id: str) -> Mailbox:
        return await self._mailboxes.mailbox(user_id)

    async def folders(self, user_id: str) -> Sequence[Folder]:
        return await self._mailboxes.folders(user_id)

    async def labels(self, user_id: str) -> Sequence[Label]:
        return await self._mailboxes.labels(user_id)

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
            user_id, label_id, limit=limit, offset=offset, cursor=cursor, is_read=is_read
        )

    async def email(self, user_id: str, email_id: str, *, or_deleted: bool = False) -> Email | None:
        return await self._mailboxes.email(user_id, email_id, or_deleted=or_deleted)

    async def summaries(self, user_id: str, email_ids: Sequence[str]) -> Sequence[Summary]:
        return await self._mailboxes.summaries(user_id, email_ids)

    async def thread(self, user_id: str, thread_id: str) -> Sequence[Summary]:
        return await self._mailboxes.thread(user_id, thread_id)

    async def threads(self, user_id: str, thread_ids: Sequence[str]) -> Sequence[Sequence[Summary]]:
        return await self._mailboxes.threads(user_id, thread_ids)

    async def changes(self, user_id: str, since: int, limit: int = 100) -> Changes:
        return await self._mailboxes.changes(user_id, since, limit)

    async def usage(self, user_id: str) -> int:
        return await self._mailboxes.usage(user_id)

    async def remains(self, user_id: str) -> int:
        return await self._mailboxes.remains(user_id)

    async def places(self, mail_id: str) -> Sequence[tuple[str, str]]:
        return await self._mailboxes.places(mail_id)

    async def _newest(self, user_id: str, folder_id: str) -> Page | None:
        key, claim = _key(user_id, folder_id), _CLAIM + secrets.token_bytes(16)
        found = await self._found(key, claim)
        if found:
            try:
                return _decoder.decode(found)
            except msgspec.DecodeError as error:
                _logger.warning("listing.undecodable", reason=str(error))  # of another version
        page = await self._mailboxes.page(user_id, folder_id, limit=CACHED)
        if found == b"" and page is not None:
            await self._keep(key, claim, page)
        return page

    async def _found(self, key: str, claim: bytes) -> bytes | None:
        """Return the page; b"" if we are to write it; None if we are to leave it alone."""
        if key in self._pending or self._client.up_for_s < TRUSTED_AFTER_S:
            return None
        try:
            return await self._client.call("EVAL", _READ, 1, key, claim, CLAIM_S)
        except Retryable:
            return None

    async def _keep(self, key: str, claim: bytes, page: Page) -> None:
        try:
            await self._client.call("EVAL", _WRITE, 1, key, claim, _encoder.encode(page), LIVES_S)
        except Retryable as error:
            _logger.debug("listing.not-kept", reason=str(error))

    async def _forget(self, user_id: str, folder_ids: set[str]) -> None:
        keys = [_key(user_id, folder_id) for folder_id in sorted(folder_ids)]
        if not keys:
            return
        try:
            await self._client.call("DEL", *keys)
        except Retryable as error:
            _logger.debug("listing.not-deleted", reason=str(error))
            self._pending |= dict.fromkeys(keys)
            while len(self._pending) > MOST_PENDING:
                del self._pending[next(iter(self._pending))]

    async def _make_up(self) -> None:
        """Delete what Redis did not take."""
        keys = list(self._pending)
        for at in range(0, len(keys), 500):
            group = keys[at : at + 500]
            await self._client.call("DEL", *group)
            for key in group:
                self._pending.pop(key, None)

    async def _touched(self, effects: Effects) -> set[str]:
        """Return the folders whose listings *effects* may show in."""
        is_new = any(
            isinstance(event, MailboxChanged) and event.kind == "mailbox.rebuilt"
            for event in effects.events
        )
        if effects.merged or is_new:  # mails of any folder may be of another thread now
            return await self._all_folders(effects.mailbox.user_id) | set(effects.removed_folders)
        changes = [event for event in effects.events if isinstance(event, MailboxChanged)]
        return (
            {email.summary.folder_id for email in effects.added}
            | {mail.folder_id for mail in effects.updated}
            | {folder.folder_id for folder in effects.folders}
            | set(effects.removed_folders)
            | _named_in(changes)
        )

    async def _all_folders(self, user_id: str) -> set[str]:
        folders = await self._mailboxes.folders(user_id)
        return {folder.folder_id for folder in folders} | set(SYSTEM_FOLDERS)


def _key(user_id: str, folder_id: str) -> str:
    return f"list:{user_id}:{folder_id}"


def _named_in(changes: Sequence[MailboxChanged]) -> set[str]:
    named = {change.folder_id for change in changes} | {c.from_folder_id for c in changes}
    return named - {""}
