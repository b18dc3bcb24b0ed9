"""How soon a client of the cluster is told of a mail, and on which step the time is spent.

One mail at a time. When a stage began and ended is read from the workers' log, whose clock is
this machine's: what lies between two stages of different processes is a hop over Kafka.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from bench.cluster_log import Line
from bench.cluster_service import Roles
from bench.figures import Figure, Section, latencies, percentile
from bench.load import Session, dotted
from bench.mails import mails
from bench.people import Person
from bench.progress import Progress

P50_MS_AT_MOST = 60.0
PAUSE_S = 0.15  # so that the stages beside the way to the client are through as well
TOLD_WITHIN_S = 20.0
INBOUND = ("parse", "route")  # the chain's first and last stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One mail's moments, in seconds since 1970."""

    sent_at: float  # when MAIL was sent
    accepted_at: float
    told_at: float


def measure(
    service: Roles, person: Person, *, count: int, size_bytes: int, first: int, progress: Progress
) -> Section:
    """Send *count* single mails, each after the one before was told of."""
    token = service.token(person)
    service.lines.read()
    with progress.step("Push", count) as advance:
        told = asyncio.run(_measure(service, person, token, count, size_bytes, first, advance))
    lines = service.lines.read()
    took_s = [max(each.told_at - each.accepted_at, 0.0) for each in told]
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
            *steps(told, lines),
            Figure(
                key="push_missing",
                value=count - len(told),
                unit="mails",
                meaning=f"not told of within {TOLD_WITHIN_S:.0f} s",
                at_most=0,
            ),
        ),
    )


def steps(told: list[Told], lines: list[Line]) -> list[Figure]:
    """Return the median of each step, of those mails of which all lines are there."""
    taken: dict[str, list[float]] = {}
    for each in told:
        mine = {line.stage: line for line in lines if each.sent_at <= line.begun_at <= each.told_at}
        if not mine.keys() >= {*INBOUND, "store", "notify"}:
            continue
        parse, route = (mine[stage] for stage in INBOUND)
        store, notify = mine["store"], mine["notify"]
        moments = [
            ("accept", each.sent_at, each.accepted_at, "MAIL to 250: SMTP, append to the log"),
            ("hop_inbound", each.accepted_at, parse.begun_at, "250 to the chain's begin: fetch"),
            ("parse", parse.begun_at, parse.ended_at, "parse, with the blobs' put"),
            ("chain", parse.ended_at, route.ended_at, "authenticate, scan, score, route"),
            ("hop_store", route.ended_at, store.begun_at, "append of the command, and fetch"),
            ("store", store.begun_at, store.ended_at, "the mailbox: load, decide, write"),
            ("hop_notify", store.ended_at, notify.begun_at, "append of the change, and fetch"),
            ("notify", notify.begun_at, notify.ended_at, "publish in Redis"),
            ("socket", notify.ended_at, each.told_at, "Redis, API, WebSocket"),
        ]
        for name, begin, end, meaning in moments:
            taken.setdefault(f"{name}|{meaning}", []).append(end - begin)
    return [
        Figure(
            key=f"step_{key.partition('|')[0]}",
            value=percentile(took_s, 50) * 1000,
            unit="ms",
            meaning=f"{key.partition('|')[2]} (median)",
        )
        for key, took_s in taken.items()
    ]


async def _measure(
    service: Roles,
    person: Person,
    token: str,
    count: int,
    size_bytes: int,
    first: int,
    advance: Progress.Advance,
) -> list[Told]:
    url = service.http_url.replace("http", "ws", 1) + "/ws"
    headers = {"Authorization": f"Bearer {token}"}
    found: list[Told] = []
    async with connect(url, additional_headers=headers, compression=None) as listening:
        session = await Session.open(service.smtp_port)
        for mail in mails(count, [person.address], size_bytes, first=first):
            told = asyncio.create_task(_told(listening))
            sent_at = time.time()
            await session.send(mail, dotted(mail.raw))
            accepted_at = time.time()
            try:
                # It may well have come before we read the 250.
                found.append(Told(sent_at=sent_at, accepted_at=accepted_at, told_at=await told))
            except TimeoutError:
                continue
            advance()
            await asyncio.sleep(PAUSE_S)
        await session.close()
    return found


async def _told(listening: ClientConnection) -> float:
    """Return when a new mail was told of."""
    async with asyncio.timeout(TOLD_WITHIN_S):
        while True:
            message: Any = msgspec.json.decode(await listening.recv())
            if message.get("type") == "email.added":
                return time.time()
