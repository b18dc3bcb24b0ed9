"""The real engines that live tests use, each with a place of its own that is removed at the end.

Where they are is read from the settings. An engine that is not there fails a test in CI; on
other machines the test is skipped and says what is missing.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Any, NoReturn
from urllib.parse import urlsplit

from connectors.access import access_of
from connectors.assembly.named import open_s3
from connectors.assembly.prepare import prepare
from connectors.assembly.reaching import kafka_admin_of, open_cassandra
from connectors.cassandra import driver, migrations
from connectors.cassandra.session import CassandraSession, address_of
from connectors.clamav.clamd import ClamdAntivirus
from connectors.elasticsearch.cluster import Cluster
from connectors.elasticsearch.search import ElasticSearch
from connectors.kafka.admin import KafkaAdmin
from connectors.kafka.topics import apply, diff, wanted
from connectors.redis.client import RedisClient
from connectors.s3.client import S3Client, open_client
from connectors.settings import Settings, load
from tests.lacking import lacking
from topologies.errors import MailError, Retryable


def absent(engine: str, where: str, error: Exception) -> NoReturn:
    """End a test whose engine is not there."""
    lacking(f"needs {engine} at {where}, which does not answer: {error}")


@contextmanager
def cassandra() -> Generator[driver.Connected]:
    """A connection to a fresh keyspace with all tables, dropped at the end.

    It serves many event loops, one after another: wrap it in a ``CassandraSession`` in each.
    """
    hosts = load().cassandra_hosts
    keyspace = f"rillmail_test_{secrets.token_hex(4)}"
    try:
        connected = driver.connect([address_of(host) for host in hosts], keyspace, 1, 5)
    except driver.FOREIGN as error:
        absent("Cassandra", ", ".join(hosts), error)

    async def prepare() -> None:
        await migrations.apply(CassandraSession(connected))

    async def drop() -> None:
        await CassandraSession(connected).define(f"DROP KEYSPACE IF EXISTS {keyspace}")

    try:
        _run(prepare)
        yield connected
    except Retryable as error:
        absent("Cassandra", ", ".join(hosts), error)
    finally:
        with suppress(Retryable):
            _run(drop)
        connected.close()


@contextmanager
def elasticsearch(*, prepared: bool = True) -> Generator[tuple[tuple[str, ...], str]]:
    """The URLs, and the name of a fresh index whose versions 1 to 3 are deleted at the end."""
    urls = load().elasticsearch_urls
    name = f"rillmail-test-{secrets.token_hex(4)}"

    async def prepare() -> None:
        search = ElasticSearch(urls, name)
        try:
            if prepared:
                await search.versions.ensure()
            else:
                await search.versions.used()
        finally:
            await search.close()

    async def drop() -> None:
        cluster = Cluster(urls)
        try:
            for number in (1, 2, 3):
                await cluster.ask("DELETE", f"/{name}-v{number}", known=(404,))
        finally:
            await cluster.close()

    try:
        asyncio.run(prepare())
    except MailError as error:
        absent("Elasticsearch", ", ".join(urls), error)
    try:
        yield urls, name
    finally:
        asyncio.run(drop())


@asynccontextmanager
async def s3(url: str = "") -> AsyncGenerator[S3Client]:
    """A client of a fresh bucket, removed at the end with all it holds.

    Args:
        url: Where the client is to find the service, if not where it is: a proxy before it.
    """
    settings = load()
    names = {
        "region": settings.s3_region,
        "bucket": f"rillmail-test-{secrets.token_hex(6)}",
        "access_key": settings.s3_access_key,
        "secret_key": settings.s3_secret_key,
    }
    async with open_client(url=settings.s3_url, **names) as direct:
        try:
            await direct.ensure_bucket()
        except MailError as error:
            absent("S3", settings.s3_url or "Amazon", error)
        try:
            if url:
                async with open_client(url=url, **names) as client:
                    yield client
            else:
                yield direct
        finally:
            if keys := [key async for key, _ in direct.keys("")]:
                await direct.delete(keys)
            await direct.remove_bucket()


@asynccontextmanager
async def kafka(*, partitions: int = 4) -> AsyncGenerator[tuple[tuple[str, ...], str]]:
    """The brokers, and a prefix under which all topics are, deleted at the end."""
    servers = load().kafka_servers
    prefix = f"test-{secrets.token_hex(4)}."
    admin = KafkaAdmin(servers)
    # For long, since tests stamp records with times of their own.
    kept = timedelta(days=10_000)
    topics = wanted(prefix=prefix, partitions=partitions, replication=1, retention=kept)
    try:
        async with asyncio.timeout(60):
            while missing := await diff(admin, topics):  # brokers learn of them a little later
                await apply(admin, topics, missing)
    except MailError as error:
        absent("Kafka", ", ".join(servers), error)
    try:
        yield servers, prefix
    finally:
        await admin.delete([name for name in await admin.partitions() if name.startswith(prefix)])


async def clamd() -> str:
    """The address of a clamd that knows the EICAR test file."""
    address = load().clamd or "127.0.0.1:3310"
    antivirus = ClamdAntivirus(address)
    try:
        await antivirus.scan(b"harmless")
    except MailError as error:
        absent("clamd", address, error)
    finally:
        await antivirus.close()
    return address


@contextmanager
def cluster_settings(
    fill: Callable[[Settings], Coroutine[Any, Any, None]] | None = None,
) -> Generator[dict[str, str]]:
    """Settings of a cluster with places of its own in every engine, removed at the end.

    Args:
        fill: Puts into them what an earlier release left, before they are prepared.
    """
    name = f"test{secrets.token_hex(4)}"
    given = {key: value for key, value in os.environ.items() if key.startswith("RILLMAIL_")}
    own = given | {
        "RILLMAIL_PROFILE": "cluster",
        "RILLMAIL_TOPIC_PREFIX": f"{name}.",
        "RILLMAIL_CASSANDRA_KEYSPACE": name,
        "RILLMAIL_ELASTICSEARCH_INDEX": name,
        "RILLMAIL_S3_BUCKET": name,
    }
    settings = load(own)

    async def make() -> None:
        if fill is not None:
            await fill(settings)
        async for _ in prepare(settings):
            pass

    async def remove() -> None:
        await remove_all(settings)

    try:
        _run(make)
    except MailError as error:
        absent("one of the engines", "the addresses of `rillmail settings`", error)
    try:
        yield own
    finally:
        _run(remove)


async def remove_all(settings: Settings) -> None:
    """Remove everything that *settings* name in the engines."""
    admin = kafka_admin_of(settings)
    prefix = settings.topic_prefix
    await admin.delete([name for name in await admin.partitions() if name.startswith(prefix)])
    await remove_stores(settings)


async def remove_stores(settings: Settings) -> None:
    """Remove what *settings* name in Cassandra, Elasticsearch and S3."""
    async with open_cassandra(settings) as session:
        await session.define(f"DROP KEYSPACE {settings.cassandra_keyspace}")
    index = Cluster(settings.elasticsearch_urls, access=access_of(settings, "elasticsearch"))
    try:
        await index.ask("DELETE", f"/{settings.elasticsearch_index}-v1", known=(404,))
    finally:
        await index.close()
    async with open_s3(settings, settings.s3_url) as client:
        keys = [key async for key, _ in client.keys("")]
        for start in range(0, len(keys), 1_000):  # no more are deleted at once
            await client.delete(keys[start : start + 1_000])
        await client.remove_bucket()


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run *work* in a loop of its own, even while the test's is running."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()


@asynccontextmanager
async def redis(database: int = 11, url: str = "") -> AsyncGenerator[RedisClient]:
    """A client of one of the databases for tests; what tests leave there dies by itself.

    Several tests may use one at once: take users of your own.

    Args:
        database: Its number.
        url: Where the client is to find Redis, if not where it is: a proxy before it.
    """
    where = load().redis_url
    at = urlsplit(url or where)._replace(path=f"/{database}").geturl()
    # A busy machine is no outage, unless a test is about outages.
    client = RedisClient(at) if url else RedisClient(at, timeout_s=5)
    try:
        await client.call("PING")
    except MailError as error:
        await client.close()
        absent("Redis", where, error)
    try:
        yield client
    finally:
        await client.close()
