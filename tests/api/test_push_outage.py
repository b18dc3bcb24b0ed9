"""A WebSocket that can't be served for now is refused with a problem, not with a bug's answer."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NoReturn

import msgspec

from tests.api.desk import Place, Socket, a_desk, memory_place
from topologies.errors import Retryable
from topologies.ports.directory import Directory


async def test_a_socket_is_refused_with_503_while_nobody_can_be_known() -> None:
    async with a_desk(where_nobody_is_known) as desk, Socket(desk.app, token="t") as socket:
        assert socket.first["type"] == "websocket.http.response.start"
        assert socket.first["status"] == 503
        assert (b"retry-after", b"1") in socket.first["headers"]
        problem = msgspec.json.decode((await socket.said())["body"])
        assert problem["type"] == "urn:rillmail:problem:unavailable"


@asynccontextmanager
async def where_nobody_is_known() -> AsyncGenerator[Place]:
    async with memory_place() as place:
        away = _Away(place.services[Directory])
        yield replace(place, services={**place.services, Directory: away})


class _Away:
    """A directory that takes users, and can't be asked for sessions."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def __getattr__(self, name: str) -> Any:
        return getattr(self._directory, name)

    async def session(self, token: str) -> NoReturn:
        raise Retryable("Cassandra is away", outage=True)
