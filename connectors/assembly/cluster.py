"""The cluster profile: each role a process, on Kafka, Cassandra, Elasticsearch, Redis and S3.

A role is a way in (``smtp``, ``api``), a path of stages (``inbound``, ``mailbox``,
``outbound``, ``feedback``), or one stage that heads a chain. One process may have several.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog

from connectors.access import access_of
from connectors.assembly.cleaning import clean
from connectors.assembly.cluster_stores import ClusterStores, open_stores, top_senders_in
from connectors.assembly.edge import acceptance_of
from connectors.assembly.flowing import ClusterFlow
from connectors.assembly.observing import (
    CertificateDates,
    figures_of,
    oldest_s,
    tell_room,
    watch_queue,
)
from connectors.assembly.purging import purge
from connectors.assembly.reaching import (
    faust_login_of,
)
from connectors.assembly.stores import antivirus_of, close_services, services_of
from connectors.assembly.tracers import tracer_of
from connectors.dns.resolver import DnsResolver
from connectors.elasticsearch.search import ElasticSearch
from connectors.kafka.dead_letters import KafkaDeadLetters
from connectors.kafka.timer import KafkaTimer
from connectors.lately import Lately
from connectors.metrics import Metrics
from connectors.redis.figures import RedisFigures
from connectors.redis.reputations import RedisReputations
from connectors.redis.seen import RedisSeen
from connectors.settings import Settings
from connectors.sign_in import SignIns
from connectors.smtp_in.figures import SmtpFigures
from connectors.smtp_in.server import SmtpIn
from connectors.watched import watched
from topologies.engines.faust import FaustEngine, Group, groups_of
from topologies.engines.faust_table import FaustTable
from topologies.engines.handling import Services
from topologies.errors import BlobMissing, MailError, Misconfigured, Retryable
from topologies.ports.antivirus import Antivirus
from topologies.ports.blobs import Blobs
from topologies.ports.figures import Flow
from topologies.ports.reputations import Reputations
from topologies.ports.top_senders import TopSenders
from topologies.topics import TABLES
from topologies.topology import Topology, build

WAYS_IN = ("smtp", "api")
TIMER_BESIDE = "attempt"  # the group whose workers move what waits
CHECK_EVERY_S = 5.0
COUNT_DEAD_EVERY_S = 60.0
CHECK_TIMEOUT_S = 4.0

Check = Callable[[], Awaitable[object]]

_logger = structlog.get_logger("worker")


class Worker:
    """One process of the cluster, wired and not yet started; HTTP is added by ``api``."""

    def __init__(
        self, settings: Settings, roles: Sequence[str], stores: ClusterStores, topology: Topology
    ) -> None:
        """Prepare for *roles*.

        Raises:
            Misconfigured: There is no such role.
        """
        self.settings = settings
        self.roles = tuple(dict.fromkeys(roles))
        self.stores = stores
        self.notices = stores.notices
        self.metrics = Metrics(stores.clock)
        self.tracer = tracer_of(settings, " ".join(self.roles))
        self.has_api = "api" in self.roles
        self.smtp = self._smtp() if "smtp" in self.roles else None
        if self.smtp is not None:
            self.metrics.also(SmtpFigures(self.smtp))
            self.metrics.also(CertificateDates(settings))
        self._stopped = asyncio.Event()
        self._failing: dict[str, str] = {}  # what is out of reach, and why
        groups = _groups(topology, self.roles)
        self._services: Services | None = None  # of the stages, where any run
        self._engine = self._made(topology, groups) if groups else None
        self._timer = self._timer_beside(groups)
        self._later: Mapping[str, int] = {}
        self._checks = self._chosen(groups)
        self._paths = {group.stage.path for group in groups if group.stage is not None}
        self._missed = self._missed_by(groups)
        self._dead: Mapping[str, int] = {}
        self._dead_asked_at = -math.inf
        self.topology = topology
        self._name = uuid4().hex  # among all processes of the deployment
        self._lately = Lately[tuple[str, str]]()
        # By the topics' prefix: deployments that share a Redis don't tell of each other.
        self._figures = RedisFigures(
            stores.redis, stores.clock, names=f"{settings.topic_prefix}figures"
        )
        self._flow = ClusterFlow(
            topology,
            stores.reader,
            KafkaDeadLetters(stores.log, stores.reader),
            self._figures,
            stores.clock,
        )

    async def work(self) -> None:
        """Let the stages run, and watch what they need, until ``stop``.

        Raises:
            Misconfigured: A stage can't be run as it is wired.
            Retryable: The worker can't go on, and another may.
        """
        watching = [asyncio.create_task(self._watch(), name="watch")]
        if self.has_api:
            watching.append(asyncio.create_task(purge(self.stores), name="purge"))
            cleaning = clean(self.stores, self.settings)
            watching.append(asyncio.create_task(cleaning, name="clean"))
        if self._timer is not None:
            queue = watch_queue(self.metrics, self.stores.deliveries)
            watching.append(asyncio.create_task(queue, name="queue"))
        timing = asyncio.create_task(self._time(self._timer), name="timer") if self._timer else None
        try:
            if self._engine is not None:
                await self._engine.run()
            else:
                await self._stopped.wait()
        finally:
            for task in watching:
                task.cancel()
            if self._timer is not None and timing is not None:
                self._timer.stop()
                await timing
            if self._services is not None:
                await close_services(self._services)
            if self.tracer is not None:
                await self.tracer.close()

    async def stop(self) -> None:
        """End ``work``; what is under way gets a moment to end."""
        self._stopped.set()
        if self._engine is not None:
            await self._engine.stop()

    async def health(self) -> Mapping[str, Any]:
        """Return whether this process does its work, and what it waits for if not."""
        waiting = self._engine.waiting() if self._engine is not None else ()
        reasons = {
            reason if reason.startswith(name) else f"{name}: {reason}"
            for name, reason in self._failing.items()
        }
        reasons |= {f"{record.stage}: {record.reason}" for record in waiting if record.outage}
        if self._engine is not None and (trouble := self._engine.trouble()):
            reasons.add(trouble)
        return {
            "ready": not reasons,
            "reason": "; ".join(sorted(reasons)),
            "roles": self.roles,
            "waiting": len(waiting),
            "lag": self._engine.lag() if self._engine is not None else {},
            "later": self._later,  # waits for its time
        }

    async def flow(self) -> Flow:
        """Return how mail flows through all stages, of all workers."""
        return await self._flow.flow()

    async def _tell_figures(self) -> None:
        """Tell whoever looks how the stages do that are run here."""
        self._lately.note(self.metrics.tries(), time.monotonic())
        if self._engine is None:
            return
        lag = self._engine.lag()
        figures = figures_of(
            self._lately.per_second(),
            self._engine.waiting(),
            self.stores.clock.now(),
            dict.fromkeys(lag, 0.0) | dict(self._engine.lag_s()),
        )
        with suppress(Retryable):  # Redis is missed, and it is told again
            await self._figures.tell(self._name, figures)

    def _smtp(self) -> SmtpIn:
        settings, stores = self.settings, self.stores
        resolver = DnsResolver(settings.dns_servers, settings.dns_timeout_s, stores.clock)
        seen = RedisSeen(stores.redis, stores.clock)
        return SmtpIn(
            stores.log,
            stores.blobs,
            acceptance_of(settings, stores, resolver, seen),
            stores.clock,
            seen,
            settings,
            SignIns(stores.directory, stores.app_passwords, stores.limits, stores.second_factors),
            self.tracer,
        )

    async def _time(self, timer: KafkaTimer) -> None:
        try:
            await timer.run()
        finally:
            await self.stop()  # what waits must not be forgotten: another worker may fare better

    def _timer_beside(self, groups: Sequence[Group]) -> KafkaTimer | None:
        """Return the timer, which works beside the deliveries."""
        if all(group.name != TIMER_BESIDE for group in groups):
            return None
        return KafkaTimer(
            self.settings.kafka_servers,
            access=access_of(self.settings, "kafka"),
            prefix=self.settings.topic_prefix,
            write=self.stores.log.write,
            lags=self.stores.reader.lags,
            clock=self.stores.clock,
        )

    def _made(self, topology: Topology, groups: Sequence[Group]) -> FaustEngine:
        settings, stores = self.settings, self.stores
        tables = {table.name: FaustTable(table) for table in TABLES}
        reputations = RedisReputations(stores.redis, tables["senders"], stores.clock)
        services = services_of(settings, stores, self.notices, antivirus_of(settings))
        self._services = services
        return FaustEngine(
            topology,
            {
                **watched(services, self.tracer),
                Reputations: reputations,
                TopSenders: top_senders_in(settings, stores.redis, tables["windows"]),
            },
            groups,
            servers=settings.kafka_servers,
            login=faust_login_of(settings),
            prefix=settings.topic_prefix,
            folder=Path(settings.data_dir) / "faust",
            write=stores.log.write,
            lags=stores.reader.lags,
            tables=tuple(tables.values()),
            partitions=settings.partitions,
            clock=stores.clock,
            in_flight=settings.in_flight,
            observer=self.metrics,
            tracer=self.tracer,
        )

    def _chosen(self, groups: Sequence[Group]) -> Mapping[str, Check]:
        """Return how to find out whether what these roles can't be without is there."""
        stores = self.stores
        checks: dict[str, Check] = {
            "Kafka": lambda: stores.reader.ends("mail.received"),
            "Cassandra": lambda: stores.session.execute("SELECT key FROM system.local"),
        }
        # Search and Redis are missed, and everything else goes on.
        paths = {group.stage.path for group in groups if group.stage is not None}
        if {"inbound", "outbound", "feedback"} & paths or set(WAYS_IN) & set(self.roles):
            checks["S3"] = lambda: _answers(stores.blobs)
        return checks

    def _missed_by(self, groups: Sequence[Group]) -> Mapping[str, Check]:
        """Return the same of what is missed when it is away, and stops nothing or waits alone."""
        stores = self.stores
        missed: dict[str, Check] = {"Redis": lambda: stores.redis.call("PING")}
        stages = {group.stage.name for group in groups if group.stage is not None}
        search = stores.search
        if isinstance(search, ElasticSearch) and ("index" in stages or self.has_api):
            missed["Elasticsearch"] = search.versions.used
        antivirus = self._services[Antivirus] if self._services is not None else None
        if self.settings.clamd and antivirus is not None and {"inbound", "outbound"} & self._paths:
            missed["clamd"] = lambda: antivirus.scan(b"is anybody there?")
        return missed

    async def _watch(self) -> None:
        while True:
            await asyncio.gather(
                *(self._check(*each) for each in self._checks.items()),
                *(self._look(*each) for each in self._missed.items()),
            )
            await self._count_dead()
            if self._timer is not None:
                with suppress(Retryable):
                    self._later = await self._timer.later()
            health = await self.health()
            self.metrics.stands(
                lag=health["lag"],
                dead=self._dead,
                waiting=health["waiting"],
                later=health["later"],
                lag_s=self._engine.lag_s() if self._engine is not None else {},
                oldest_s=oldest_s(
                    self._engine.waiting() if self._engine is not None else (),
                    self.stores.clock.now(),
                ),
                is_ready=health["ready"],
            )
            tell_room(self.metrics, self.settings)
            await self._tell_figures()
            await asyncio.sleep(CHECK_EVERY_S)

    async def _check(self, name: str, check: Check) -> None:
        reason = await self._look(name, check)
        if reason:
            if name not in self._failing:
                _logger.warning("out-of-reach", what=name, reason=reason)
            self._failing[name] = reason
        elif self._failing.pop(name, None) is not None:
            _logger.info("back", what=name)

    async def _look(self, name: str, check: Check) -> str:
        """Look for an engine, and tell its figures; return why it does not answer, or nothing."""
        reason = ""
        began_at = time.perf_counter()
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await check()
        except (MailError, TimeoutError) as error:
            reason = str(error) or "no answer"
        self.metrics.looked(name, is_up=not reason, seconds=time.perf_counter() - began_at)
        return reason

    async def _count_dead(self) -> None:
        """Count the dead letters of what is run here, now and then."""
        is_recent = time.monotonic() - self._dead_asked_at < COUNT_DEAD_EVERY_S
        if is_recent or not self._paths or "Kafka" in self._failing:
            return
        self._dead_asked_at = time.monotonic()
        with suppress(Retryable):
            counts = await self.stores.dead_letters.count()
            self._dead = {path: count for path, count in counts.items() if path in self._paths}


