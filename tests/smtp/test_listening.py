"""One port for several: who may listen there, and what each lets in."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.smtp.house import House, a_house
from topologies.errors import Misconfigured


async def test_workers_of_a_cluster_share_a_port_and_its_clients() -> None:
    workers = {"profile": "cluster", "smtp_processes": 2}
    async with a_house(**workers) as one:
        port = one.smtp.smtp_port
        async with a_house(**workers, smtp_port=port) as other, AsyncExitStack() as clients:
            assert other.smtp.smtp_port == port
            for _ in range(40):  # all at one of two: once in 2^39 times
                await clients.enter_async_context(one.talk())
            assert one.smtp.sessions + other.smtp.sessions == 40
            assert one.smtp.sessions
            assert other.smtp.sessions


async def test_a_port_is_shared_only_by_those_who_say_so() -> None:
    async with a_house(profile="cluster", smtp_processes=2) as one:
        with pytest.raises(Misconfigured, match=r"SMTP can't listen on 127\.0\.0\.1:"):
            async with a_house(smtp_port=one.smtp.smtp_port):
                pass


@pytest.mark.parametrize("host", ["192.0.2.1", "host.invalid"])
async def test_that_the_address_is_none_of_this_machine_is_told_of_the_address(host: str) -> None:
    with pytest.raises(Misconfigured, match=r"let RILLMAIL_HOST name an address of this machine"):
        async with a_house(host=host):
            pass


async def test_each_of_several_processes_has_its_part_of_the_places() -> None:
    async with a_house(smtp_processes=2, max_sessions=5) as house:
        async with house.talk(), house.talk():
            assert await greeting_of(house) == "421 4.3.2"
        assert await eventually_let_in(house)


async def test_a_process_has_one_place_at_least() -> None:
    async with a_house(smtp_processes=8, max_sessions=3) as house, house.talk():
        assert await greeting_of(house) == "421 4.3.2"


async def greeting_of(house: House) -> str:
    async with house.talk(greets=False) as client:
        return (await client.reply())[:9]


async def eventually_let_in(house: House) -> bool:
    async with asyncio.timeout(20):
        while not (await greeting_of(house)).startswith("220"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # between looks
    return True
