"""How many mails a destination gets at once, learnt from what it says."""

import asyncio

import pytest

from connectors.smtp_out.pace import FIRST_AT_ONCE, LONGEST_PAUSE_S, Busy, Pace, Paces
from connectors.smtp_out.silence import FAILURES_IN_A_ROW, Silences
from topologies.room import Room

PLACE = ("192.0.2.1", 25)


async def test_a_destination_that_takes_mail_gets_more_at_once_up_to_the_most() -> None:
    pace = Pace(8)
    assert pace.at_once == FIRST_AT_ONCE
    for _ in range(50):
        async with pace.turn():
            pace.went_well()
    assert pace.at_once == 8


async def test_a_destination_that_complains_gets_half_and_recovers() -> None:
    pace = Pace(20)
    pace.was_too_much()
    assert (pace.at_once, pace.pause_s) == (2, 0.5)
    for _ in range(10):
        pace.was_too_much()
    assert (pace.at_once, pace.pause_s) == (1, LONGEST_PAUSE_S)
    with pytest.raises(Busy):
        async with pace.turn():
            pass
    for _ in range(20):
        pace.went_well()
    assert pace.pause_s == 0.0
    assert pace.at_once > 4


async def test_before_a_mail_was_seen_nobody_is_sent_away_without_a_wait() -> None:
    pace = Pace(5)
    await asyncio.gather(*(taken(pace) for _ in range(500)))
    assert pace.is_idle


async def test_who_waits_in_vain_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.smtp_out.pace.LONGEST_WAIT_S", 0.05)
    pace = Pace(1)
    async with pace.turn():
        waiting = [asyncio.create_task(taken(pace)) for _ in range(200)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, Busy) for each in results)
    assert pace.is_idle


async def test_who_is_sent_away_is_told_longer_the_more_were_before_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connectors.smtp_out.pace.LONGEST_WAIT_S", 0.05)
    pace = Pace(1)
    async with pace.turn():
        await asyncio.sleep(0.01)
    async with pace.turn():
        waiting = [asyncio.create_task(taken(pace)) for _ in range(200)]
        await asyncio.sleep(0)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    away = [each.for_s for each in results if isinstance(each, Busy)]
    assert len(away) > 100
    assert away[0] < away[-1]


async def test_turns_are_given_one_after_another_and_none_is_lost() -> None:
    pace, most, now = Pace(3), 0, 0

    async def mail() -> None:
        nonlocal most, now
        async with pace.turn():
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(mail() for _ in range(20)))
    assert (most, now, pace.is_idle) == (3, 0, True)


async def test_who_is_cancelled_while_waiting_leaves_the_turn_to_others() -> None:
    pace = Pace(1)
    async with pace.turn():
        waiting = [asyncio.create_task(taken(pace)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    assert [r for r in await asyncio.gather(*waiting, return_exceptions=True) if r is True] == [
        True,
        True,
    ]
    assert pace.is_idle


async def test_large_messages_are_in_memory_one_after_another() -> None:
    room, held, most = Room(100), 0, 0

    async def send(size: int) -> None:
        nonlocal held, most
        async with room.taken(size):
            held += min(size, 100)
            most = max(most, held)
            await asyncio.sleep(0)
            held -= min(size, 100)

    sending = [asyncio.create_task(send(size)) for size in (60, 60, 30, 500, 10, 40, 60)]
    await asyncio.sleep(0)
    sending[1].cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    assert (most <= 100, held) == (True, 0)
    async with room.taken(100):
        pass


def test_each_destination_has_a_pace_of_its_own() -> None:
    paces = Paces(20)
    assert paces.of("a.example") is paces.of("a.example")
    assert paces.of("a.example") is not paces.of("b.example")


def test_an_address_that_fell_silent_is_left_alone_until_it_answers() -> None:
    silences = Silences()
    for _ in range(FAILURES_IN_A_ROW - 1):
        silences.failed(PLACE, "no connection")
        assert silences.reason(PLACE) == ""
    silences.failed(PLACE, "no connection")
    assert silences.reason(PLACE) == "no connection"
    assert silences.reason(("192.0.2.2", 25)) == ""
    silences.answered(PLACE)
    assert silences.reason(PLACE) == ""


async def taken(pace: Pace) -> bool:
    async with pace.turn():
        return True
