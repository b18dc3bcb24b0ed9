"""Stages of other distributions: found by entry point, with their own topics and events.

A distribution names packages in the group ``rillmail.stages``. Each module of such a package is
one stage, and the package itself may hold ``TOPICS``, a tuple of topics with events of its own.
It imports ``topologies.topic`` and ``topologies.events`` for that, and nothing that reads topics.
In ``rillmail.services`` it may name a function that makes answers for ports of its own.
"""

import functools
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, cast

from topologies.errors import Misconfigured
from topologies.loading import loading
from topologies.topic import Topic

STAGES = "rillmail.stages"
SERVICES = "rillmail.services"
OWN_PATHS = ("inbound", "mailbox", "outbound", "feedback")


@functools.cache
def packages() -> tuple[ModuleType, ...]:
    """Return the packages that hold stages of other distributions, by entry point's name.

    Raises:
        Misconfigured: One can't be used; says whose and why.
    """
    found: dict[str, ModuleType] = {}
    for point in _points(STAGES):
        package = _loaded(point)
        if not isinstance(package, ModuleType) or not hasattr(package, "__path__"):
            raise Misconfigured(f"{_named(point)} is no package: each stage is a module in one")
        path = package.__name__.rpartition(".")[2]
        if path in OWN_PATHS or path in found:
            raise Misconfigured(
                f"{_named(point)}: there is a path {path} already, and its name stands for its"
                " dead letters: call the package something else"
            )
        found[path] = package
    return tuple(found.values())


def paths() -> tuple[str, ...]:
    """Return the names of those packages: each is a path, and a worker's role.

    Raises:
        Misconfigured: One can't be used; says whose and why.
    """
    return tuple(package.__name__.rpartition(".")[2] for package in packages())


def topics() -> tuple[Topic, ...]:
    """Return the topics that other distributions declare.

    Raises:
        Misconfigured: One can't be used; says whose and why.
    """
    found: list[Topic] = []
    for package in packages():
        declared: object = getattr(package, "TOPICS", ())
        if not isinstance(declared, tuple) or not all(
            isinstance(topic, Topic) for topic in cast("tuple[object, ...]", declared)
        ):
            raise Misconfigured(f"{package.__name__}.TOPICS is no tuple of topics")
        found += cast("tuple[Topic, ...]", declared)
    for topic in found:
        if topic.delay is not None:
            raise Misconfigured(
                f"{topic.name} has a delay: only our own topics go on by themselves"
            )
    return tuple(found)


def services(settings: object) -> dict[type, Any]:
    """Return the answers of other distributions for ports of their own, by the port's class.

    Args:
        settings: What the function that makes them is given: the deployment's settings.

    Raises:
        Misconfigured: They can't be made; says whose and why.
    """
    found: dict[type, Any] = {}
    for point in _points(SERVICES):
        make = _loaded(point)
        if not callable(make):
            raise Misconfigured(f"{_named(point)} is no function that makes services")
        with loading(f"{_named(point)}: its services"):
            made = dict(cast("Callable[[object], Mapping[type, Any]]", make)(settings))
        if taken := sorted(port.__name__ for port in made if port in found):
            raise Misconfigured(f"{_named(point)}: somebody answers {', '.join(taken)} already")
        found |= made
    return found


def _points(group: str) -> list[EntryPoint]:
    # A distribution that lies on the path twice names each of its entry points twice.
    points = {(point.name, point.value): point for point in entry_points(group=group)}
    return [points[key] for key in sorted(points)]


def _loaded(point: EntryPoint) -> object:
    with loading(_named(point)):
        return point.load()


def _named(point: EntryPoint) -> str:
    name = point.dist.name if point.dist is not None else "a distribution"
    return f"{name}: the entry point {point.name} = {point.value}"
