"""What clients that listen and hear nothing cost: thousands of WebSockets on one process."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from api.limits import SOCKETS_OF_ONE_USER
from bench.figures import Figure, Section, latencies
from bench.load import hand_over
from bench.mails import mails
from bench.people import settings_of, with_people
from bench.plan import Plan
from bench.process_cost import memory
from bench.progress import Progress
from bench.service import Service, running

SOCKETS, QUICK = 5_000, 200
AT_ONCE = 50  # opened side by side
WATCHED_S, QUICKLY_WATCHED_S = 60.0, 3.0  # longer than the time between two pings of a socket
TOLD_WITHIN_S = 60.0
KIB = 1024.0


def measure(plan: Plan, work: Path, progress: Progress, add: Callable[[Section], None]) -> None:
    """Open sockets, let them be, and tell those of one user of a mail."""
    folder, count = work / "data", QUICK if plan.is_quick else SOCKETS
    names = [f"user{number}" for number in range(-(-count // SOCKETS_OF_ONE_USER))]
    people = with_people(settings_of(folder), names)
    with running(folder, people) as service:
        watched_s = QUICKLY_WATCHED_S if plan.is_quick else WATCHED_S
        add(asyncio.run(_measured(service, count, plan.size_bytes, watched_s, progress)))


async def _measured(
    service: Service, count: int, size_bytes: int, watched_s: float, progress: Progress
) -> Section:
    tokens = [service.token(person) for person in service.people]
    before = memory([service.pid]).rss
    cpu, begun = service.cpu_s(), time.monotonic()
    async with AsyncExitStack() as opened:
        sockets: list[ClientConnection] = []
        with progress.step("Sockets", count) as advance:
            for first in range(0, count, AT_ONCE):
                token = tokens[first // SOCKETS_OF_ONE_USER]
                number = min(AT_ONCE, count - first)
                sockets += await asyncio.gather(
                    *(opened.enter_async_context(_socket(service, token)) for _ in range(number))
                )
                advance(number)
        took_s = time.monotonic() - begun
        opening_cpu = service.cpu_s() - cpu
        cpu, begun = service.cpu_s(), time.monotonic()
        await asyncio.sleep(watched_s)
        idle = (service.cpu_s() - cpu) / (time.monotonic() - begun)
        held = memory([service.pid]).rss
        listening = sockets[:SOCKETS_OF_ONE_USER]
        told = await _told(service, listening, size_bytes)
        left = sum(socket.close_code is None for socket in sockets)
    return Section(
        name="idle",
        title=f"Idle: {count} WebSockets of {len(tokens)} users, to one process",
        figures=(
            Figure(
                key="idle_missing",
                value=count - left,
                unit="sockets",
                meaning="closed before the end",
                at_most=0,
            ),
            Figure(
                key="idle_memory",
                value=(held - before) * KIB / count,
                unit="KiB",
                meaning="resident more than before, for each socket",
            ),
            Figure(key="idle_rss", value=held, unit="MiB", meaning="resident with all of them"),
            Figure(
                key="idle_cpu",
                value=idle * 100,
                unit="%",
                meaning=f"of one core, while nothing happened for {watched_s:g} s",
            ),
            Figure(
                key="idle_opening_cpu",
                value=opening_cpu * 1000 / count,
                unit="ms",
                meaning=f"CPU for opening one; all took {took_s:.1f} s",
            ),
            *latencies(
                "idle_told",
                told,
                f"from sending a mail to {len(listening)} sockets of one user that are told",
            ),
        ),
    )


async def _told(
    service: Service, sockets: Sequence[ClientConnection], size_bytes: int
) -> Sequence[float]:
    """Return how many seconds after it was sent each of *sockets* was told of a mail."""
    [mail] = mails(1, [service.people[0].address], size_bytes, first=6_000_000)
    waiting = [asyncio.create_task(_next(socket)) for socket in sockets]
    sent_at = time.monotonic()
    await hand_over(service.smtp_port, [mail], sessions=1, is_kept=True)
    return [moment - sent_at for moment in await asyncio.gather(*waiting)]


async def _next(socket: ClientConnection) -> float:
    async with asyncio.timeout(TOLD_WITHIN_S):
        message: Any = msgspec.json.decode(await socket.recv())
    assert message["type"] == "email.added", message
    return time.monotonic()


def _socket(service: Service, token: str) -> connect:
    return connect(
        service.http_url.replace("http", "ws", 1) + "/ws",
        additional_headers={"Authorization": f"Bearer {token}"},
        compression=None,
        ping_interval=None,  # the server pings
        open_timeout=TOLD_WITHIN_S,
        max_queue=4,
        proxy=None,
    )
