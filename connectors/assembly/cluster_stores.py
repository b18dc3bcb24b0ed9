"""The stores of the cluster: Cassandra, Elasticsearch, Redis, S3, and the log in Kafka."""

from collections.abc import AsyncGenerator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from connectors.access import access_of
from connectors.assembly.named import open_s3
from connectors.assembly.reaching import (
    all_let_in,
    open_cassandra,
    redis_of,
    search_of,
)
from connectors.assembly.stores import Stores
from connectors.cassandra import migrations
from connectors.cassandra.app_passwords import CassandraAppPasswords
from connectors.cassandra.contacts import CassandraContacts
from connectors.cassandra.deliveries import CassandraDeliveries
from connectors.cassandra.directory import CassandraDirectory
from connectors.cassandra.dkim_keys import CassandraDkimKeys
from connectors.cassandra.domain_reports import CassandraDomainReports
from connectors.cassandra.mailboxes import CassandraMailboxes
from connectors.cassandra.personal_spam import CassandraPersonalSpam
from connectors.cassandra.push_subscriptions import CassandraPushSubscriptions
from connectors.cassandra.request_keys import CassandraRequestKeys
from connectors.cassandra.restraints import CassandraRestraints
from connectors.cassandra.rules import CassandraAnswers, CassandraRules
from connectors.cassandra.scheduled import CassandraScheduled
from connectors.cassandra.second_factors import CassandraSecondFactors
from connectors.cassandra.session import CassandraSession
from connectors.cassandra.snoozes import CassandraSnoozes
from connectors.cassandra.sts_policies import CassandraStsPolicies
from connectors.cassandra.summaries import CassandraSummaries
from connectors.cassandra.suppressions import CassandraSuppressions
from connectors.cassandra.tidings import CassandraTidings
from connectors.cassandra.unsubscribes import CassandraUnsubscribes
from connectors.cassandra.webhooks import CassandraWebhooks
from connectors.generations import MailboxGenerations
from connectors.kafka.dead_letters import KafkaDeadLetters
from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.memory.clock import SystemClock
from connectors.memory.limits import MemoryLimits
from connectors.memory.notices import MemoryNotices
from connectors.redis.client import RedisClient
from connectors.redis.limits import RedisLimits
from connectors.redis.listings import CachedListings
from connectors.redis.notices import RedisNotices
from connectors.redis.top_senders import RedisTopSenders
from connectors.s3.blobs import S3Blobs
from connectors.s3.url_key import PUSH_OBJECT, S3UrlKey
from connectors.sealed_text import Seal
from connectors.settings import PREFIX, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStores(Stores):
    """The stores, and what the cluster has besides."""

    log: KafkaLog
    reader: KafkaReader
    session: CassandraSession
    redis: RedisClient
    notices: RedisNotices


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncGenerator[ClusterStores]:
    """Connect to what the settings name, and leave at the end.

    Raises:
        Retryable: Cassandra is out of reach. The others are waited for when they are asked.
        Misconfigured: An address is none, an engine does not let us in, or the schema is not
            the one that is needed.
    """
    clock = SystemClock()
    async with AsyncExitStack() as opened:
        session = await opened.enter_async_context(open_cassandra(settings))
        await migrations.check(session)
        s3 = await opened.enter_async_context(open_s3(settings, settings.s3_url))
        # A URL is signed for one host, the one that clients know.
        at_clients = (
            await opened.enter_async_context(open_s3(settings, settings.s3_public_url))
            if settings.s3_public_url
            else None
        )
        redis = redis_of(settings)
        opened.push_async_callback(redis.close)
        search = search_of(settings)
        opened.push_async_callback(search.close)
        kafka = access_of(settings, "kafka")
        reader = KafkaReader(settings.kafka_servers, access=kafka, prefix=settings.topic_prefix)
        await all_let_in(redis.check(), reader.check(), search.check(), s3.check())
        log = KafkaLog(
            settings.kafka_servers, access=kafka, clock=clock, prefix=settings.topic_prefix
        )
        opened.push_async_callback(log.close)
        kept = CassandraMailboxes(session, clock)
        opened.push_async_callback(kept.close)
        mailboxes = MailboxGenerations(kept, clock)
        # Before the notices: when Redis is back, listings are made right first.
        listings = CachedListings(mailboxes, redis)
        seal = Seal(settings.dkim_secret, f"{PREFIX}DKIM_SECRET")
        yield ClusterStores(
            clock=clock,
            log=log,
            reader=reader,
            session=session,
            redis=redis,
            notices=RedisNotices(redis, MemoryNotices()),
            dead_letters=KafkaDeadLetters(log, reader),
            deliveries=CassandraDeliveries(session, clock),
            blobs=S3Blobs(s3),
            directory=CassandraDirectory(
                session, clock, default_quota_bytes=settings.default_quota_bytes
            ),
            mailboxes=listings,
            generations=mailboxes,
            request_keys=CassandraRequestKeys(session),
            search=search,
            limits=RedisLimits(redis, clock, otherwise=MemoryLimits(clock)),
            app_passwords=CassandraAppPasswords(session),
            second_factors=CassandraSecondFactors(session, seal),
            dkim_keys=CassandraDkimKeys(session, clock, seal),
            restraints=CassandraRestraints(session, clock),
            suppressions=CassandraSuppressions(session, clock),
            summaries=CassandraSummaries(session),
            tidings=CassandraTidings(session),
            webhooks=CassandraWebhooks(session, clock, seal),
            push_subscriptions=CassandraPushSubscriptions(session, clock, seal),
            rules=CassandraRules(session, clock),
            answers=CassandraAnswers(session),
            contacts=CassandraContacts(session),
            unsubscribes=CassandraUnsubscribes(session),
            snoozes=CassandraSnoozes(session, clock),
            scheduled=CassandraScheduled(session, clock),
            personal_spam=CassandraPersonalSpam(session, clock),
            domain_reports=CassandraDomainReports(session, clock),
            sts_policies=CassandraStsPolicies(session),
            top_senders=top_senders_in(settings, redis, {}),
            url_key=S3UrlKey(s3),
            push_key=S3UrlKey(s3, PUSH_OBJECT),
            blob_urls=S3Blobs(at_clients) if at_clients is not None else None,
        )


def top_senders_in(
    settings: Settings, redis: RedisClient, table: MutableMapping[str, bytes]
) -> RedisTopSenders:
    """Return who sends most by the hour: counted in *table*, shown by Redis."""
    return RedisTopSenders(redis, table, names=f"{settings.topic_prefix}senders")
