"""The service under test: the real process, with users of its own, and what it says of itself."""

import contextlib
import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import httpx

from bench import dns_server
from bench.http_client import HttpClient
from bench.people import Person
from bench.process_cost import cpu_s
from tests.process import RunningService

STALLED_AFTER_S = 60
POLL_S = 0.1  # each look costs the service about a millisecond


class Stalled(Exception):
    """The service made no progress: its figures can't be told."""


class Process(Protocol):
    """The process of a service: ``tests.process.RunningService`` is one."""

    http_url: str
    smtp_port: int

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    def signed_in(self, user: int = 0) -> httpx.Client:
        """Return a client with the token of the *user*-th user."""
        ...

    def errors(self) -> str:
        """Return the end of what it logged."""
        ...


class Service:
    """A running service, and whoever reads there."""

    def __init__(
        self,
        running: Process,
        people: Sequence[Person],
        *,
        stalled_after_s: float = STALLED_AFTER_S,
    ) -> None:
        self.people = people
        self._stalled_after_s = stalled_after_s
        self._running = running
        self._clients: dict[str, HttpClient] = {}
        self._anybody = HttpClient(running.http_url)

    @property
    def pid(self) -> int:
        """The process."""
        return self._running.pid

    @property
    def smtp_port(self) -> int:
        """Where it takes mail."""
        return self._running.smtp_port

    @property
    def http_url(self) -> str:
        """Where it serves."""
        return self._running.http_url

    def cpu_s(self) -> float:
        """Return the CPU seconds it used so far."""
        return cpu_s([self.pid])

    def token(self, person: Person) -> str:
        """Sign *person* in."""
        with contextlib.closing(self._running.signed_in(self.people.index(person))) as client:
            return client.headers["Authorization"].removeprefix("Bearer ")

    def client(self, person: Person) -> HttpClient:
        """Return a kept connection on which *person* is signed in."""
        if person.address not in self._clients:
            self._clients[person.address] = HttpClient(self.http_url, self.token(person))
        return self._clients[person.address]

    def stored(self, people: Sequence[Person]) -> int:
        """Return how many mails their folders hold, by the counts they show."""
        return sum(
            folder["total_count"]
            for person in people
            for folder in self.client(person).get("/folders")
        )

    def found(self, people: Sequence[Person], query: str) -> int:
        """Return how many of their mails a search finds."""
        return sum(
            self.client(person).get("/emails/search", query=query, limit=1)["total_count"]
            for person in people
        )

    def lag(self) -> int:
        """Return how many records wait for a stage, all stages together.

        Raises:
            Stalled: It is told nowhere, so nobody can know when all is done.
        """
        for path, read in (("/readyz", lag_of_health), ("/metrics", lag_of_metrics)):
            _, content = self._anybody.answer(self._anybody.prepared("GET", path))
            if (lag := read(content)) is not None:
                return lag
        raise Stalled("neither GET /readyz nor GET /metrics tells a lag")

    def settle(
        self,
        people: Sequence[Person],
        expected: int,
        on_progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Return when the folders of *people* show *expected* mails and no stage has work left.

        Raises:
            Stalled: Nothing moved for a minute, or what was given.
        """
        seen, moved_at = (-1, -1), time.monotonic()
        while True:
            lag = self.lag()
            stored = self.stored(people) if lag == 0 else 0
            # Once more, as storing wrote what the index reads.
            if stored >= expected and self.lag() == 0:
                return
            if (lag, stored) != seen:
                seen, moved_at = (lag, stored), time.monotonic()
                on_progress(lag)
            if time.monotonic() - moved_at > self._stalled_after_s:
                raise Stalled(
                    f"{stored} of {expected} mails are shown, {lag} records wait:"
                    f" {self._running.errors()[-1000:]}"
                )
            time.sleep(POLL_S)

    def close(self) -> None:
        """Close all connections."""
        for client in (*self._clients.values(), self._anybody):
            client.close()


def lag_of_health(content: bytes) -> int | None:
    """Return the sum of what ``lag`` holds in the JSON of /readyz; None if there is none."""
    try:
        health: Any = json.loads(content)
    except ValueError:
        return None
    if not isinstance(health, dict) or "lag" not in health:
        return None
    return _sum(cast(dict[str, Any], health)["lag"])


def lag_of_metrics(content: bytes) -> int | None:
    """Return the sum of all lags, in records, of a Prometheus text; None if there is none."""
    lags: list[float] = []
    for line in content.decode().splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if "lag" in name.split("_") and not name.endswith("_seconds"):
            lags.append(float(line.rpartition(" ")[2]))
    return int(sum(lags)) if lags else None


def _sum(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_sum(each) for each in cast(dict[str, Any], value).values())
    if isinstance(value, list):
        return sum(_sum(each) for each in cast(list[Any], value))
    return int(value) if isinstance(value, int | float) else 0


@contextlib.contextmanager
def running(
    folder: Path, people: Sequence[Person], settings: Mapping[str, str] | None = None
) -> Generator[Service]:
    """Run the service on *folder* as anybody would, but for the DNS; ends it at the end."""
    with dns_server.serving() as dns:
        process = RunningService(folder, {"RILLMAIL_DNS_SERVERS": dns} | dict(settings or {}))
        process.users = [(person.address, person.password) for person in people]
        with process, _closing(Service(process, people)) as service:
            yield service
            process.stop()


@contextlib.contextmanager
def _closing(service: Service) -> Generator[Service]:
    try:
        yield service
    finally:
        service.close()


def timed(ask: Callable[[], Any]) -> float:
    """Return the seconds that *ask* takes."""
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began
