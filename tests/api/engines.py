"""A desk on Cassandra, Elasticsearch, Redis and S3, as the cluster has them.

All desks of a run share what is dear to make, and each has users of its own. The log is the
desk's: on Kafka the journeys go.
"""

import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass

from connectors.cassandra import driver
from connectors.cassandra.contacts import CassandraContacts
from connectors.cassandra.directory import CassandraDirectory
from connectors.cassandra.domain_reports import CassandraDomainReports
from connectors.cassandra.mailboxes import CassandraMailboxes
from connectors.cassandra.personal_spam import CassandraPersonalSpam
from connectors.cassandra.rules import CassandraAnswers, CassandraRules
from connectors.cassandra.scheduled import CassandraScheduled
from connectors.cassandra.second_factors import CassandraSecondFactors
from connectors.cassandra.session import CassandraSession, address_of
from connectors.cassandra.snoozes import CassandraSnoozes
from connectors.cassandra.sts_policies import CassandraStsPolicies
from connectors.cassandra.unsubscribes import CassandraUnsubscribes
from connectors.elasticsearch.search import ElasticSearch
from connectors.memory.limits import MemoryLimits
from connectors.memory.notices import MemoryNotices
from connectors.passwords import Passwords
from connectors.redis.limits import RedisLimits
from connectors.redis.listings import CachedListings
from connectors.redis.notices import RedisNotices
from connectors.s3.blobs import S3Blobs
from connectors.s3.client import open_client
from connectors.s3.url_key import S3UrlKey
from connectors.sealed_text import Seal
from connectors.settings import Settings, load
from tests.api.desk import PASSWORD, Place
from tests.live.cassandra_names import OwnNames, request_keys_on
from tests.live.cassandra_users import OwnUsers
from tests.live.engines import cluster_settings, redis
from tests.services import DOMAIN, in_memory
from topologies.ports.answers import Answers
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.contacts import Contacts
from topologies.ports.directory import Directory
from topologies.ports.domain_reports import DomainReports
from topologies.ports.limits import Limits, Verdict
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.notices import Notices
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.rules import Rules
from topologies.ports.scheduled import Scheduled
from topologies.ports.search import Search
from topologies.ports.snoozes import Snoozes
from topologies.ports.sts_policies import StsPolicies
from topologies.ports.unsubscribes import Unsubscribes

PATIENCE_S = 2.0


@dataclass(frozen=True)
class SharedEngines:
    """What all desks of a run stand on."""

    settings: Settings
    connected: driver.Connected

    def reached_place(self) -> AbstractAsyncContextManager[Place]:
        """As ``place``, where clients reach the store of blobs."""
        return self.place(is_store_reached=True)

    @asynccontextmanager
    async def place(self, *, is_store_reached: bool = False) -> AsyncGenerator[Place]:
        """The stores of one desk, whose people nobody else has."""
        settings = self.settings
        services = await in_memory()
        clock: Clock = services[Clock]
        async with AsyncExitStack() as opened:
            client = await opened.enter_async_context(redis())
            s3 = await opened.enter_async_context(
                open_client(
                    url=settings.s3_url,
                    region=settings.s3_region,
                    bucket=settings.s3_bucket,
                    access_key=settings.s3_access_key,
                    secret_key=settings.s3_secret_key,
                )
            )
            search = ElasticSearch(
                settings.elasticsearch_urls, settings.elasticsearch_index, refresh="true"
            )
            opened.push_async_callback(search.close)
            mailboxes = CassandraMailboxes(OwnUsers(self.connected), clock)
            opened.push_async_callback(mailboxes.close)
            notices = RedisNotices(client, MemoryNotices())
            await opened.enter_async_context(notices.serving())
            names = OwnNames(self.connected)
            directory = CassandraDirectory(
                names, clock, default_quota_bytes=0, passwords=Passwords.cheap()
            )
            await _settle(directory)
            yield Place(
                services={
                    **services,
                    Answers: CassandraAnswers(CassandraSession(self.connected)),
                    Blobs: S3Blobs(s3),
                    Contacts: CassandraContacts(CassandraSession(self.connected)),
                    Directory: directory,
                    DomainReports: CassandraDomainReports(CassandraSession(self.connected), clock),
                    Mailboxes: CachedListings(mailboxes, client),
                    Notices: notices,
                    PersonalSpam: CassandraPersonalSpam(CassandraSession(self.connected), clock),
                    Rules: CassandraRules(CassandraSession(self.connected), clock),
                    Search: search,
                    StsPolicies: CassandraStsPolicies(CassandraSession(self.connected)),
                    Scheduled: CassandraScheduled(CassandraSession(self.connected), clock),
                    Snoozes: CassandraSnoozes(CassandraSession(self.connected), clock),
                    Unsubscribes: CassandraUnsubscribes(CassandraSession(self.connected)),
                },
                request_keys=request_keys_on(names),
                second_factors=CassandraSecondFactors(names, Seal("a secret", "SECRET")),
                limits=OwnLimits(RedisLimits(client, clock, otherwise=MemoryLimits(clock))),
                url_keys=lambda: S3UrlKey(s3),
                blob_urls=S3Blobs(s3) if is_store_reached else None,
                patience_s=PATIENCE_S,
            )


class OwnLimits:
    """Limits whose keys nobody else counts under."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._prefix = secrets.token_hex(6)

    async def hit(self, key: str, limit: int, window_s: float) -> Verdict:
        return await self._limits.hit(f"{self._prefix} {key}", limit, window_s)

    async def take_back(self, key: str, window_s: float) -> None:
        await self._limits.take_back(f"{self._prefix} {key}", window_s)


@contextmanager
def shared_engines() -> Generator[SharedEngines]:
    """Make places in all engines, and remove them at the end."""
    with cluster_settings() as own:
        settings = load(own)
        hosts = [address_of(host) for host in settings.cassandra_hosts]
        connected = driver.connect(hosts, settings.cassandra_keyspace, 1, 5)
        try:
            yield SharedEngines(settings, connected)
        finally:
            connected.close()


async def _settle(directory: Directory) -> None:
    """Let the people of ``in_memory`` live in *directory*."""
    await directory.add_domain(DOMAIN)
    for name in ("ann", "bo"):
        await directory.add_user(f"{name}@{DOMAIN}", PASSWORD, name=name.title())
    await directory.add_alias(f"all@{DOMAIN}", [f"ann@{DOMAIN}", f"bo@{DOMAIN}"])
