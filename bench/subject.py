"""One run of the real service: all steps on the same process, as it would live for a day."""

from collections.abc import Callable
from pathlib import Path

from bench import fill, pipeline, push, reading
from bench.figures import Section
from bench.memory import MemoryWatch
from bench.people import Person, settings_of, with_people
from bench.plan import Plan
from bench.progress import Progress
from bench.service import running

READERS = ("small", "large")
LISTENER = "listener"


def measure(
    plan: Plan, work: Path, progress: Progress, add: Callable[[Section], None]
) -> float | None:
    """Run the steps of *plan*; return the service's CPU ms a mail, if that was measured."""
    folder = work / "data"
    names = [f"user{number}" for number in range(plan.users)]
    people = with_people(settings_of(folder), [*names, LISTENER, *READERS])
    receivers, listener = people[: plan.users], people[plan.users]
    mailboxes: dict[Person, int] = {}
    if plan.has("reading"):
        mailboxes = dict(zip(people[-2:], (plan.small, plan.large), strict=True))
        fill.fill(settings_of(folder), mailboxes, plan.size_bytes, progress)
    cpu_ms: float | None = None
    with running(folder, people) as service:
        watch = MemoryWatch(service)
        watch.look("idle", "after the start")
        if plan.has("pipeline"):
            section = pipeline.measure(
                service,
                receivers,
                count=plan.mails,
                sessions=plan.sessions,
                size_bytes=plan.size_bytes,
                progress=progress,
            )
            cpu_ms = section.figures[0].value
            add(section)
            watch.look("pipeline", f"after {2 * plan.mails} mails")
        if plan.has("push"):
            add(
                push.measure(
                    service,
                    listener,
                    count=plan.pushes,
                    size_bytes=plan.size_bytes,
                    progress=progress,
                )
            )
        if plan.has("reading"):
            add(reading.measure(service, mailboxes, repeats=plan.repeats, progress=progress))
            watch.look("reading", "after reading")
        if plan.has("memory"):
            watch.receive_huge(listener, progress)
            watch.look("huge", "after the mail of 25 MB")
        add(watch.section())
    return cpu_ms
