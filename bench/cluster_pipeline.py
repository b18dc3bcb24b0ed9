"""The way of a mail through the cluster: rates, and the CPU of each role and of each engine."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence

from bench.cluster_engines import engines_cpu_s
from bench.cluster_service import ROLES, Roles
from bench.figures import Figure, Section
from bench.load import hand_over
from bench.mails import mails
from bench.people import Person
from bench.pipeline import load_figures
from bench.progress import Progress

CPU_MS_AT_MOST = 8.0
IDLE_S = 5.0
WARM_UP = 5  # mails a user


def measure(
    service: Roles,
    people: Sequence[Person],
    engines: Mapping[str, int],
    *,
    name: str,
    title: str,
    first: int,
    count: int,
    sessions: int,
    size_bytes: int,
    progress: Progress,
) -> Section:
    """Send *count* mails by kept connections, and wait until the last stage has passed each.

    Args:
        service: The workers.
        people: To whom, in turn.
        engines: Their processes on this machine, by name.
        name: Of the section.
        title: Of the section.
        first: The number of the first mail; none may have been sent before.
        count: How many.
        sessions: SMTP connections at once.
        size_bytes: Of each.
        progress: Shown meanwhile.
    """
    _send(service, people, first, WARM_UP * len(people), 2, size_bytes)
    service.settle(people, 0)
    idle = service.cpu_by_role()
    time.sleep(IDLE_S)
    idle = {role: spent - idle[role] for role, spent in service.cpu_by_role().items()}
    first += WARM_UP * len(people)

    before, stored_before = service.passed(), service.stored(people)
    batch = list(mails(count, [p.address for p in people], size_bytes, first=first))
    roles_cpu, engines_cpu = service.cpu_by_role(), engines_cpu_s(engines)
    began = time.perf_counter()
    with progress.step(title, count) as advance:
        load = asyncio.run(
            hand_over(
                service.smtp_port, batch, sessions=sessions, is_kept=True, on_accepted=advance
            )
        )
        service.wait_passed(before + load.accepted)
    took_s = time.perf_counter() - began
    roles_cpu = _since(roles_cpu, service.cpu_by_role())
    engines_cpu = _since(engines_cpu, engines_cpu_s(engines))
    shown = service.stored(people) - stored_before

    figures = [
        Figure(
            key="cpu_per_mail",
            value=sum(roles_cpu.values()) / shown * 1000,
            unit="ms",
            meaning="CPU of all roles a mail, until it is shown, can be found and was told of",
            at_most=CPU_MS_AT_MOST,
        ),
        *(
            Figure(
                key=f"cpu_{role}",
                value=roles_cpu[role] / shown * 1000,
                unit="ms",
                meaning=f"of these: {role}",
            )
            for role in ROLES
        ),
        Figure(
            key="cpu_idle",
            value=sum(idle.values()) / IDLE_S * 1000,
            unit="ms/s",
            meaning="CPU of all roles with nothing to do; is in the above: "
            + ", ".join(f"{role} {spent / IDLE_S * 1000:.0f}" for role, spent in idle.items()),
        ),
        *(
            Figure(
                key=f"cpu_{engine}",
                value=spent / shown * 1000,
                unit="ms",
                meaning=f"CPU of {engine} a mail, whoever it worked for",
            )
            for engine, spent in engines_cpu.items()
        ),
        Figure(
            key="stored_per_s",
            value=shown / took_s,
            unit="mails/s",
            meaning="from the first MAIL command until all are shown, indexed and told of",
        ),
        *load_figures("kept", load, is_kept=True),
    ]
    notes = [f"refused {times} times: {reply}" for reply, times in load.refused.items()]
    notes.append(
        f"{load.accepted} accepted, {shown} shown; load average {os.getloadavg()[0]:.1f},"
        " which counts everybody on this machine"
    )
    return Section(name=name, title=title, figures=tuple(figures), notes=tuple(notes))


def _send(
    service: Roles, people: Sequence[Person], first: int, count: int, sessions: int, size_bytes: int
) -> None:
    before = service.passed()
    batch = list(mails(count, [p.address for p in people], size_bytes, first=first))
    load = asyncio.run(hand_over(service.smtp_port, batch, sessions=sessions, is_kept=True))
    service.wait_passed(before + load.accepted)


def _since(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    return {name: spent - before[name] for name, spent in now.items()}
