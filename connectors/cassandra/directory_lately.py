"""Users and sessions that were looked up a moment ago, so that each request costs no questions.

An answer that was on its way when something changed here is told, and not kept.
"""

from contextlib import suppress
from dataclasses import replace

from connectors.cassandra.directory_users import Kept, Token, Users
from connectors.cassandra.session_rows import Kept as KeptSession
from connectors.cassandra.sessions import CassandraSessions
from connectors.recent import Recent
from connectors.tokens import hash_of
from topologies.errors import Retryable
from topologies.ports.clock import Clock
from topologies.ports.directory import Session


class Lately:
    """What is known of users and their sessions."""

    def __init__(self, accounts: Users, sessions: CassandraSessions, clock: Clock) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._clock = clock
        self._kept: Recent[str, Kept] = Recent(clock)
        self._tokens: Recent[bytes, Token] = Recent(clock)
        self._signed_in: Recent[str, KeptSession] = Recent(clock)
        self._changes = 0

    def forget(self) -> None:
        """Forget all answers, also those that are on their way."""
        self._changes += 1
        for cache in (self._kept, self._tokens, self._signed_in):
            cache.clear()

    async def user(self, user_id: str) -> Kept | None:
        """Return the user, or None."""
        kept = self._kept.get(user_id)
        if kept is None:
            changes, now = self._changes, self._clock.now()
            kept = await self._accounts.get(user_id)
            if kept is not None and changes == self._changes:
                self._kept.put(user_id, kept, now)
        return kept

    async def session(self, token: str) -> Session | None:
        """Return what *token* stands for; as ``Directory.session``."""
        entry = await self._token(token)
        if entry is None or entry.expires_at <= self._clock.now():
            return None
        kept = await self.user(entry.user_id)
        if kept is None or kept.user.is_suspended:
            return None
        session = Session(
            user=kept.user,
            scopes=entry.scopes,
            expires_at=entry.expires_at,
            session_id=entry.session_id,
        )
        if not entry.session_id:
            return session if kept.sign_ins == entry.sign_ins else None
        row = await self._session(entry.user_id, entry.session_id)
        if row is None or row.sign_ins != kept.sign_ins:
            return None
        return replace(session, seen_on=row.told.seen_on)

    async def _token(self, token: str) -> Token | None:
        if (hashed := hash_of(token)) is None:
            return None
        entry = self._tokens.get(hashed)
        if entry is None:
            changes, now = self._changes, self._clock.now()
            entry = await self._accounts.token(hashed)
            if entry is not None and changes == self._changes:
                self._tokens.put(hashed, entry, now)
        return entry

    async def _session(self, user_id: str, session_id: str) -> KeptSession | None:
        """Return what is kept of a session, and note once a day that it was seen."""
        row = self._signed_in.get(session_id)
        if row is None:
            changes, now = self._changes, self._clock.now()
            row = await self._sessions.kept(user_id, session_id)
            if row is None or row.told.expires_at <= now:
                return None
            if row.told.seen_on != now.date():
                with suppress(Retryable):  # what is told of sessions keeps nobody from their mail
                    await self._sessions.see(user_id, row)
                row = replace(row, told=replace(row.told, seen_on=now.date()))
            if changes == self._changes:
                self._signed_in.put(session_id, row, now)
        return row
