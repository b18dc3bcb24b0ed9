"""How soon a client that listens is told of a mail: from its 250 to the WebSocket's message."""

import asyncio
import time
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from bench.figures import Figure, Section, latencies
from bench.load import Session, dotted
from bench.mails import mails
from bench.people import Person
from bench.progress import Progress
from bench.service import Service

P50_MS_AT_MOST = 15.0
PAUSE_S = 0.02  # between a mail's message and the next mail
TOLD_WITHIN_S = 10


def measure(
    service: Service, person: Person, *, count: int, size_bytes: int, progress: Progress
) -> Section:
    """Send *count* single mails, each after the one before was told of."""
    token = service.token(person)
    with progress.step("Push", count) as advance:
        took_s = asyncio.run(_measure(service, person, token, count, size_bytes, advance))
    return Section(
        name="push",
        title=f"Push: {count} single mails of {size_bytes} bytes, one after another",
        figures=(
            *latencies(
                "push",
                took_s,
                "from reading 250 to reading the WebSocket's message of that mail",
                p50_at_most=P50_MS_AT_MOST,
            ),
            Figure(
                key="push_missing",
                value=count - len(took_s),
                unit="mails",
                meaning=f"not told of within {TOLD_WITHIN_S} s",
                at_most=0,
            ),
        ),
    )


async def _measure(
    service: Service,
    person: Person,
    token: str,
    count: int,
    size_bytes: int,
    advance: Progress.Advance,
) -> list[float]:
    url = service.http_url.replace("http", "ws", 1) + "/ws"
    headers = {"Authorization": f"Bearer {token}"}
    took_s: list[float] = []
    async with connect(url, additional_headers=headers, compression=None) as listening:
        session = await Session.open(service.smtp_port)
        for mail in mails(count, [person.address], size_bytes, first=5_000_000):
            told = asyncio.create_task(_told(listening))
            await session.send(mail, dotted(mail.raw))
            accepted_at = time.perf_counter()
            try:
                # It may well have come before we read the 250.
                took_s.append(max(await told - accepted_at, 0.0))
            except TimeoutError:
                continue
            advance()
            await asyncio.sleep(PAUSE_S)
        await session.close()
    return took_s


async def _told(listening: ClientConnection) -> float:
    """Return when a new mail was told of."""
    async with asyncio.timeout(TOLD_WITHIN_S):
        while True:
            message: Any = msgspec.json.decode(await listening.recv())
            if message.get("type") == "email.added":
                return time.perf_counter()
