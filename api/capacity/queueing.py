"""Why cores are not planned full: how long mail waits by utilisation, computed and simulated.

A worker takes its partitions' records one after another, so it is a queue with one server:
arrivals at random (many users, each by themselves), times of service that vary by `spread`. For
that there is a formula (Pollaczek and Khinchine); the simulation plays it through, event by
event, and besides what has no formula here: a worker that is away for a while.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass
from math import log, sqrt

import msgspec

SPREAD = 1.0  # standard deviation of a service by its mean; of mails about that
ARRIVES, ENDS = 0, 1


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulation showed, in seconds."""

    mean_s: float
    p99_s: float
    most_s: float
    mails: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Of one worker: until another has its partitions, or it is back."""

    begins_s: float
    lasts_s: float


def expected_wait_s(utilisation: float, service_s: float, spread: float = SPREAD) -> float:
    """Return how long a record waits on average before it is worked on."""
    return utilisation * service_s * (1 + spread**2) / (2 * (1 - utilisation))


def expected_drain_s(utilisation: float, outage_s: float) -> float:
    """Return how long after an outage of *outage_s* the queue is as short as before."""
    return outage_s * utilisation / (1 - utilisation)


def simulated(
    utilisation: float,
    service_s: float,
    *,
    mails: int,
    workers: int = 4,
    spread: float = SPREAD,
    outage: Outage | None = None,
    seed: int = 1,
) -> tuple[Waiting, float]:
    """Play *mails* through *workers*, and return how they waited, and when all was well again.

    Args:
        utilisation: Of each worker, 0 to 1.
        service_s: Seconds of one mail, on average.
        mails: How many come.
        workers: Each has its own partitions, and mails are spread over these at random.
        spread: Standard deviation of a service by its mean.
        outage: Of the first worker.
        seed: The same one gives the same figures.

    Returns:
        How mails waited; and the seconds from the outage's end until the first worker had nothing
        left to do, 0 without one.
    """
    chance = random.Random(seed)  # noqa: S311  nothing to be kept secret
    rate_per_s = utilisation * workers / service_s
    queues: list[deque[float]] = [deque() for _ in range(workers)]  # when each record came
    busy = [False] * workers
    back_s = outage.begins_s + outage.lasts_s if outage else 0.0
    drained_s = 0.0
    waits: list[float] = []
    events: list[tuple[float, int, int]] = [(chance.expovariate(rate_per_s), ARRIVES, 0)]
    arrived = 0

    def begin(worker: int, now: float) -> None:
        """Let *worker* take its oldest record; while it is away, not before it is back."""
        is_away = outage is not None and worker == 0 and outage.begins_s <= now < back_s
        starts = back_s if is_away else now
        waits.append(starts - queues[worker].popleft())
        busy[worker] = True
        takes = _service_s(chance, service_s, spread)
        heapq.heappush(events, (starts + takes, ENDS, worker))

    while events:
        now, what, worker = heapq.heappop(events)
        if what == ARRIVES:
            arrived += 1
            worker = chance.randrange(workers)
            queues[worker].append(now)
            if arrived < mails:
                heapq.heappush(events, (now + chance.expovariate(rate_per_s), ARRIVES, 0))
        else:
            busy[worker] = False
            if worker == 0 and outage and not drained_s and now > back_s and not queues[0]:
                drained_s = now
        if queues[worker] and not busy[worker]:
            begin(worker, now)
    ordered = sorted(waits)
    waiting = Waiting(
        mean_s=sum(ordered) / len(ordered),
        p99_s=ordered[int(len(ordered) * 0.99)],
        most_s=ordered[-1],
        mails=len(ordered),
    )
    return waiting, drained_s - back_s if drained_s else 0.0


def _service_s(chance: random.Random, mean_s: float, spread: float) -> float:
    """Return one time of service: log-normal, as times of work are."""
    variance = log(1 + spread**2)
    return chance.lognormvariate(log(mean_s) - variance / 2, sqrt(variance))
