"""Strangers share the places: none takes all, from one address or network."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from connectors.smtp_in.places import Places
from tests.smtp.house import a_house


def test_one_address_and_one_network_have_their_share() -> None:
    places = Places(most=10, most_of_client=2, most_of_network=3)
    came = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1"]
    told = [places.take(each, is_trusted=False)[:9] for each in came]
    assert told == ["", "", "421 4.7.0", "", "421 4.7.0", ""]
    places.leave("192.0.2.1", is_trusted=False)
    assert places.take("192.0.2.3", is_trusted=False) == ""


def test_our_own_and_trusted_clients_share_with_nobody() -> None:
    places = Places(most=10, most_of_client=1, most_of_network=1)
    assert [places.take("10.0.0.1", is_trusted=False) for _ in range(3)] == [""] * 3
    assert [places.take("127.0.0.1", is_trusted=False) for _ in range(3)] == [""] * 3
    assert [places.take("192.0.2.1", is_trusted=True) for _ in range(3)] == [""] * 3


def test_there_are_only_so_many_places() -> None:
    places = Places(most=1, most_of_client=0, most_of_network=0)
    assert places.take("192.0.2.1", is_trusted=True) == ""
    assert places.take("192.0.2.2", is_trusted=True)[:9] == "421 4.3.2"


@given(
    st.lists(st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]), st.booleans()))
)
def test_who_leaves_gives_back_what_was_taken(coming: list[tuple[str, bool]]) -> None:
    places = Places(most=100, most_of_client=2, most_of_network=3)
    here: list[str] = []
    for client_ip, comes in coming:
        if comes and not places.take(client_ip, is_trusted=False):
            here.append(client_ip)
        elif not comes and client_ip in here:
            here.remove(client_ip)
            places.leave(client_ip, is_trusted=False)
        assert max(map(here.count, here), default=0) <= 2
    for client_ip in here:
        places.leave(client_ip, is_trusted=False)
    assert places.take("192.0.2.1", is_trusted=False) == ""
    assert places.take("192.0.2.1", is_trusted=False) == ""


async def test_a_stranger_with_too_many_sessions_is_told_and_others_are_not() -> None:
    settings = {"max_client_sessions": 1, "proxy_networks": ["127.0.0.1"]}
    async with a_house(**settings) as house, house.talk(client_ip="192.0.2.7") as first:
        async with house.talk(client_ip="192.0.2.7", greets=False) as second:
            assert (await second.reply())[:9] == "421 4.7.0"
            assert await second.reply() == ""
        async with house.talk(client_ip="192.0.2.8") as other:
            assert (await other.say("NOOP"))[:3] == "250"
        await first.say("QUIT")
        assert await first.reply() == ""
        async with house.talk(client_ip="192.0.2.7") as third:
            assert (await third.say("NOOP"))[:3] == "250"


async def test_500_idle_sessions_leave_room_for_mail() -> None:
    async with a_house() as house:
        opened = [house.talk() for _ in range(500)]
        await asyncio.gather(*(talk.__aenter__() for talk in opened))
        async with house.talk() as talk:
            assert (await talk.send(b""))[:3] == "250"
        await asyncio.gather(*(talk.__aexit__(None, None, None) for talk in opened))
