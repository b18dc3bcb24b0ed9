"""What was asked for when the server stops is answered, whatever it waits for."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from api import server
from tests.api.desk import Desk, a_desk, patient_place
from tests.engines.stages import until
from topologies.events.base import Event


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLOSE_TIMEOUT_S", 0.05)


async def test_a_change_that_is_on_the_log_is_answered_as_one_that_will_be_made() -> None:
    async with a_desk(patient_place) as desk:
        desk.log.is_stuck = True
        answer = await stopped_meanwhile(desk)
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")


async def test_a_change_that_is_not_on_the_log_yet_is_refused_for_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_desk(patient_place) as desk:

        async def never(events: Sequence[Event]) -> None:
            desk.log.appended += events
            await asyncio.Event().wait()

        monkeypatch.setattr(desk.log, "append", never)
        answer = await stopped_meanwhile(desk)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["type"].endswith(":unavailable")


async def stopped_meanwhile(desk: Desk) -> httpx.Response:
    """Return how a change is answered by a server that stops while it is under way."""
    token = (await desk.signed_in()).headers["Authorization"]
    ours = server.HttpServer(desk.app, "127.0.0.1", 0)
    await ours.start()
    url = f"http://127.0.0.1:{ours.port}/folders"
    async with httpx.AsyncClient(timeout=20, headers={"Authorization": token}) as client:
        before = len(desk.log.appended)
        asking = asyncio.create_task(client.post(url, json={"name": "Bills"}))
        await until(lambda: len(desk.log.appended) > before)
        await ours.close()
        return await asking
