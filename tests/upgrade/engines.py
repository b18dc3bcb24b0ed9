"""What a cluster leaves in its engines, as files, and put back into places of other names.

Cassandra's tables go as snapshots with their definitions, Kafka's topics record by record with the
positions of their groups, the index and the bucket as they are. Redis holds nothing that lasts.
Offsets are the same afterwards: topics are taken that hold all since their first record.
"""

import asyncio
import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.assembly.named import open_s3
from connectors.cassandra.session import open_session
from connectors.settings import Settings
from tests.live.nodetool import nodetool, snapshot

PLACE = "KEYSPACE"  # stands for the name of the keyspace in the definitions
TIMEOUT_S = 30.0
PARTS = ("cassandra", "kafka", "search", "blobs")


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One of Kafka's, its bytes in base64."""

    partition: int
    key: str | None
    value: str | None
    headers: list[tuple[str, str]]


class Topics(msgspec.Struct, frozen=True):
    """All that is in Kafka, by names without the prefix."""

    partitions: dict[str, int]
    records: dict[str, list[Record]]
    committed: dict[str, dict[str, dict[int, int]]]  # by group and topic


def take(settings: Settings, folder: Path) -> None:
    """Write what *settings* name in the engines into *folder*; nobody may work on it."""
    for part in PARTS:
        (folder / part).mkdir(parents=True)
    asyncio.run(_take_definitions(settings, folder / "cassandra"))
    snapshot(settings.cassandra_keyspace, folder / "cassandra")
    topics = _topics(settings)
    (folder / "kafka" / "topics.json").write_bytes(msgspec.json.encode(topics))
    (folder / "search" / "index.json").write_bytes(msgspec.json.encode(_index(settings)))
    asyncio.run(_take_blobs(settings, folder / "blobs"))


