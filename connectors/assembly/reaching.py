"""How each engine of the cluster is reached, as the settings say; and whether it lets us in."""

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager

from connectors.access import access_of
from connectors.cassandra.session import CassandraSession, open_session
from connectors.elasticsearch.search import ElasticSearch
from connectors.kafka.admin import REQUEST_TIMEOUT_S, KafkaAdmin
from connectors.redis.client import RedisClient
from connectors.settings import Settings
from topologies.engines.faust_login import FaustLogin
from topologies.errors import Misconfigured


def open_cassandra(
    settings: Settings, *, create: bool = False
) -> AbstractAsyncContextManager[CassandraSession]:
    """Open a session on the keyspace, as ``open_session`` does; *create* it if it is not there."""
    return open_session(
        settings.cassandra_hosts,
        settings.cassandra_keyspace,
        replication=settings.cassandra_replication,
        create=create,
        access=access_of(settings, "cassandra"),
    )


def search_of(settings: Settings, *, version: int | None = None) -> ElasticSearch:
    """Return the index in use, or that *version* of it; whoever asked closes it."""
    return ElasticSearch(
        settings.elasticsearch_urls,
        settings.elasticsearch_index,
        version=version,
        access=access_of(settings, "elasticsearch"),
    )


def redis_of(settings: Settings) -> RedisClient:
    """Return a client of Redis; whoever asked closes it."""
    return RedisClient(settings.redis_url, access=access_of(settings, "redis"))


def kafka_admin_of(settings: Settings, *, within_s: float = REQUEST_TIMEOUT_S) -> KafkaAdmin:
    """Return who asks the brokers and changes topics, and waits *within_s* for an answer."""
    return KafkaAdmin(
        settings.kafka_servers, access=access_of(settings, "kafka"), answer_within_s=within_s
    )


def faust_login_of(settings: Settings) -> FaustLogin | None:
    """Return how Faust's readers are let in; None: anybody is."""
    access = access_of(settings, "kafka")
    tls = access.tls()
    if tls is None:
        return None
    return FaustLogin(
        tls=tls, user=access.user, password=access.password, mechanism=access.mechanism
    )


async def all_let_in(*checks: Awaitable[None]) -> None:
    """Return when engines were asked whether they let us in; those that are away may come yet.

    Raises:
        Misconfigured: Some don't; says of each why, and which setting to look at.
    """
    ended = await asyncio.gather(*checks, return_exceptions=True)
    refused = [each for each in ended if isinstance(each, Misconfigured)]
    for each in ended:
        if isinstance(each, BaseException) and not isinstance(each, Misconfigured):
            raise each
    if refused:
        raise Misconfigured("; ".join(map(str, refused)))
