"""A cluster whose engines demand TLS and a password, with the least rights that do.

Kafka and Redis have a second door for that. Elasticsearch and S3 are reached through a door of
the test's that speaks TLS, since what can be installed of them has none; that of Elasticsearch
asks for a password or a key as its own security does. Cassandra is a node of its own.
"""

import asyncio
import base64
import json
import os
import secrets
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from connectors.access import Access
from connectors.assembly.prepare import prepare
from connectors.cassandra import driver
from connectors.redis.client import RedisClient
from connectors.settings import Settings, load
from tests.authority import Authority, tls_door
from tests.live.engines import absent, remove_all
from tests.live.own_engine import SERVERS, OwnEngine
from topologies.errors import MailError

PASSWORD = "correct horse"
API_KEY = base64.b64encode(b"id:key").decode()
PLAIN_USER, PLAIN_PASSWORD = "plain", "plainsecret"  # as servers/kafka.sh makes it
_ANY = (None, None, AclOperation.ANY, AclPermissionType.ANY)  # whoever, from wherever
KAFKA_DOOR, REDIS_DOOR = 2, 1  # beyond the ports of the first doors


@dataclass(frozen=True)
class Secured:
    """The settings by which the cluster is reached, and ports that nobody may use."""

    settings: Mapping[str, str]
    ports: Mapping[str, int]  # of the secured doors, by engine
    plain_ports: frozenset[int]


@contextmanager
def secured_engines(folder: Path, cassandra: OwnEngine) -> Generator[Secured]:
    """Users, rights and places of a cluster, removed at the end; *cassandra* demands TLS."""
    plain = load()
    tls = Path(os.environ.get("RILLMAIL_SERVERS_DATA", SERVERS.parent / "data" / "servers")) / "tls"
    kafka, redis = _place(plain.kafka_servers[0]), _place(plain.redis_url)
    search, s3 = _place(plain.elasticsearch_urls[0]), _place(plain.s3_url)
    if not (tls / "client.pem").exists():
        absent("engines with secured doors", str(tls), FileNotFoundError("start them anew"))
    name = f"test{secrets.token_hex(4)}"
    authority = Authority(folder / "doors")
    door = authority.issue("127.0.0.1")
    both = folder / "both.pem"  # all that is believed, where one file serves two authorities
    both.write_bytes((tls / "ca.pem").read_bytes() + authority.ca_file.read_bytes())
    _kafka_user(plain.kafka_servers, name)
    _redis_user(plain.redis_url, name)
    _cassandra_role(cassandra, name)
    with _doors() as opened:
        search_port = opened(tls_door(door, search, admits=_search_admits(name)))
        s3_port = opened(tls_door(door, s3))
        certificate = {"CERTIFICATE": tls / "client.pem", "KEY": tls / "client.key"}
        own_tls = cassandra.folder / "tls"
        values: dict[str, Any] = {
            "PROFILE": "cluster",
            "TOPIC_PREFIX": f"{name}.",
            "KAFKA_SERVERS": f"127.0.0.1:{kafka[1] + KAFKA_DOOR}",
            "KAFKA_TLS": "true",
            "KAFKA_CA_FILE": tls / "ca.pem",
            "KAFKA_USER": name,
            "KAFKA_PASSWORD": PASSWORD,
            **{f"KAFKA_{key}": path for key, path in certificate.items()},
            "CASSANDRA_HOSTS": f"127.0.0.1:{cassandra.port}",
            "CASSANDRA_KEYSPACE": name,
            "CASSANDRA_TLS": "true",
            "CASSANDRA_CA_FILE": own_tls / "ca.pem",
            "CASSANDRA_CERTIFICATE": own_tls / "client.pem",
            "CASSANDRA_KEY": own_tls / "client.key",
            "CASSANDRA_USER": name,
            "CASSANDRA_PASSWORD": PASSWORD,
            "ELASTICSEARCH_URLS": f"https://127.0.0.1:{search_port}",
            "ELASTICSEARCH_CA_FILE": authority.ca_file,
            "ELASTICSEARCH_USER": name,
            "ELASTICSEARCH_PASSWORD": PASSWORD,
            "ELASTICSEARCH_INDEX": name,
            "REDIS_URL": f"rediss://127.0.0.1:{redis[1] + REDIS_DOOR}/0",
            "REDIS_CA_FILE": tls / "ca.pem",
            "REDIS_USER": name,
            "REDIS_PASSWORD": PASSWORD,
            **{f"REDIS_{key}": path for key, path in certificate.items()},
            "S3_URL": f"https://127.0.0.1:{s3_port}",
            "S3_CA_FILE": authority.ca_file,
            "S3_BUCKET": name,
            "S3_ACCESS_KEY": plain.s3_access_key,
            "S3_SECRET_KEY": plain.s3_secret_key,
        }
        own = {f"RILLMAIL_{key}": str(value) for key, value in values.items()}
        settings = load(own)

        async def make() -> None:
            async for _ in prepare(settings):
                pass

        try:
            asyncio.run(make())
        except MailError as error:
            absent("one of the engines", "the secured doors", error)
        try:
            yield Secured(
                settings=own,
                ports={
                    "kafka": kafka[1] + KAFKA_DOOR,
                    "cassandra": cassandra.port,
                    "elasticsearch": search_port,
                    "redis": redis[1] + REDIS_DOOR,
                    "s3": s3_port,
                },
                plain_ports=frozenset({kafka[1], redis[1], search[1], s3[1], 9042}),
            )
        finally:
            asyncio.run(_remove(own, plain, name))


