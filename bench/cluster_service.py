"""The cluster under test: each role a real process, on the engines that are there.

Its places in the engines are its own, and removed at the end. Only the DNS is answered by the
bench. What has passed is read from the workers' log, so that no process pays for the question.
"""

import contextlib
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

from bench import dns_server
from bench.cluster_log import StageLines
from bench.people import Person
from bench.process_cost import Memory, cpu_s, memory
from bench.service import STALLED_AFTER_S, Service, Stalled
from tests.process import RunningCluster

ROLES = ("smtp", "api", "inbound", "mailbox", "outbound", "feedback")
LAST_STAGES = ("index", "notify")  # each has one record for a mail that came to one mailbox
LOOK_S = 0.05  # a look at the log costs the workers nothing


class Roles(Service):
    """The workers of a running cluster."""

    def __init__(self, running: RunningCluster, people: Sequence[Person]) -> None:
        super().__init__(running, people)
        self._cluster = running
        self.lines = StageLines(running.folder.parent / f"{running.folder.name}.log")

    def cpu_s(self) -> float:
        """Return the CPU seconds that all workers used so far; who starts them is left out."""
        return sum(self.cpu_by_role().values())

    def cpu_by_role(self) -> dict[str, float]:
        """Return the CPU seconds that the workers of each role used so far."""
        spent: dict[str, float] = dict.fromkeys(ROLES, 0.0)
        for pid, role in self._cluster.workers().items():
            spent[role] += cpu_s([pid])
        return spent

    def memory_by_role(self) -> dict[str, list[Memory]]:
        """Return what each worker of each role holds."""
        held: dict[str, list[Memory]] = {role: [] for role in ROLES}
        for pid, role in self._cluster.workers().items():
            held[role].append(memory([pid]))
        return held

    def passed(self) -> int:
        """Return how many mails have passed the last stages since the log began."""
        self.lines.read()
        return min(self.lines.count[stage] for stage in LAST_STAGES)

    def settle(
        self,
        people: Sequence[Person],
        expected: int,
        on_progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Return when *people* are shown *expected* mails; no stage had work for half a second.

        Raises:
            Stalled: Nothing moved for a minute.
        """
        seen, moved_at = -1, time.monotonic()
        while True:
            passed = self.passed()
            if passed != seen:
                seen, moved_at = passed, time.monotonic()
                on_progress(0)
            elif time.monotonic() - moved_at > 0.5 and self.stored(people) >= expected:
                return
            if time.monotonic() - moved_at > STALLED_AFTER_S:
                raise Stalled(f"{self.stored(people)} of {expected} mails are shown")
            time.sleep(LOOK_S)

    def wait_passed(self, expected: int) -> None:
        """Return as soon as *expected* mails have passed the last stages since the log began.

        Raises:
            Stalled: None did for a minute.
        """
        seen, moved_at = -1, time.monotonic()
        while (passed := self.passed()) < expected:
            if passed != seen:
                seen, moved_at = passed, time.monotonic()
            if time.monotonic() - moved_at > STALLED_AFTER_S:
                raise Stalled(f"{passed} of {expected} mails have passed: {self._cluster.errors()}")
            time.sleep(LOOK_S)


@contextlib.contextmanager
def running_roles(
    folder: Path, people: Sequence[Person], settings: Mapping[str, str], roles: Sequence[str] = ()
) -> Generator[Roles]:
    """Run a worker for each of *roles*, or one of each, in the places that *settings* name."""
    with dns_server.serving() as dns:
        process = RunningCluster(folder, {**settings, "RILLMAIL_DNS_SERVERS": dns}, roles)
        process.users = [(person.address, person.password) for person in people]
        with process, contextlib.closing(Roles(process, people)) as service:
            yield service
            process.stop()