async def put_back(settings: Settings, folder: Path) -> None:
    """Put what lies in *folder* where *settings* say, where nothing is yet."""
    await _put_tables(settings, folder / "cassandra")
    topics = msgspec.json.decode((folder / "kafka" / "topics.json").read_bytes(), type=Topics)
    _put_topics(settings, topics)
    _put_index(settings, msgspec.json.decode((folder / "search" / "index.json").read_bytes()))
    async with open_s3(settings, settings.s3_url) as client:
        await client.ensure_bucket()
        for path in sorted((folder / "blobs").rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                key = path.relative_to(folder / "blobs").as_posix()
                digest = hashlib.sha256(content).hexdigest()
                await client.put(key, content, sha256=digest, if_absent=False)


async def _take_definitions(settings: Settings, folder: Path) -> None:
    keyspace = settings.cassandra_keyspace
    async with open_session(settings.cassandra_hosts, keyspace) as session:
        rows = await session.execute(f"DESCRIBE KEYSPACE {keyspace}")
    kinds = ("keyspace", "table", "index")
    found = [str(definition) for _, kind, _, definition in rows if kind in kinds]
    named = [re.sub(rf"\b{keyspace}\b", PLACE, each) for each in found]
    (folder / "definitions.json").write_bytes(msgspec.json.encode(named))


async def _put_tables(settings: Settings, folder: Path) -> None:
    keyspace = settings.cassandra_keyspace
    named = msgspec.json.decode((folder / "definitions.json").read_bytes(), type=list[str])
    async with open_session(settings.cassandra_hosts, keyspace, create=True) as session:
        for definition in named:
            if not definition.startswith("CREATE KEYSPACE"):  # it is there by now
                await session.define(re.sub(rf"\b{PLACE}\b", keyspace, definition))
    for table in _tables(folder):
        nodetool("import", "--copy-data", keyspace, table.name, str(table))


def _tables(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _topics(settings: Settings) -> Topics:
    prefix = settings.topic_prefix
    where = {"bootstrap.servers": ",".join(settings.kafka_servers)}
    admin = AdminClient(where)
    known = admin.list_topics(timeout=TIMEOUT_S).topics
    names = sorted(name for name in known if name.startswith(prefix))
    consumer = Consumer(where | {"group.id": f"{prefix}taking", "enable.auto.commit": False})
    try:
        records = {
            name.removeprefix(prefix): [
                each
                for partition in known[name].partitions
                for each in _records(consumer, name, partition)
            ]
            for name in names
        }
    finally:
        consumer.close()
    listed = admin.list_consumer_groups().result(TIMEOUT_S).valid
    groups = [each.group_id for each in listed if each.group_id.startswith(prefix)]
    committed: dict[str, dict[str, dict[int, int]]] = {}
    for group in groups:
        [asked] = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
        mine = committed.setdefault(group.removeprefix(prefix), {})
        for place in asked.result(TIMEOUT_S).topic_partitions:
            mine.setdefault(place.topic.removeprefix(prefix), {})[place.partition] = place.offset
    return Topics(
        partitions={name.removeprefix(prefix): len(known[name].partitions) for name in names},
        records={name: found for name, found in records.items() if found},
        committed=committed,
    )


def _records(consumer: Consumer, topic: str, partition: int) -> list[Record]:
    place = TopicPartition(topic, partition, 0)
    first, end = consumer.get_watermark_offsets(place, timeout=TIMEOUT_S)
    assert first == 0, f"{topic} has lost its first records: take it sooner"
    consumer.assign([place])
    found: list[Record] = []
    while len(found) < end:
        record = consumer.poll(TIMEOUT_S)
        assert record is not None, f"{topic}: {len(found)} of {end} records came"
        if error := record.error():
            raise KafkaException(error)
        assert record.offset() == len(found), f"{topic} has lost some records: take it sooner"
        headers = [(name, _text(value) or "") for name, value in record.headers() or ()]
        found.append(Record(partition, _text(record.key()), _text(record.value()), headers))
    return found


def _put_topics(settings: Settings, topics: Topics) -> None:
    prefix = settings.topic_prefix
    where = {"bootstrap.servers": ",".join(settings.kafka_servers)}
    admin = AdminClient(where)
    wanted = [NewTopic(prefix + name, count, 1) for name, count in topics.partitions.items()]
    for made in admin.create_topics(wanted).values():
        made.result(TIMEOUT_S)
    producer = Producer(where | {"acks": "all", "enable.idempotence": True})
    for name, records in topics.records.items():
        for each in records:
            headers = [(key, _bytes(value)) for key, value in each.headers]
            producer.produce(
                prefix + name,
                key=_bytes(each.key),
                value=_bytes(each.value),
                partition=each.partition,
                headers=headers,
            )
    assert producer.flush(TIMEOUT_S) == 0
    for group, places in topics.committed.items():
        offsets = [
            TopicPartition(prefix + topic, partition, offset)
            for topic, by_partition in places.items()
            for partition, offset in by_partition.items()
        ]
        asked = [ConsumerGroupTopicPartitions(prefix + group, offsets)]
        if not offsets:
            continue  # it has come, and read nothing yet
        for altered in admin.alter_consumer_group_offsets(asked).values():
            altered.result(TIMEOUT_S)


def _index(settings: Settings) -> Mapping[str, Any]:
    name = settings.elasticsearch_index
    with httpx.Client(base_url=settings.elasticsearch_urls[0], timeout=TIMEOUT_S) as client:
        client.post(f"/{name}/_refresh").raise_for_status()
        [(index, layout)] = client.get(f"/{name}").raise_for_status().json().items()
        query = {"query": {"match_all": {}}, "size": 10_000, "version": True}
        found = client.post(f"/{name}/_search", json=query).raise_for_status().json()
    kept = ("number_of_shards", "refresh_interval", "translog", "codec", "analysis")
    settings_of = layout["settings"]["index"]
    return {
        "version": index.removeprefix(name),
        "alias": layout["aliases"][name],
        "mappings": layout["mappings"],
        "settings": {key: settings_of[key] for key in kept if key in settings_of},
        "documents": found["hits"]["hits"],
    }


def _put_index(settings: Settings, kept: Mapping[str, Any]) -> None:
    name = settings.elasticsearch_index
    index = f"/{name}{kept['version']}"
    with httpx.Client(base_url=settings.elasticsearch_urls[0], timeout=TIMEOUT_S) as client:
        layout = {
            "settings": {"index": kept["settings"] | {"number_of_replicas": 0}},
            "mappings": kept["mappings"],
            "aliases": {name: kept["alias"]},
        }
        client.put(index, json=layout).raise_for_status()
        for each in kept["documents"]:
            query = {"version": each["_version"], "version_type": "external"}
            if "_routing" in each:
                query["routing"] = each["_routing"]
            path = f"{index}/_doc/{each['_id']}"
            client.put(path, params=query, json=each["_source"]).raise_for_status()


async def _take_blobs(settings: Settings, folder: Path) -> None:
    async with open_s3(settings, settings.s3_url) as client:
        async for key, _ in client.keys(""):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(await client.get(key))


def _text(value: bytes | str | None) -> str | None:
    if value is None:
        return None
    return b64encode(value.encode() if isinstance(value, str) else value).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