async def _remove(own: Mapping[str, str], plain: Settings, name: str) -> None:
    """Remove what the cluster left, as one who may do so, and who used it."""
    superuser = {
        "RILLMAIL_CASSANDRA_USER": "cassandra",
        "RILLMAIL_CASSANDRA_PASSWORD": "cassandra",
        "RILLMAIL_KAFKA_SERVERS": plain.kafka_servers[0],
    }
    by_kafka = {k: v for k, v in own.items() if not k.startswith("RILLMAIL_KAFKA")}
    await remove_all(load(by_kafka | superuser))
    admin = AdminClient({"bootstrap.servers": ",".join(plain.kafka_servers)})
    deletion = UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512)
    for future in admin.alter_user_scram_credentials([deletion]).values():
        future.result(30)
    filters = [
        AclBindingFilter(kind, f"{name}.", ResourcePatternType.PREFIXED, *_ANY)
        for kind in (ResourceType.TOPIC, ResourceType.GROUP)
    ] + [
        AclBindingFilter(
            ResourceType.BROKER, None, ResourcePatternType.ANY, f"User:{name}", *_ANY[1:]
        )
    ]
    for future in admin.delete_acls(filters).values():
        future.result(30)
    client = RedisClient(plain.redis_url, timeout_s=5)
    await client.call("ACL", "DELUSER", name)
    await client.close()


def _kafka_user(servers: tuple[str, ...], name: str) -> None:
    """Make a user by SCRAM, and let it and the one by PLAIN do what docs/operations.md grants."""
    admin = AdminClient({"bootstrap.servers": ",".join(servers)})
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    made = admin.alter_user_scram_credentials(
        [UserScramCredentialUpsertion(name, how, PASSWORD.encode())]
    )
    for future in (*made.values(), *admin.create_acls(_grants(name)).values()):
        future.result(30)


def _grants(name: str) -> list[AclBinding]:
    grants = [
        (ResourceType.TOPIC, f"{name}.", each)
        for each in ("READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS", "CREATE", "ALTER")
    ]
    grants.append((ResourceType.TOPIC, f"{name}.", "ALTER_CONFIGS"))
    grants += [(ResourceType.GROUP, f"{name}.", each) for each in ("READ", "DESCRIBE")]
    return [
        _acl(kind, resource, ResourcePatternType.PREFIXED, user, operation)
        for user in (name, PLAIN_USER)
        for kind, resource, operation in grants
    ] + [
        _acl(
            ResourceType.BROKER,
            "kafka-cluster",
            ResourcePatternType.LITERAL,
            user,
            "IDEMPOTENT_WRITE",
        )
        for user in (name, PLAIN_USER)
    ]


def _acl(
    kind: ResourceType, name: str, pattern: ResourcePatternType, user: str, operation: str
) -> AclBinding:
    permits = AclPermissionType.ALLOW
    return AclBinding(
        kind, name, pattern, f"User:{user}", "*", getattr(AclOperation, operation), permits
    )


def _redis_user(url: str, name: str) -> None:
    async def make() -> None:
        client = RedisClient(url, timeout_s=5)
        rights = "+@read +@write +@pubsub +@connection +@transaction +@scripting +@fast -@dangerous"
        await client.call(
            *("ACL", "SETUSER", name, "reset", "on", f">{PASSWORD}", "~*", "&*"), *rights.split()
        )
        await client.close()

    asyncio.run(make())


def _cassandra_role(engine: OwnEngine, name: str) -> None:
    """Make a keyspace, and a role that may use it as docs/operations.md grants."""
    tls = engine.folder / "tls"
    access = Access(
        engine="cassandra",
        is_tls=True,
        ca_file=str(tls / "ca.pem"),
        certificate=str(tls / "client.pem"),
        key=str(tls / "client.key"),
    )
    connected = driver.connect(
        [("127.0.0.1", engine.port)],
        name,
        1,
        30,
        tls=access.tls(),
        user="cassandra",
        password="cassandra",
    )
    try:
        session = connected._session
        session.execute(
            f"CREATE ROLE {name} WITH LOGIN = true AND PASSWORD = '{PASSWORD}'", timeout=30
        )
        for right in ("SELECT", "MODIFY", "CREATE", "ALTER"):
            session.execute(f"GRANT {right} ON KEYSPACE {name} TO {name}", timeout=30)
    finally:
        connected.close()


def _search_admits(name: str) -> Callable[[bytes], bytes | None]:
    """Answer as Elasticsearch's security does to who shows neither password nor key."""
    pair = base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()

    def admits(first: bytes) -> bytes | None:
        head = first.partition(b"\r\n\r\n")[0].decode("latin-1").splitlines()
        shown = [line.partition(":")[2].strip() for line in head if is_authorization(line)]
        if shown in ([f"Basic {pair}"], [f"ApiKey {API_KEY}"]):
            return None
        reason = "unable to authenticate user"
        body = json.dumps({"error": {"type": "security_exception", "reason": reason}}).encode()
        return (
            b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )

    def is_authorization(line: str) -> bool:
        return line.lower().startswith("authorization:")

    return admits


@contextmanager
def _doors() -> Generator[Callable[[Any], int]]:
    """Something that opens doors in a thread of its own, and keeps them open until the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="doors")
    thread.start()
    opened = AsyncExitStack()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    try:
        yield lambda door: run(opened.enter_async_context(door))
    finally:
        run(opened.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _place(address: str) -> tuple[str, int]:
    at = urlsplit(address if "//" in address else f"//{address}")
    assert at.hostname is not None
    assert at.port is not None
    return at.hostname, at.port
