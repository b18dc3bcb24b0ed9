"""Brings mail to other systems: finds the hosts, gives it to the first that takes it.

What was said to each recipient is what counts; a host that can't be reached is passed over for the
next one (RFC 5321 §5.1). Sessions are kept and used again, slow and dead hosts keep nobody waiting.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import structlog

from connectors.smtp_out import results
from connectors.smtp_out.pace import Busy, Pace, Paces
from connectors.smtp_out.routes import NoRoute, Place, Routes
from connectors.smtp_out.session import Answer, Refused, Sent, Session
from connectors.smtp_out.sessions import Distrusted, Sessions
from connectors.smtp_out.silence import Silences
from connectors.smtp_out.sources import Capped, Sources
from connectors.smtp_out.wire import Lost
from topologies.events import RAW_INLINE_BYTES, DeliveryDue, RecipientResult, TlsSession
from topologies.mail import require_tls
from topologies.mail.mx import Refusal
from topologies.ports.relay import PutOff, Read
from topologies.room import Room

MOST_RECIPIENTS = 100  # of one transaction: who takes fewer breaks RFC 5321 §4.5.3.1.8
MOST_ROUNDS = 20  # of a host that takes few recipients at once
MESSAGES_BYTES = 256 * 1024**2  # that are in memory to be sent at once
COPIES = 3  # of a message: as it is, as it fits the peer, with its dots stuffed
ROOM_WAIT_S = 3.0  # for that: what is under way may go to hosts that are slow
NO_ROOM_FOR_S = 60.0
ATTEMPT_S = 25 * 60.0  # whatever the hosts do
TOO_MUCH = ("4.3.2", "4.4.5", "4.7.28")  # a rate is what it complains of
_TOO_MANY_RECIPIENTS = (452, 552)  # RFC 5321 §4.5.3.1.10: 552 means 452 there

_logger = structlog.get_logger("delivery")


class SmtpRelay:
    """Tries deliveries, several at once."""

    def __init__(
        self,
        routes: Routes,
        sessions: Sessions,
        sources: Sources,
        *,
        most_at_once: int,
        ours: Sequence[str],
        smarthost: str = "",
    ) -> None:
        """Connect to nobody yet.

        Args:
            routes: Where destinations are.
            sessions: How servers are talked to.
            sources: From which address.
            most_at_once: Mails that one destination gets at the same time at most.
            ours: Names of ours, in lower case: whoever calls itself so is ourselves.
            smarthost: Takes all mail; empty: each domain's own hosts.
        """
        self._routes = routes
        self._sessions = sessions
        self._sources = sources
        self._paces = Paces(most_at_once)
        self._silences = Silences()
        self._ours = frozenset(ours)
        self._smarthost = smarthost
        self._room = Room(MESSAGES_BYTES)
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}  # by delivery: and how many want it

    @asynccontextmanager
    async def turn(self, delivery_id: str) -> AsyncGenerator[None]:
        lock, wanted = self._turns.get(delivery_id, (asyncio.Lock(), 0))
        self._turns[delivery_id] = (lock, wanted + 1)
        try:
            async with lock:
                yield
        finally:
            lock, wanted = self._turns[delivery_id]
            self._turns[delivery_id] = (lock, wanted - 1)
            if wanted == 1:
                del self._turns[delivery_id]

    async def deliver(
        self, due: DeliveryDue, read: Read, *, via: str = ""
    ) -> Sequence[RecipientResult] | PutOff:
        try:
            places = await self._routes.to(
                due.destination, seed=due.delivery_id, via=via, tls_required=due.tls_required
            )
        except NoRoute as error:
            if error.is_final:
                refusal = Refusal(error.enhanced, error.text)
                return [results.of_refusal(each, refusal) for each in due.recipients]
            return results.deferred(due.recipients, error.enhanced, error.text)
        silent = [self._silences.reason((place.address, place.port)) for place in places]
        awake = [place for place, reason in zip(places, silent, strict=True) if not reason]
        if not awake:
            text = f"it was not asked, since lately: {silent[0]}"
            return results.deferred(due.recipients, results.NO_ANSWER, text, self._named(places[0]))
        takes_all = via or self._smarthost
        pace = self._paces.of(takes_all or due.destination)
        try:
            async with pace.turn():
                sources = await self._sources.chosen(due.stream, due.destination)
                async with self._room_for(due):
                    delivery = _Delivery(due, await read(), may_be_us=bool(takes_all))
                    for place, reason in zip(places, silent, strict=True):
                        if reason:
                            lost = Answer("connect", lost=reason)
                            delivery.note(lost, self._named(place), results.NO_ANSWER)
                    await self._within_time(delivery, awake, sources, pace)
                    return delivery.in_order()
        except Busy as error:
            why = f": {pace.complaint}" if pace.complaint else ""
            return PutOff(f"{via or due.destination} takes no more mail at once{why}", error.for_s)
        except Capped as error:
            return PutOff(str(error), error.after_s)
        except _NoRoom:
            return PutOff("too many large mails are under way", NO_ROOM_FOR_S)

    @asynccontextmanager
    async def _room_for(self, due: DeliveryDue) -> AsyncGenerator[None]:
        """Have room in memory for a large message; a small one is there with its event.

        Raises:
            _NoRoom: There is none soon.
        """
        async with AsyncExitStack() as stack:
            if due.size_bytes > RAW_INLINE_BYTES:
                try:
                    async with asyncio.timeout(ROOM_WAIT_S):
                        await stack.enter_async_context(self._room.taken(due.size_bytes * COPIES))
                except TimeoutError:
                    raise _NoRoom from None
            yield

    async def close(self) -> None:
        """End all sessions that wait for mail."""
        await self._sessions.close()

    async def _within_time(
        self, delivery: "_Delivery", places: Sequence[Place], sources: Mapping[int, str], pace: Pace
    ) -> None:
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await self._try(delivery, places, sources, pace)
        except TimeoutError:
            delivery.fill(f"it came to no end within {ATTEMPT_S:g} s", "")

    async def _try(
        self, delivery: "_Delivery", places: Sequence[Place], sources: Mapping[int, str], pace: Pace
    ) -> None:
        """Ask host after host until each recipient has an answer."""
        for place in places:
            source = sources.get(6 if ":" in place.address else 4)
            if sources and source is None:
                continue  # nothing of ours reaches it
            while (session := self._sessions.kept(place, source)) is not None:
                # What was kept may have ended meanwhile; then another is asked.
                if await self._send(delivery, session, place, source, pace):
                    return
            session = await self._opened(delivery, place, source, pace)
            if session is not None and await self._send(delivery, session, place, source, pace):
                return
        delivery.fill("there is no address of ours from which it can be reached", "")

    async def _opened(
        self, delivery: "_Delivery", place: Place, source: str | None, pace: Pace
    ) -> Session | None:
        """Return a new session, or None and let the failure be what is told."""
        where, host = (place.address, place.port), self._named(place)
        try:
            session = await self._sessions.opened(place, source, delivery.seen)
        except Refused as error:
            if error.reply.is_permanent:  # nobody else will fare better for a while
                self._silences.failed(where, str(error))
            else:
                self._silences.answered(where)
                pace.was_too_much(error.reply.text)
            delivery.note(Answer("connect", error.reply), host)
            return None
        except Distrusted as error:
            self._silences.answered(where)
            if delivery.requires_tls and error.failure:
                refusal = Refusal(require_tls.NO_TLS, str(error))
                delivery.note(Answer("connect", refusal=refusal), host)
            else:
                delivery.note(Answer("connect", lost=str(error)), host, "4.7.5")
            return None
        except Lost as error:
            self._silences.failed(where, str(error))
            delivery.note(Answer("connect", lost=str(error)), host, results.NO_ANSWER)
            return None
        self._silences.answered(where)
        if session.calls_itself in self._ours and not delivery.may_be_us:
            session.abort()
            refusal = Refusal("5.4.6", "the mail comes back to us: that host is ourselves")
            delivery.note(Answer("connect", refusal=refusal), host)
            return None
        return session

    async def _send(
        self,
        delivery: "_Delivery",
        session: Session,
        place: Place,
        source: str | None,
        pace: Pace,
    ) -> bool:
        """Hand the mail over; return whether no other host is to be asked."""
        host = self._named(place)
        if delivery.requires_tls and not session.sends_on_by_tls:
            self._sessions.end(session)
            delivery.note(Answer("connect", refusal=require_tls.NOT_OFFERED), host)
            return False
        try:
            for _ in range(MOST_ROUNDS):
                asked = delivery.left()[:MOST_RECIPIENTS]
                if not asked:
                    break
                sent = await session.send(delivery.due_for(asked), delivery.raw)
                more = _for_next_round(sent)
                delivery.take(sent, session, host, but=more)
                self._learn(pace, sent)
                if sent.is_lost_before_end:
                    return False
                if not session.is_usable and delivery.left():
                    delivery.fill("the session ended before all recipients were named", host)
        except BaseException:
            session.abort()  # in the middle of a mail: it must not begin another
            raise
        finally:
            self._sessions.give_back(session, place, source)
        delivery.fill("it takes too few recipients at once", host)
        return True

    def _learn(self, pace: Pace, sent: Sent) -> None:
        replies = [(a.step, a.reply) for a in sent.answers.values() if a.reply is not None]
        if any(step == "end" and reply.is_positive for step, reply in replies):
            return pace.went_well()
        for step, reply in replies:
            is_of_rate = reply.code == 421 or reply.enhanced in TOO_MUCH
            if is_of_rate or (step == "mail" and 400 <= reply.code < 500):
                return pace.was_too_much(reply.text)
        return None

    def _named(self, place: Place) -> str:
        return place.host if place.host == place.address else f"{place.host} [{place.address}]"


class _NoRoom(Exception):
    pass


class _Delivery:
    """One delivery under way: who has an answer, and who has not.

    Attributes:
        may_be_us: Somebody chose the host, and knows best whether it is called as we are.
        seen: What the TLS of hosts came to that were connected to.
        requires_tls: It goes to hosts alone that hand it on by TLS alone (RFC 8689).
    """

    def __init__(self, due: DeliveryDue, raw: bytes, *, may_be_us: bool) -> None:
        self.raw = raw
        self.may_be_us = may_be_us
        self.seen: list[TlsSession] = []
        self.requires_tls = due.tls_required == "yes"
        self._due = due
        self._results: dict[str, RecipientResult] = {}
        self._noted: tuple[Answer, str, str] | None = None  # of the last host that was no use

    def left(self) -> list[str]:
        """Return who has no answer yet."""
        return [each for each in self._due.recipients if each not in self._results]

    def due_for(self, recipients: Sequence[str]) -> DeliveryDue:
        """Return the delivery for some of its recipients."""
        if len(recipients) == len(self._due.recipients):
            return self._due
        return msgspec.structs.replace(self._due, recipients=tuple(recipients))

    def take(self, sent: Sent, session: Session, host: str, *, but: Sequence[str]) -> None:
        """Keep what was said, but not to those in *but*, who are asked again at once."""
        for recipient, result in results.of_sent(sent, session, host).items():
            if sent.is_lost_before_end and sent.answers[recipient].lost:
                self._noted = (sent.answers[recipient], host, results.LOST)
            elif recipient not in but:
                self._results[recipient] = result

    def note(self, answer: Answer, host: str, enhanced: str = "") -> None:
        """Keep why a host was no use, in case that no other is either."""
        is_open = self._noted is not None and self._noted[0].refusal is None
        if self.requires_tls and answer.refusal is not None and is_open:
            return  # a host that did not answer may be the one that can: it is asked again
        self._noted = (answer, host, enhanced)

    def fill(self, text: str, host: str) -> None:
        """Give those who have no answer what was noted last, or *text*."""
        for recipient in self.left():
            self._results[recipient] = self._of_note(recipient, text, host)

    def in_order(self) -> list[RecipientResult]:
        """Return a result for each recipient."""
        first, *others = [self._results[each] for each in self._due.recipients]
        # What a host does that somebody chose says nothing of the destination's.
        seen = () if self.may_be_us else tuple(self.seen)
        return [msgspec.structs.replace(first, tls_sessions=seen), *others]

    def _of_note(self, recipient: str, text: str, host: str) -> RecipientResult:
        if self._noted is None:
            [result] = results.deferred([recipient], results.LOST, text, host)
            return result
        answer, host, enhanced = self._noted
        if answer.refusal is not None:
            return results.of_refusal(recipient, answer.refusal, host)
        if answer.reply is not None:
            return results.of_reply(recipient, answer, answer.reply, host, "")
        [result] = results.deferred([recipient], enhanced or results.LOST, answer.lost, host)
        return result


def _for_next_round(sent: Sent) -> list[str]:
    """Return who was too many for one transaction that took others (RFC 5321 §4.5.3.1.10)."""
    answers = sent.answers.items()
    if not any(a.step == "end" and a.reply is not None and a.reply.is_positive for _, a in answers):
        return []
    return [
        recipient
        for recipient, answer in answers
        if answer.step == "rcpt"
        and answer.reply is not None
        and answer.reply.code in _TOO_MANY_RECIPIENTS
        and answer.reply.enhanced in ("", "4.5.3", "5.5.3")
    ]
