"""Sessions in dicts: for tests, and what the others are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors import refresh_tokens
from connectors.refresh_tokens import Family
from connectors.session_terms import begun, narrowed
from connectors.tokens import hash_of, new_token
from topologies.ports.clock import Clock
from topologies.ports.directory import Session, User
from topologies.ports.sessions import MOST_OF_USER, Granted, Scope, SignedIn


@dataclass(frozen=True, slots=True)
class _Kept:
    user_id: str
    told: SignedIn
    family: Family | None


class MemorySessions:
    """The sessions of one process, gone with it."""

    def __init__(self, clock: Clock, users: Mapping[str, User]) -> None:
        """Sign in *users*, by their ids, which the directory goes on changing."""
        self._clock = clock
        self._users = users
        self._kept: dict[str, _Kept] = {}  # by session_id, the oldest first
        self._tokens: dict[bytes, tuple[str, frozenset[Scope], datetime]] = {}

    async def begin(
        self,
        user_id: str,
        scopes: frozenset[Scope],
        *,
        client: str,
        access: timedelta,
        refresh: timedelta | None = None,
    ) -> Granted | None:
        user = self._users.get(user_id)
        if user is None or user.is_suspended:
            return None
        now = self._clock.now()
        told = begun(client, scopes, now, refresh or access)
        while len(kept := await self.of(user_id)) >= MOST_OF_USER:
            await self.end(user_id, kept[0].session_id)
        family, secret = refresh_tokens.first(now) if refresh else (None, b"")
        self._kept[told.session_id] = _Kept(user_id, told, family)
        text = (
            refresh_tokens.text_of(user_id, told.session_id, secret, family.salt) if family else ""
        )
        return self._granted(told.session_id, scopes, now + access, text)

    async def refresh(
        self,
        token: str,
        *,
        access: timedelta,
        refresh: timedelta,
        scopes: frozenset[Scope] | None = None,
    ) -> Granted | None:
        now = self._clock.now()
        shown = refresh_tokens.read(token)
        kept = self._kept.get(shown.session_id) if shown else None
        if shown is None or kept is None or kept.family is None or kept.told.expires_at <= now:
            return None
        user = self._users.get(kept.user_id)
        verdict = refresh_tokens.judge(shown, kept.family, now)
        if verdict == "reused":
            await self.end(kept.user_id, shown.session_id)
        if verdict not in ("turn", "again") or user is None or user.is_suspended:
            return None
        granted = narrowed(scopes, kept.told)
        if verdict == "turn":
            told = replace(kept.told, seen_on=now.date(), expires_at=now + refresh)
            family = refresh_tokens.turned(kept.family, shown.secret, now)
            self._kept[shown.session_id] = replace(kept, told=told, family=family)
        text = refresh_tokens.successor(shown, kept.family.salt)
        return self._granted(shown.session_id, granted, now + access, text)

    async def of(self, user_id: str) -> Sequence[SignedIn]:
        now = self._clock.now()
        theirs = (kept.told for kept in self._kept.values() if kept.user_id == user_id)
        return [told for told in theirs if told.expires_at > now]

    async def end(self, user_id: str, session_id: str) -> bool:
        kept = self._kept.get(session_id)
        if kept is None or kept.user_id != user_id:
            return False
        del self._kept[session_id]
        self._tokens = {h: t for h, t in self._tokens.items() if t[0] != session_id}
        return kept.told.expires_at > self._clock.now()

    async def revoke(self, token: str) -> None:
        hashed = hash_of(token)
        if hashed is not None and hashed in self._tokens:
            session_id = self._tokens[hashed][0]
        elif shown := refresh_tokens.read(token):
            kept = self._kept.get(shown.session_id)
            if kept is None or kept.family is None:
                return
            if refresh_tokens.judge(shown, kept.family, self._clock.now()) == "foreign":
                return
            session_id = shown.session_id
        else:
            return
        if kept := self._kept.get(session_id):
            await self.end(kept.user_id, session_id)

    def found(self, token: str) -> Session | None:
        """Return what an access token stands for, and note that it was seen."""
        now = self._clock.now()
        hashed = hash_of(token)
        if hashed is None or hashed not in self._tokens:
            return None
        session_id, scopes, expires_at = self._tokens[hashed]
        kept = self._kept[session_id]
        user = self._users[kept.user_id]
        if user.is_suspended or expires_at <= now:
            return None
        if kept.told.seen_on != now.date():
            self._kept[session_id] = replace(kept, told=replace(kept.told, seen_on=now.date()))
        return Session(
            user=user,
            scopes=scopes,
            expires_at=expires_at,
            session_id=session_id,
            seen_on=now.date(),
        )

    def end_all(self, user_id: str, but: str = "") -> None:
        """End all sessions of a user, or all but one."""
        gone = {s for s, kept in self._kept.items() if kept.user_id == user_id and s != but}
        self._kept = {s: kept for s, kept in self._kept.items() if s not in gone}
        self._tokens = {h: t for h, t in self._tokens.items() if t[0] not in gone}

    def _granted(
        self, session_id: str, scopes: frozenset[Scope], expires_at: datetime, refresh_token: str
    ) -> Granted:
        token = new_token()
        if hashed := hash_of(token):
            self._tokens[hashed] = (session_id, scopes, expires_at)
        return Granted(
            session_id=session_id,
            access_token=token,
            expires_at=expires_at,
            refresh_token=refresh_token,
            scopes=scopes,
        )
