"""Sessions in `directory.db`, beside the users whose they are."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from connectors import refresh_tokens
from connectors.refresh_tokens import Presented
from connectors.session_terms import begun, narrowed
from connectors.sqlite import session_rows as rows
from connectors.sqlite.database import Database
from connectors.sqlite.session_rows import Kept
from connectors.tokens import hash_of, new_token
from topologies.ports.clock import Clock
from topologies.ports.sessions import Granted, Scope, SignedIn

T = TypeVar("T")


class SqliteSessions:
    """The sessions of one deployment."""

    def __init__(self, database: Database, clock: Clock, forget: Callable[[], None]) -> None:
        """Use *database*, the directory's; whoever opened it closes it.

        Args:
            database: Opened with the directory's migrations.
            clock: Tells when sessions begin and expire.
            forget: Lets the directory forget what it looked up a moment ago.
        """
        self._database = database
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
        now = self._clock.now()
        told = begun(client, scopes, now, refresh or access)
        family, secret = refresh_tokens.first(now) if refresh else (None, b"")
        text = (
            refresh_tokens.text_of(user_id, told.session_id, secret, family.salt) if family else ""
        )

        def work(connection: sqlite3.Connection) -> Granted | None:
            if not rows.begin(connection, user_id, Kept(told, family), now):
                return None
            return _granted(connection, user_id, told.session_id, scopes, now + access, text)

        return await self._database.write(work)

    async def refresh(
        self,
        token: str,
        *,
        access: timedelta,
        refresh: timedelta,
        scopes: frozenset[Scope] | None = None,
    ) -> Granted | None:
        shown = refresh_tokens.read(token)
        if shown is None or not self._is_there(shown):
            return None
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> Granted | None:
            kept = rows.one(connection, shown.user_id, shown.session_id)
            if kept is None or kept.family is None or kept.told.expires_at <= now:
                return None
            verdict = refresh_tokens.judge(shown, kept.family, now)
            if verdict == "reused":
                rows.end(connection, shown.user_id, shown.session_id)
            if verdict not in ("turn", "again"):
                return None
            granted = narrowed(scopes, kept.told)
            if verdict == "turn":
                told = replace(kept.told, seen_on=now.date(), expires_at=now + refresh)
                rows.turn(connection, told, refresh_tokens.turned(kept.family, shown.secret, now))
            text = refresh_tokens.successor(shown, kept.family.salt)
            return _granted(
                connection, shown.user_id, shown.session_id, granted, now + access, text
            )

        return await self._write(work)

    async def of(self, user_id: str) -> Sequence[SignedIn]:
        now = self._clock.now()
        kept = self._database.read_now(lambda c: rows.of(c, user_id))
        return [each.told for each in kept if each.told.expires_at > now]

    async def end(self, user_id: str, session_id: str) -> bool:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> bool:
            kept = rows.one(connection, user_id, session_id)
            rows.end(connection, user_id, session_id)
            return kept is not None and kept.told.expires_at > now

        return await self._write(work)

    async def revoke(self, token: str) -> None:
        hashed, shown = hash_of(token), refresh_tokens.read(token)
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            if hashed is not None:
                rows.end_of_token(connection, hashed)
            elif shown is not None:
                kept = rows.one(connection, shown.user_id, shown.session_id)
                if kept is None or kept.family is None:
                    return
                if refresh_tokens.judge(shown, kept.family, now) != "foreign":
                    rows.end(connection, shown.user_id, shown.session_id)

        if hashed is not None or (shown is not None and self._is_there(shown)):
            await self._write(work)

    async def see(self, session_id: str) -> None:
        """Note that a session was seen today."""
        today = self._clock.now().date()
        await self._database.write(lambda c: rows.see(c, session_id, today))

    def _is_there(self, shown: Presented) -> bool:
        """Tell whether a session is known: what is made up is not worth a place in the queue."""
        found = self._database.read_now(lambda c: rows.one(c, shown.user_id, shown.session_id))
        return found is not None

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.write(work)
        finally:  # also when it was cancelled, since then it may be written all the same
            self._forget()


def _granted(
    connection: sqlite3.Connection,
    user_id: str,
    session_id: str,
    scopes: frozenset[Scope],
    expires_at: datetime,
    refresh_token: str,
) -> Granted:
    token = new_token()
    if hashed := hash_of(token):
        rows.add_token(connection, hashed, user_id, session_id, scopes, expires_at)
    return Granted(
        session_id=session_id,
        access_token=token,
        expires_at=expires_at,
        refresh_token=refresh_token,
        scopes=scopes,
    )
