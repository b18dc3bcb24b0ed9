"""One try to tell a sender that no more is wanted: what came of it is noted, and tried again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.messenger import MemoryMessenger
from connectors.memory.unsubscribes import MemoryUnsubscribes
from tests.services import AT
from topologies.errors import Retryable
from topologies.events import Event, UnsubscribeDue, UnsubscribeLater2h, UnsubscribeLater5m
from topologies.events.base import as_kind
from topologies.outbound.unsubscribe import unsubscribe
from topologies.ports.messenger import NotNow, Reply
from topologies.ports.unsubscribes import Unsubscribe


async def test_the_sender_is_told_as_the_rfc_has_it() -> None:
    it = await Desk.open()
    assert await it.tell(DUE) == []
    [posted] = it.messenger.posted
    assert (posted.url, posted.body) == (DUE.url, b"List-Unsubscribe=One-Click")
    assert posted.headers["content-type"] == "application/x-www-form-urlencoded"
    assert set(posted.headers) == {"content-type", "user-agent"}
    kept = await it.kept()
    assert (kept.state, kept.settled_at, kept.attempts) == ("done", AT, 1)


async def test_an_event_handed_in_twice_is_posted_once_and_leads_to_the_same() -> None:
    for reply in (Reply(status=204), Reply(status=503), Reply(status=404)):
        it = await Desk.open(reply)
        first = await it.tell(DUE)
        it.clock.move(timedelta(minutes=1))
        assert await it.tell(DUE) == first
        assert len(it.messenger.posted) == 1


async def test_two_at_the_same_time_are_posted_once() -> None:
    it = await Desk.open(Reply(status=503))
    both = await asyncio.gather(it.tell(DUE), it.tell(DUE))
    assert both[0] == both[1]
    assert len(it.messenger.posted) == 1


async def test_a_wish_that_was_told_twice_is_posted_once() -> None:
    it = await Desk.open()
    await it.tell(DUE)
    assert await it.tell(DUE) == []
    assert len(it.messenger.posted) == 1


@pytest.mark.parametrize("status", [302, 400, 404, 410])
async def test_a_no_is_told_and_not_asked_again(status: int) -> None:
    it = await Desk.open(Reply(status=status, text="not here"))
    assert await it.tell(DUE) == []
    kept = await it.kept()
    assert (kept.state, kept.detail) == ("refused", f"{status} not here")


async def test_who_does_not_answer_is_asked_again_for_two_days() -> None:
    it = await Desk.open(*[Reply(status=0, text="no answer")] * 99)
    due, waited = DUE, timedelta()
    kinds: list[type[Event]] = []
    while later := await it.tell(due):
        [event] = later
        assert isinstance(event, UnsubscribeDue)
        kinds.append(type(event))
        wait = timedelta(minutes=5) if isinstance(event, UnsubscribeLater5m) else timedelta(hours=2)
        it.clock.move(wait)
        waited += wait
        due = as_kind(event, UnsubscribeDue)
    assert kinds[:3] == [UnsubscribeLater5m, UnsubscribeLater2h, UnsubscribeLater2h]
    assert timedelta(days=1, hours=21) < waited <= timedelta(days=2)
    kept = await it.kept()
    assert (kept.state, kept.detail, kept.next_try_at) == ("refused", "no answer", None)


async def test_whose_turn_it_is_not_waits_and_counts_as_no_attempt() -> None:
    it = await Desk.open(NotNow("busy"))
    [later] = await it.tell(DUE)
    assert isinstance(later, UnsubscribeLater5m)
    assert (later.attempt, later.put_off) == (1, 1)
    assert await it.tell(as_kind(later, UnsubscribeDue)) == []
    assert (await it.kept()).state == "done"


async def test_whose_turn_never_comes_is_given_up() -> None:
    it = await Desk.open(NotNow("busy"))
    it.clock.move(timedelta(days=2))
    assert await it.tell(DUE) == []
    assert (await it.kept()).detail == "it was never its turn: busy"


async def test_what_was_answered_is_noted_however_long_that_takes() -> None:
    it = await Desk.open()
    it.unsubscribes.failures = 2
    await it.tell(DUE)
    assert len(it.messenger.posted) == 1
    assert (await it.kept()).state == "done"


async def test_nothing_is_posted_for_who_is_gone() -> None:
    it = await Desk.open()
    await it.unsubscribes.erase("ann")
    assert await it.tell(DUE) == []
    assert it.messenger.posted == []


# --- builders -----------------------------------------------------------------------

DUE = UnsubscribeDue(
    user_id="ann",
    email_id="e1",
    host="list.far.example",
    url="https://list.far.example/u",
    asked_at=AT,
)


class Away(MemoryUnsubscribes):
    """A store that is away now and then."""

    failures = 0

    async def note(self, wish: Unsubscribe) -> None:
        if self.failures:
            self.failures -= 1
            raise Retryable("away", after_s=0.001)
        await super().note(wish)


@dataclass
class Desk:
    messenger: MemoryMessenger
    clock: ManualClock = field(default_factory=lambda: ManualClock(AT))
    unsubscribes: Away = field(default_factory=Away)

    @classmethod
    async def open(cls, *replies: Reply | NotNow) -> "Desk":
        made = cls(MemoryMessenger(*replies))
        await made.unsubscribes.ask(
            Unsubscribe(
                user_id="ann", email_id="e1", way="one-click", to=DUE.host, asked_at=DUE.asked_at
            )
        )
        return made

    async def tell(self, due: UnsubscribeDue) -> Sequence[Event]:
        return await unsubscribe(
            due, unsubscribes=self.unsubscribes, messenger=self.messenger, clock=self.clock
        )

    async def kept(self) -> Unsubscribe:
        found = await self.unsubscribes.find("ann", "e1")
        assert found is not None
        return found
