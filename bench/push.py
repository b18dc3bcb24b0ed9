"""How soon a client that listens is told of a mail: from its 250 to the WebSocket's message."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from bench.figures import Figure, Section, latencies
from bench.load import Session, dotted
from bench.mails import Mail, mails
from bench.people import Person
from bench.progress import Progress
from bench.service import Service

P50_MS_AT_MOST = 15.0
PAUSE_S = 0.02  # between a mail's message and the next mail
TOLD_WITHIN_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One mail's moments, in seconds since 1970."""

    sent_at: float  # when MAIL was sent
    accepted_at: float
    told_at: float

    @property
    def took_s(self) -> float:
        """From reading 250 to reading the message."""
        return max(self.told_at - self.accepted_at, 0.0)


def measure(
    service: Service, person: Person, *, count: int, size_bytes: int, progress: Progress
) -> Section:
    """Send *count* single mails, each after the one before was told of."""
    token = service.token(person)
    with progress.step("Push", count) as advance:
        sent = mails(count, [person.address], size_bytes, first=5_000_000)
        told = asyncio.run(one_by_one(service, token, sent, advance))
    return Section(
        name="push",
        title=f"Push: {count} single mails of {size_bytes} bytes, one after another",
        figures=(
            *latencies(
                "push",
                [each.took_s for each in told],
                "from reading 250 to reading the WebSocket's message of that mail",
                p50_at_most=P50_MS_AT_MOST,
            ),
            Figure(
                key="push_missing",
                value=count - len(told),
                unit="mails",
                meaning=f"not told of within {TOLD_WITHIN_S} s",
                at_most=0,
            ),
        ),
    )


async def one_by_one(
    service: Service,
    token: str,
    sent: Iterator[Mail],
    advance: Progress.Advance,
    *,
    pause_s: float = PAUSE_S,
    within_s: float = TOLD_WITHIN_S,
) -> list[Told]:
    """Send each mail after the one before was told of; leave out those that are not in time."""
    url = service.http_url.replace("http", "ws", 1) + "/ws"
    headers = {"Authorization": f"Bearer {token}"}
    found: list[Told] = []
    async with connect(url, additional_headers=headers, compression=None) as listening:
        session = await Session.open(service.smtp_port)
        for mail in sent:
            told = asyncio.create_task(_told(listening, within_s))
            sent_at = time.time()
            await session.send(mail, dotted(mail.raw))
            accepted_at = time.time()
            try:
                # It may well have come before we read the 250.
                found.append(Told(sent_at=sent_at, accepted_at=accepted_at, told_at=await told))
            except TimeoutError:
                continue
            advance()
            await asyncio.sleep(pause_s)
        await session.close()
    return found


async def _told(listening: ClientConnection, within_s: float) -> float:
    """Return when a new mail was told of."""
    async with asyncio.timeout(within_s):
        while True:
            message: Any = msgspec.json.decode(await listening.recv())
            if message.get("type") == "email.added":
                return time.time()
