"""Sessions in Cassandra: who is signed in, beside the users whose they are.

What ends all sessions of a user is one write to the user (``directory_users``); what ends one is
one write to its row. Tokens that are left then open nothing, and expire.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from connectors import refresh_tokens
from connectors.cassandra.directory_users import Token, Users
from connectors.cassandra.session import CassandraSession
from connectors.cassandra.session_rows import Kept, SessionRows
from connectors.refresh_tokens import Presented
from connectors.session_terms import begun, narrowed
from connectors.tokens import hash_of, new_token
from topologies.errors import Retryable
from topologies.ports.clock import Clock
from topologies.ports.sessions import (
    MOST_OF_USER,
    Granted,
    Scope,
    SignedIn,
)

TRIES = 5  # of a turn while others turn the same


class CassandraSessions:
    """The sessions of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock, forget: Callable[[], None]) -> None:
        """Use *session*, the directory's.

        Args:
            session: On a keyspace with all tables; whoever opened it closes it.
            clock: Tells when sessions begin and expire.
            forget: Lets the directory forget what it looked up a moment ago.
        """
        self._users = Users(session)
        self._rows = SessionRows(session)
        self._clock = clock
        self._forget = forget

    async def begin(
        self,
        user_id: str,
        scopes: frozenset[Scope],
        *,
        client: str,
        access: timedelta,
        refresh: timedelta | None = None,
    ) -> Granted | None:
        user = await self._users.get(user_id)
        if user is None or user.user.is_suspended:
            return None
        now = self._clock.now()
        told = begun(client, scopes, now, refresh or access)
        # Two at once may make one too many, which does no harm.
        kept = await self._rows.of(user_id)
        for old in kept[: max(0, len(kept) + 1 - MOST_OF_USER)]:
            await self._rows.end(user_id, old.told.session_id)
        family, secret = refresh_tokens.first(now) if refresh else (None, b"")
        # Who is suspended meanwhile has other sign_ins then, and this is worth nothing.
        await self._rows.begin(user_id, Kept(told, family, user.sign_ins), now)
        text = (
            refresh_tokens.text_of(user_id, told.session_id, secret, family.salt) if family else ""
        )
        return await self._granted(user_id, told.session_id, scopes, now + access, text)

    async def refresh(
        self,
        token: str,
        *,
        access: timedelta,
        refresh: timedelta,
        scopes: frozenset[Scope] | None = None,
    ) -> Granted | None:
        shown = refresh_tokens.read(token)
        for _ in range(TRIES):
            kept = await self._worth_something(shown) if shown else None
            if shown is None or kept is None or kept.family is None:
                return None
            now = self._clock.now()
            verdict = refresh_tokens.judge(shown, kept.family, now)
            if verdict == "reused":
                await self.end(shown.user_id, shown.session_id)
            if verdict not in ("turn", "again"):
                return None
            granted = narrowed(scopes, kept.told)
            if verdict == "turn":
                told = replace(kept.told, seen_on=now.date(), expires_at=now + refresh)
                family = refresh_tokens.turned(kept.family, shown.secret, now)
                after = replace(kept, told=told, family=family)
                if not await self._rows.turn(shown.user_id, kept, after, now):
                    continue  # somebody was faster, maybe the driver that asked twice
            text = refresh_tokens.successor(shown, kept.family.salt)
            return await self._granted(shown.user_id, shown.session_id, granted, now + access, text)
        raise Retryable("the session is being changed by others")

    async def of(self, user_id: str) -> Sequence[SignedIn]:
        if (user := await self._users.get(user_id)) is None:
            return []
        now = self._clock.now()
        return [
            kept.told
            for kept in await self._rows.of(user_id)
            if kept.sign_ins == user.sign_ins and kept.told.expires_at > now
        ]

    async def end(self, user_id: str, session_id: str) -> bool:
        is_there = any(told.session_id == session_id for told in await self.of(user_id))
        try:
            await self._rows.end(user_id, session_id)
        finally:
            self._forget()
        return is_there

    async def revoke(self, token: str) -> None:
        if hashed := hash_of(token):
            entry = await self._users.token(hashed)
            if entry is not None and entry.session_id:
                await self.end(entry.user_id, entry.session_id)
            try:
                await self._users.end_token(hashed)
            finally:
                self._forget()
        elif shown := refresh_tokens.read(token):
            kept = await self._rows.one(shown.user_id, shown.session_id)
            if kept is None or kept.family is None:
                return
            if refresh_tokens.judge(shown, kept.family, self._clock.now()) != "foreign":
                await self.end(shown.user_id, shown.session_id)

    async def kept(self, user_id: str, session_id: str) -> Kept | None:
        """Return the row of a session, or None."""
        return await self._rows.one(user_id, session_id)

    async def see(self, user_id: str, kept: Kept) -> None:
        """Note that a session was seen today."""
        await self._rows.see(user_id, kept, self._clock.now())

    async def keep(self, user_id: str, session_id: str, before: str, after: str) -> None:
        """Let a session outlive that its user's `sign_ins` were drawn anew."""
        kept = await self._rows.one(user_id, session_id)
        if kept is not None and kept.sign_ins == before:
            await self._rows.keep(user_id, kept, after, self._clock.now())

    async def _worth_something(self, shown: Presented) -> Kept | None:
        """Return the session that a token names, unless it has ended."""
        kept = await self._rows.one(shown.user_id, shown.session_id)
        if kept is None or kept.told.expires_at <= self._clock.now():
            return None
        user = await self._users.get(shown.user_id)
        if user is None or user.user.is_suspended or user.sign_ins != kept.sign_ins:
            return None
        return kept

    async def _granted(
        self,
        user_id: str,
        session_id: str,
        scopes: frozenset[Scope],
        expires_at: datetime,
        refresh_token: str,
    ) -> Granted:
        token = new_token()
        if hashed := hash_of(token):
            entry = Token(user_id, "", scopes, expires_at, session_id)
            await self._users.add_token(hashed, entry, self._clock.now())
        return Granted(
            session_id=session_id,
            access_token=token,
            expires_at=expires_at,
            refresh_token=refresh_token,
            scopes=scopes,
        )
