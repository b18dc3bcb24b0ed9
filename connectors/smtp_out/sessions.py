"""Sessions with servers: opened as each may be trusted, kept for the next mail, closed in time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.smtp_out.routes import Place
from connectors.smtp_out.session import Patience, Refused, Session
from connectors.smtp_out.trust import Contexts, Trust
from connectors.smtp_out.wire import Lost, Wire
from topologies.events import TlsSession
from topologies.ports.clock import Clock

NOT_OFFERED = "starttls-not-supported"  # RFC 8460 §4.3.1
CLEAR_TEXT_FOR_S = 3600.0  # a host whose TLS failed is not asked for it again so soon
MOST_CLEAR = 10_000


class Distrusted(Exception):
    """The host does not prove that it is the one that its domain promises.

    Attributes:
        failure: What is wrong with its TLS (RFC 8460 §4.3); empty: it may just have been cut.
    """

    def __init__(self, reason: str, failure: str = "") -> None:
        super().__init__(reason)
        self.failure = failure


_Key = tuple[Place, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How sessions are led.

    Attributes:
        name: What we are called in EHLO.
        idle_s: How long a session without mail is kept.
        mails: Of one session, at most.
        sign_ins: By host: user and password of a smarthost.
    """

    name: str
    patience: Patience
    idle_s: float
    mails: int
    sign_ins: Mapping[str, tuple[str, str]]


class Sessions:
    """All sessions of this process."""

    def __init__(self, terms: Terms, contexts: Contexts, clock: Clock) -> None:
        """Open none yet; *clock* tells whether certificates are valid."""
        self._terms = terms
        self._clock = clock
        self._contexts = contexts
        self._idle: dict[_Key, list[tuple[Session, asyncio.TimerHandle]]] = {}
        self._clear_until: dict[str, float] = {}  # by address: it offers TLS that fails
        self._closing: set[asyncio.Task[None]] = set()

    def kept(self, place: Place, source: str | None) -> Session | None:
        """Return a session that waits for a mail to this place, if there is one."""
        waiting = self._idle.get((place, source), [])
        while waiting:
            session, timer = waiting.pop()
            timer.cancel()
            if not waiting:
                self._idle.pop((place, source), None)
            if session.is_usable:
                return session
            session.abort()
        return None

    async def opened(
        self, place: Place, source: str | None, seen: list[TlsSession] | None = None
    ) -> Session:
        """Return a new session.

        Args:
            place: With whom.
            source: From which address.
            seen: Gets what the host's TLS came to.

        Raises:
            Lost: Nobody answers, or not as they must.
            Refused: The server wants no mail from us.
            Distrusted: It does not prove who it is, though it should.
        """
        loop = asyncio.get_running_loop()
        is_clear = self._clear_until.get(place.address, 0.0) > loop.time()
        trust, seen = place.trust, seen if seen is not None else []
        if trust.need == "none" or (trust.need == "may" and is_clear):
            return await self._led(place, source, Trust("none"))
        if trust.is_tested and trust.need == "may":
            try:
                return await self._tried(place, source, Trust("verified"), seen)
            except Distrusted:  # what was seen counts, and the mail goes on as ever
                seen = []
        try:
            return await self._tried(place, source, trust, seen)
        except Distrusted:
            if trust.is_demanding:
                raise
            # RFC 7435 §3: clear text is better than no mail, in a connection of its own.
            if len(self._clear_until) >= MOST_CLEAR:
                self._clear_until.clear()
            self._clear_until[place.address] = loop.time() + CLEAR_TEXT_FOR_S
            return await self._led(place, source, Trust("none"))

    def give_back(self, session: Session, place: Place, source: str | None) -> None:
        """Keep *session* for the next mail, or end it."""
        if not session.is_usable:
            session.abort()
        elif session.mails >= self._terms.mails or self._terms.idle_s <= 0:
            self._quit(session)
        else:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._terms.idle_s, self._ended, session, (place, source))
            self._idle.setdefault((place, source), []).append((session, timer))

    def end(self, session: Session) -> None:
        """End *session*, as one says goodbye."""
        self._quit(session)

    async def close(self) -> None:
        """End all that wait."""
        for waiting in self._idle.values():
            for session, timer in waiting:
                timer.cancel()
                self._quit(session)
        self._idle.clear()
        if self._closing:
            await asyncio.wait(tuple(self._closing))

    async def _tried(
        self, place: Place, source: str | None, trust: Trust, seen: list[TlsSession]
    ) -> Session:
        """Return a session in TLS as *trust* asks, and add to *seen* what came of that.

        Raises:
            Distrusted: It is not.
        """
        promise = place.trust.promise

        def saw(failure: str, reason: str = "") -> None:
            seen.append(
                TlsSession(
                    policy=promise.kind,
                    policy_text=promise.text,
                    mx_host=place.host,
                    address=place.address,
                    source=source or "",
                    failure=failure or promise.trouble,
                    reason=reason,
                )
            )

        try:
            session = await self._led(place, source, trust)
        except _NoTls as error:
            if error.failure:
                saw(error.failure, error.reason)
            raise Distrusted(error.reason, error.failure) from None
        except Distrusted as error:
            saw(error.failure, str(error))
            raise
        saw("" if session.tls else NOT_OFFERED)
        return session

    async def _led(self, place: Place, source: str | None, trust: Trust) -> Session:
        """Return a session that was greeted, in TLS as far as *trust* says."""
        terms = self._terms
        wire = await Wire.connect(
            place.address, place.port, source=source, timeout_s=terms.patience.connect_s
        )
        session = Session(wire, terms.patience, host=place.host, address=place.address)
        try:
            await session.greet(terms.name)
            if trust.need != "none" and session.offers_tls:
                await self._secure(session, trust)
            if doubt := trust.doubt(session, self._clock.now()):
                raise Distrusted(doubt, "validation-failure" if session.tls else NOT_OFFERED)
            if (sign_in := terms.sign_ins.get(place.host)) is not None:
                await session.sign_in(*sign_in)
        except BaseException:
            session.abort()
            raise
        return session

    async def _secure(self, session: Session, trust: Trust) -> None:
        try:
            await session.start_tls(self._contexts.of(trust), self._terms.name)
        except Refused as error:
            if trust.is_demanding:
                failure = NOT_OFFERED if error.reply.is_permanent else ""
                raise Distrusted(f"the host takes no TLS now: {error}", failure) from None
        except Lost as error:
            raise _NoTls(str(error), error.tls_failure) from None

    def _ended(self, session: Session, key: _Key) -> None:
        waiting = self._idle.get(key, [])
        self._idle[key] = [each for each in waiting if each[0] is not session]
        if not self._idle[key]:
            del self._idle[key]
        self._quit(session)

    def _quit(self, session: Session) -> None:
        task = asyncio.get_running_loop().create_task(session.quit())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _NoTls(Exception):
    def __init__(self, reason: str, failure: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failure = failure
