"""The accept rate: how many mails a second get their `250`, whatever becomes of them later.

At 10 and at 50 sessions, kept ones and a new one for each mail, with mails of 5 and of 50 KB: of
the service that takes them itself, of one with one and with two processes beside it, and of
Postfix with Dovecot. Each answers when the mail is durable. Between two measurements each works
off what it took, so that all begin alike; while one runs, stages and deliveries take their part
of the cores, as they would under load, and so does the sending side, whose CPU is told.
"""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import uvloop

from bench.figures import Figure, Section, percentile
from bench.load import Load, hand_over
from bench.mails import Mail, addresses, mails
from bench.peers import postfix_dovecot
from bench.peers.postfix_dovecot import PostfixDovecot
from bench.people import Person, settings_of, with_people
from bench.plan import Plan
from bench.process_cost import cpu_s, memory
from bench.progress import Progress
from bench.service import Service, Stalled, running

SESSIONS = (10, 50)
SIZES_BYTES = (5_000, 50_000)
PROCESSES = (0, 1, 2)
FEWER_OF_LARGE = 4  # times as few mails of the larger size, which take longer
WARM_UP = 50
AIM = 1.5  # times the accept rate of Postfix
SETTLE_S = 300
POLL_S = 0.1


class Subject(Protocol):
    """What takes mail and is measured."""

    @property
    def smtp_port(self) -> int:
        """Where it takes mail."""
        ...

    @property
    def pids(self) -> Sequence[int]:
        """Its first processes."""
        ...

    def settle(self, expected: int) -> None:
        """Return when so many mails are worked off."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """One way of bringing mail."""

    size_bytes: int
    sessions: int
    is_kept: bool

    @property
    def key(self) -> str:
        """Its name in figures."""
        way = "kept" if self.is_kept else "new"
        return f"{self.size_bytes // 1000}kb_{self.sessions}_{way}"

    @property
    def meaning(self) -> str:
        """Its name in words."""
        way = "kept sessions" if self.is_kept else "sessions, one a mail"
        return f"{self.size_bytes // 1000} KB, {self.sessions} {way}"


@dataclass(frozen=True, slots=True)
class Ours:
    """The service, as something that is measured."""

    service: Service
    people: Sequence[Person]

    @property
    def smtp_port(self) -> int:
        """Where it takes mail."""
        return self.service.smtp_port

    @property
    def pids(self) -> Sequence[int]:
        """Its first process."""
        return [self.service.pid]

    def settle(self, expected: int) -> None:
        """Return when so many mails are shown and indexed."""
        self.service.settle(self.people, expected)


@dataclass(frozen=True, slots=True)
class Theirs:
    """Postfix and Dovecot, as something that is measured."""

    peer: PostfixDovecot

    @property
    def smtp_port(self) -> int:
        """Where it takes mail."""
        return self.peer.smtp_port

    @property
    def pids(self) -> Sequence[int]:
        """Its first processes."""
        return self.peer.pids

    def settle(self, expected: int) -> None:
        """Return when so many mails lie in Maildirs."""
        deadline = time.monotonic() + SETTLE_S
        while (stored := self.peer.stored()) < expected:
            if time.monotonic() > deadline:
                raise Stalled(f"{stored} of {expected} mails are stored by Postfix and Dovecot")
            time.sleep(POLL_S)


def cases() -> Iterator[Case]:
    """Yield all ways of bringing mail."""
    for size_bytes in SIZES_BYTES:
        for sessions in SESSIONS:
            for is_kept in (True, False):
                yield Case(size_bytes, sessions, is_kept)


def measure(plan: Plan, work: Path, progress: Progress, add: Callable[[Section], None]) -> None:
    """Measure each subject in each case, and then compare."""
    rates: dict[str, dict[str, float]] = {}
    subjects: list[tuple[str, str, Callable[[], contextlib.AbstractContextManager[Subject]]]] = [
        (
            f"ours-{processes}",
            f"Rillmail, RILLMAIL_SMTP_PROCESSES={processes}",
            partial(_ours, work / f"data-{processes}", plan.users, processes),
        )
        for processes in PROCESSES
    ]
    why_not = postfix_dovecot.why_not()
    if not why_not:
        subjects.append(("postfix-dovecot", postfix_dovecot.versions(), _theirs))
    for name, meaning, opened in subjects:
        figures: list[Figure] = []
        notes: list[str] = []
        with opened() as subject:
            count = _warm_up(subject, plan.users)
            for case in cases():
                load, spent_s = _one(subject, case, plan, count, f"{name}: {case.key}", progress)
                count += load.accepted
                subject.settle(count)
                rates.setdefault(case.key, {})[name] = load.accepted / load.duration_s
                figures += _figures(case, load, spent_s)
                notes += [f"{case.key}: refused {n} times: {r}" for r, n in load.refused.items()]
            held = memory(subject.pids)
        figures.append(
            Figure(key="rss", value=held.rss, unit="MiB", meaning="resident afterwards, all of it")
        )
        add(
            Section(
                name=f"accept_{name}",
                title=f"Accept rate: {meaning}",
                figures=tuple(figures),
                notes=tuple(notes),
            )
        )
    add(_compared(rates, why_not))


@contextlib.contextmanager
def _ours(folder: Path, users: int, processes: int) -> Generator[Subject]:
    people = with_people(settings_of(folder), [f"user{number}" for number in range(users)])
    with running(folder, people, {"RILLMAIL_SMTP_PROCESSES": str(processes)}) as service:
        yield Ours(service, people)


@contextlib.contextmanager
def _theirs() -> Generator[Subject]:
    # Servers that change users must be able to enter their folder.
    folder = Path(tempfile.mkdtemp(prefix="bench-peer-"))
    folder.chmod(0o755)
    try:
        with postfix_dovecot.running(folder, is_indexed=False) as peer:
            yield Theirs(peer)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _warm_up(subject: Subject, users: int) -> int:
    batch = list(mails(WARM_UP, addresses(users), SIZES_BYTES[0]))
    accepted = _sent(subject, batch, 2, True).accepted
    subject.settle(accepted)
    return accepted


def _one(
    subject: Subject, case: Case, plan: Plan, first: int, name: str, progress: Progress
) -> tuple[Load, float]:
    """Return what came of one case, and the CPU that the subject spent until the last `250`."""
    is_large = case.size_bytes != SIZES_BYTES[0]
    count = max(2 * case.sessions, plan.mails // FEWER_OF_LARGE if is_large else plan.mails)
    batch = list(mails(count, addresses(plan.users), case.size_bytes, first=first))
    with progress.step(name, count) as advance:
        before = cpu_s(subject.pids)
        load = _sent(subject, batch, case.sessions, case.is_kept)
        spent_s = cpu_s(subject.pids) - before
        advance(count)
    return load, spent_s


def _sent(subject: Subject, batch: Sequence[Mail], sessions: int, is_kept: bool) -> Load:
    # The faster loop, since what sends shares the cores with what is measured.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(hand_over(subject.smtp_port, batch, sessions=sessions, is_kept=is_kept))


def _figures(case: Case, load: Load, spent_s: float) -> list[Figure]:
    return [
        Figure(
            key=f"{case.key}_accepted_per_s",
            value=load.accepted / load.duration_s,
            unit="mails/s",
            meaning=case.meaning,
        ),
        *(
            Figure(
                key=f"{case.key}_accept_p{percent}",
                value=percentile(load.took_s, percent) * 1000,
                unit="ms",
                meaning=f"until its 250: {percent} % took no longer",
            )
            for percent in (50, 99)
        ),
        Figure(
            key=f"{case.key}_cores",
            value=spent_s / load.duration_s,
            unit="cores",
            meaning="that all its processes had meanwhile, whatever they did",
        ),
        Figure(
            key=f"{case.key}_load_cores",
            value=load.sending_cpu_s / load.duration_s,
            unit="cores",
            meaning="that the sending side had; near 1 it was the limit",
        ),
    ]


def _compared(rates: dict[str, dict[str, float]], why_not: str) -> Section:
    theirs = "postfix-dovecot"
    figures = [
        Figure(
            key=f"{key}_{name}",
            value=rate / of_all[theirs],
            unit="×",
            meaning=f"{name} to {theirs}, {rate:.0f} to {of_all[theirs]:.0f} mails/s",
        )
        for key, of_all in rates.items()
        if theirs in of_all
        for name, rate in of_all.items()
        if name != theirs
    ]
    met = [f for f in figures if f.value >= AIM]
    notes = (why_not,) if why_not else (f"{len(met)} of {len(figures)} reach {AIM} ×",)
    return Section(
        name="accept_ratio",
        title=f"Accept rate beside Postfix and Dovecot, aim {AIM} ×",
        figures=tuple(figures),
        notes=notes,
    )
