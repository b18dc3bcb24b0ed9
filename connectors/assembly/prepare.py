"""What the cluster's engines need before the first worker starts: made once, checked ever after."""

from collections.abc import AsyncIterator

from connectors.assembly.named import open_s3, wanted_topics
from connectors.assembly.reaching import kafka_admin_of, open_cassandra, search_of
from connectors.cassandra import migrations
from connectors.kafka import topics
from connectors.settings import Settings
from topologies.errors import Retryable


async def prepare(settings: Settings) -> AsyncIterator[tuple[str, str]]:
    """Make topics, tables, index and bucket, as far as they are not there; yield what was done.

    Yields:
        The engine, and what became of it.

    Raises:
        Retryable: An engine is out of reach. Run it again: what is done is done.
        Misconfigured: A setting does not fit what is there, or an engine does not let us in.
    """
    yield "Kafka", await _topics(settings)
    yield "Cassandra", await _tables(settings)
    search = search_of(settings)
    try:
        await search.check()
        version = await search.versions.ensure(
            shards=settings.elasticsearch_shards, replicas=settings.elasticsearch_replication - 1
        )
    finally:
        await search.close()
    yield "Elasticsearch", f"the index {settings.elasticsearch_index} is there, version {version}"
    async with open_s3(settings, settings.s3_url) as client:
        await client.check()
        await client.ensure_bucket()
    yield "S3", f"the bucket {settings.s3_bucket} is there"


async def _topics(settings: Settings) -> str:
    admin = kafka_admin_of(settings)
    await admin.check()
    wanted = wanted_topics(settings)
    applied = await topics.apply(admin, wanted, await topics.diff(admin, wanted))
    for each in applied:
        if each.state == "failed":
            raise Retryable(f"{each.difference.topic}: {each.reason}")
    left = [each for each in applied if each.state == "left"]
    told = f"{len(applied) - len(left)} changes made to {len(wanted)} topics"
    return f"{told}; {len(left)} are left to you: see `rillmail topics diff`" if left else told


async def _tables(settings: Settings) -> str:
    async with open_cassandra(settings, create=True) as session:
        applied = await migrations.apply(session)
    return f"{len(applied)} migrations applied to {settings.cassandra_keyspace}"
