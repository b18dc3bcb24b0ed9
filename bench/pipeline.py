"""The whole way of a mail: from the first MAIL command until it is shown and can be found.

Measured on the real process. Its CPU is counted from before the first mail until every mail
is in its folder's count and no stage, the search index included, has work left: so nothing
is put off until after the measurement.
"""

import asyncio
import time
from collections.abc import Sequence

from bench.figures import Figure, Section, latencies
from bench.load import Load, hand_over
from bench.mails import MARK, Mail, mails
from bench.people import Person
from bench.progress import Progress
from bench.service import Service

CPU_MS_AT_MOST = 5.0
CATCH_UP_S = 0.3


def measure(
    service: Service,
    people: Sequence[Person],
    *,
    count: int,
    sessions: int,
    size_bytes: int,
    progress: Progress,
) -> Section:
    """Send *count* mails by kept connections, and as many with a connection for each."""
    _warm_up(service, people, size_bytes)
    figures: list[Figure] = []
    notes: list[str] = []
    for way, is_kept in (("kept", True), ("new", False)):
        first = service.stored(people)
        batch = list(mails(count, [p.address for p in people], size_bytes, first=first))
        with progress.step(f"SMTP, {way} connections", count) as advance:
            one, more = _measure(service, people, batch, way, sessions, is_kept, advance)
        figures += one
        notes += more
    return Section(
        name="pipeline",
        title=f"Whole pipeline: {count} mails of {size_bytes} bytes, {sessions} sessions",
        figures=tuple(figures),
        notes=tuple(notes),
    )


def load_figures(way: str, load: Load, is_kept: bool) -> list[Figure]:
    """Return what the sending side saw."""
    since = "its MAIL command" if is_kept else "opening its connection"
    return [
        Figure(
            key=f"{way}_accepted_per_s",
            value=load.accepted / load.duration_s,
            unit="mails/s",
            meaning=f"answered with 250, {way} connections; the load shares the cores",
        ),
        *latencies(f"{way}_accept", load.took_s, f"a mail, from {since} to its 250"),
        Figure(
            key=f"{way}_load_cpu_per_mail",
            value=load.sending_cpu_s / load.accepted * 1000,
            unit="ms",
            meaning="CPU of the sending side, not of the service",
        ),
    ]


def _measure(
    service: Service,
    people: Sequence[Person],
    batch: Sequence[Mail],
    way: str,
    sessions: int,
    is_kept: bool,
    advance: Progress.Advance,
) -> tuple[list[Figure], list[str]]:
    before = service.stored(people)
    cpu, began = service.cpu_s(), time.perf_counter()
    load = asyncio.run(
        hand_over(service.smtp_port, batch, sessions=sessions, is_kept=is_kept, on_accepted=advance)
    )
    service.settle(people, before + load.accepted)
    took_s, cpu_s = time.perf_counter() - began, service.cpu_s() - cpu
    shown = service.stored(people) - before
    found, of = service.found(people, MARK), service.stored(people)
    notes = [f"{way}: refused {count} times: {reply}" for reply, count in load.refused.items()]
    notes.append(
        f"{way}: {load.accepted} accepted, {shown} shown; a word of all finds {found} of {of}"
    )
    figures = [
        Figure(
            key=f"{way}_cpu_per_mail",
            value=cpu_s / shown * 1000,
            unit="ms",
            meaning=f"CPU of the service a mail until it can be found; {way} connections",
            at_most=CPU_MS_AT_MOST,
        ),
        Figure(
            key=f"{way}_stored_per_s",
            value=shown / took_s,
            unit="mails/s",
            meaning="from the first MAIL command until all are shown and indexed",
        ),
        *load_figures(way, load, is_kept),
    ]
    return figures, notes


def _warm_up(service: Service, people: Sequence[Person], size_bytes: int) -> None:
    """Let each user have mail, so that no first time is counted."""
    before = service.stored(people)
    batch = list(mails(5 * len(people), [p.address for p in people], size_bytes, first=before))
    load = asyncio.run(hand_over(service.smtp_port, batch, sessions=2, is_kept=True))
    service.settle(people, before + load.accepted)
    time.sleep(CATCH_UP_S)
