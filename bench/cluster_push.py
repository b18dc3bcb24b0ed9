"""How soon a client of the cluster is told of a mail, and on which step the time is spent.

One mail at a time. When a stage began and ended is read from the workers' log, whose clock is
this machine's: what lies between two stages of different processes is a hop over Kafka.
"""

import asyncio

from bench.cluster_log import Line
from bench.cluster_service import Roles
from bench.figures import Figure, Section, latencies, percentile
from bench.mails import mails
from bench.people import Person
from bench.progress import Progress
from bench.push import Told, one_by_one

P50_MS_AT_MOST = 60.0
PAUSE_S = 0.15  # so that the stages beside the way to the client are through as well
TOLD_WITHIN_S = 20.0
INBOUND = ("parse", "route")  # the chain's first and last stage


def measure(
    service: Roles, person: Person, *, count: int, size_bytes: int, first: int, progress: Progress
) -> Section:
    """Send *count* single mails, each after the one before was told of."""
    token = service.token(person)
    service.lines.read()
    with progress.step("Push", count) as advance:
        sent = mails(count, [person.address], size_bytes, first=first)
        told = asyncio.run(
            one_by_one(service, token, sent, advance, pause_s=PAUSE_S, within_s=TOLD_WITHIN_S)
        )
    lines = service.lines.read()
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
