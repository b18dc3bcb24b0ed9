"""What the cluster's engines need before the first worker starts: made once, checked ever after."""

from collections.abc import AsyncIterator

from connectors.assembly.named import open_s3, wanted_topics
from connectors.cassandra import migrations
from connectors.cassandra.session import open_session
from connectors.elasticsearch.search import ElasticSearch
from connectors.kafka import topics
from connectors.kafka.admin import KafkaAdmin
from connectors.settings import Settings
from topologies.errors import Retryable


async def prepare(settings: Settings) -> AsyncIterator[tuple[str, str]]:
    """Make topics, tables, index and bucket, as far as they are not there; yield what was done.

    Yields:
        The engine, and what became of it.

    Raises:
        Retryable: An engine is out of reach. Run it again: what is done is done.
        Misconfigured: A setting does not fit what is there.
    """
    yield "Kafka", await _topics(settings)
    yield "Cassandra", await _tables(settings)
    search = ElasticSearch(settings.elasticsearch_urls, settings.elasticsearch_index)
    try:
        version = await search.versions.ensure(
            shards=settings.elasticsearch_shards, replicas=settings.elasticsearch_replication - 1
        )
    finally:
        await search.close()
    yield "Elasticsearch", f"the index {settings.elasticsearch_index} is there, version {version}"
    async with open_s3(settings, settings.s3_url) as client:
        await client.ensure_bucket()
    yield "S3", f"the bucket {settings.s3_bucket} is there"


async def _topics(settings: Settings) -> str:
    admin = KafkaAdmin(settings.kafka_servers)
    wanted = wanted_topics(settings)
    applied = await topics.apply(admin, wanted, await topics.diff(admin, wanted))
    for each in applied:
        if each.state == "failed":
            raise Retryable(f"{each.difference.topic}: {each.reason}")
    left = [each for each in applied if each.state == "left"]
    told = f"{len(applied) - len(left)} changes made to {len(wanted)} topics"
    return f"{told}; {len(left)} are left to you: see `rillmail topics diff`" if left else told


async def _tables(settings: Settings) -> str:
    async with open_session(
        settings.cassandra_hosts,
        settings.cassandra_keyspace,
        replication=settings.cassandra_replication,
        create=True,
    ) as session:
        applied = await migrations.apply(session)
    return f"{len(applied)} migrations applied to {settings.cassandra_keyspace}"