def check_roles(settings: Settings, roles: Sequence[str]) -> None:
    """Find out whether workers of *roles* could be opened, as far as nothing has to be asked.

    Raises:
        Misconfigured: There is no such role.
    """
    _groups(build(cuts=settings.cuts, taps=settings.taps), roles)


@asynccontextmanager
async def open_worker(settings: Settings, roles: Sequence[str]) -> AsyncGenerator[Worker]:
    """Connect, and wire what *roles* need.

    Raises:
        Retryable: As ``open_stores``.
        Misconfigured: As ``open_stores``; or there is no such role.
    """
    topology = build(cuts=settings.cuts, taps=settings.taps)
    _groups(topology, roles)  # before anything is asked: a wrong name is told at once
    async with open_stores(settings) as stores:
        worker = Worker(settings, roles, stores, topology)
        if worker.has_api:
            async with stores.notices.serving():
                yield worker
        else:
            yield worker


async def _answers(blobs: Blobs) -> None:
    with suppress(BlobMissing):
        # A GET: the answer to a HEAD does not tell a missing object from a missing bucket.
        await blobs.get("0" * 64)


def _groups(topology: Topology, roles: Sequence[str]) -> list[Group]:
    groups: dict[str, Group] = {}
    for role in roles:
        if role not in WAYS_IN:
            try:
                groups |= {group.name: group for group in groups_of(topology, role)}
            except Misconfigured as error:
                paths = dict.fromkeys(stage.path for stage in topology.stages)
                names = ", ".join([*WAYS_IN, *paths])
                raise Misconfigured(f"no role {role!r}: there are {names}; else {error}") from error
    return list(groups.values())
