"""Clients that listen and hear nothing: many of them cost a bounded piece of memory each."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from api.limits import SOCKETS_OF_ONE_USER
from bench.process_cost import memory
from tests.journeys.place import PATIENCE_S, Place, mail
from tests.process import RunningService

pytestmark = pytest.mark.process

USERS = 4
MOST_KIB = 256.0  # of a socket; a sixth of it, and what else a process takes meanwhile


def test_idle_sockets_take_little_memory_and_all_of_a_user_are_told(tmp_path: Path) -> None:
    with RunningService(tmp_path / "data") as service, Place(service) as place:
        people = [place.person(f"user{number}") for number in range(USERS)]
        place.send(mail("warm"), people[0])  # what is loaded at the first mail is there
        people[0].awaited()
        tokens = [person.client.headers["Authorization"] for person in people]

        async def listen() -> None:
            before = memory([service.pid]).rss
            async with AsyncExitStack() as opened:
                sockets = [
                    await opened.enter_async_context(socket(service, token))
                    for token in tokens
                    for _ in range(SOCKETS_OF_ONE_USER)
                ]
                held = memory([service.pid]).rss
                assert (held - before) * 1024 / len(sockets) < MOST_KIB
                await asyncio.to_thread(place.send, mail("Lunch"), people[0])
                async with asyncio.timeout(PATIENCE_S):
                    for each in sockets[:SOCKETS_OF_ONE_USER]:
                        assert b"email.added" in (await each.recv(decode=False))
                assert [each.close_code for each in sockets] == [None] * len(sockets)

        asyncio.run(listen())


def socket(service: RunningService, token: str) -> connect:
    return connect(
        f"{service.http_url.replace('http', 'ws', 1)}/ws",
        additional_headers={"Authorization": token},
        compression=None,
        ping_interval=None,  # the server pings
        open_timeout=PATIENCE_S,
        proxy=None,
    )
