"""`python -m bench cluster`: one run of the real roles on real engines."""

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from bench import cluster_pipeline, cluster_push, cluster_reading, fill
from bench.cluster_engines import engines_of
from bench.cluster_service import ROLES, Roles, running_roles
from bench.figures import Figure, Section
from bench.people import with_people
from bench.plan import Plan
from bench.process_cost import memory
from bench.progress import Progress
from connectors.settings import load
from tests.live.engines import cluster_settings

LISTENER, READER = "listener", "reader"
APART = 1_000_000  # between the numbers of the mails of one step and the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How the roles are run."""

    name: str
    title: str
    settings: dict[str, str]
    roles: tuple[str, ...] = ROLES


SHAPES = (
    Shape(name="chained", title="one worker a role, stages chained", settings={}),
    Shape(name="cut", title="the same, each step cut", settings={"RILLMAIL_CUTS": "all"}),
    Shape(
        name="two",
        title="two workers of inbound and of mailbox, chained, on the same cores",
        settings={},
        roles=(*ROLES, "inbound", "mailbox"),
    ),
)


def measure(plan: Plan, work: Path, progress: Progress, add: Callable[[Section], None]) -> None:
    """Run the steps on each shape of the cluster; push, reading and memory on the first.

    Raises:
        ClickException: An engine does not answer, or can't be used as it is set.
    """
    with _places() as places:
        settings = load(places)
        names = [f"user{number}" for number in range(plan.users)]
        people = with_people(settings, [*names, LISTENER, READER])
        receivers, (listener, reader) = people[: plan.users], people[plan.users :]
        fill.fill(settings, {reader: plan.large}, plan.size_bytes, progress)
        engines = engines_of(settings)
        for number, shape in enumerate(SHAPES[:1] if plan.is_quick else SHAPES):
            with running_roles(
                work / shape.name, people, places | shape.settings, shape.roles
            ) as service:
                add(
                    cluster_pipeline.measure(
                        service,
                        receivers,
                        engines,
                        name=f"pipeline_{shape.name}",
                        title=f"{plan.mails} mails of {plan.size_bytes} bytes: {shape.title}",
                        first=number * APART,
                        count=plan.mails,
                        sessions=plan.sessions,
                        size_bytes=plan.size_bytes,
                        progress=progress,
                    )
                )
                if number == 0:
                    add(
                        cluster_push.measure(
                            service,
                            listener,
                            count=plan.pushes,
                            size_bytes=plan.size_bytes,
                            first=5 * APART,
                            progress=progress,
                        )
                    )
                    add(
                        cluster_reading.measure(
                            service,
                            reader,
                            count=plan.large,
                            repeats=plan.repeats,
                            progress=progress,
                        )
                    )
                    add(_memory(service, engines))


@contextlib.contextmanager
def _places() -> Generator[dict[str, str]]:
    try:
        with cluster_settings() as places:
            yield places
    except pytest.skip.Exception as error:
        raise click.ClickException(f"{error}; `make bench-cluster` starts them") from error


def _memory(service: Roles, engines: dict[str, int]) -> Section:
    figures = [
        Figure(
            key=f"rss_{role}",
            value=held[0].rss,
            unit="MiB",
            meaning=f"resident, of one {role} worker; {held[0].pss:.0f} with shared pages divided",
        )
        for role, held in service.memory_by_role().items()
        if held
    ]
    figures += [
        Figure(
            key=f"rss_{engine}",
            value=memory([pid]).rss,
            unit="MiB",
            meaning=f"resident, of {engine}",
        )
        for engine, pid in engines.items()
    ]
    return Section(name="memory", title="Memory, after all that", figures=tuple(figures))
