"""What KafkaLog promises beyond the contract: placing, bounds, and what it does without brokers."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import pytest
from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from connectors.kafka.client import LARGEST_RECORD_BYTES
from connectors.kafka.producer import KafkaLog
from connectors.kafka.reader import KafkaReader
from connectors.kafka.records import headers_of, record_of
from connectors.memory.clock import SystemClock
from tests.broker import PARTITIONS, broker_in_process
from tests.live.engines import kafka
from topologies.errors import Misconfigured, Poison, Retryable
from topologies.ports.log import Entry, Record

TOPIC = "mail.received"


async def test_a_key_has_the_partition_that_faust_would_give_it(servers: tuple[str, ...]) -> None:
    keys = [f"user-{number}" for number in range(40)] + ["", "é", "邮件", "x" * 300]
    async with opened(servers) as log:
        await log.write([entry(key) for key in keys])
    ids = list(range(PARTITIONS))
    assert {record.key: record.partition for record in await records_of(servers)} == {
        key: DefaultPartitioner()(key.encode(), ids, ids) for key in keys
    }


async def test_a_record_is_as_it_was_written(servers: tuple[str, ...]) -> None:
    written = Entry(topic=TOPIC, key="k", value=b"\0\xff", event_id="e", headers={"a": "1 é"})
    async with opened(servers) as log:
        await log.write([written])
    [record] = await records_of(servers)
    assert (record.topic, record.key, record.value) == (TOPIC, "k", b"\0\xff")
    assert (record.event_id, record.headers) == ("e", {"a": "1 é"})


@given(st.text(), st.dictionaries(st.text(min_size=1), st.text()), st.text())
def test_no_text_in_a_header_stops_a_record(
    event_id: str, headers: dict[str, str], key: str
) -> None:
    message = Message(
        key=key.encode("utf-8", "replace"),
        value=b"{}",
        headers=headers_of(
            Entry(topic=TOPIC, key=key, value=b"{}", event_id=event_id, headers=headers)
        ),
        timestamp=(1, 1_000),
    )
    record = record_of(message, TOPIC)
    assert set(record.headers) == set(headers) - {"event_id"}
    if all(text.isascii() for text in (event_id, *headers.values())) and "event_id" not in headers:
        assert (record.event_id, record.headers) == (event_id, headers)


def test_what_others_wrote_is_taken_as_far_as_it_goes() -> None:
    record = record_of(Message(key=None, value=None, headers=None), TOPIC)
    assert (record.key, record.value, record.event_id, record.headers) == ("", b"", "", {})
    record = record_of(Message(key=b"\xff", value=b"x", headers=[("event_id", None)]), TOPIC)
    assert (record.key, record.event_id) == ("\ufffd", "")


async def test_a_record_that_no_broker_would_take_is_refused_with_all_that_came_with_it(
    servers: tuple[str, ...],
) -> None:
    async with opened(servers) as log:
        with pytest.raises(Poison):
            await log.write([entry("a"), entry("b", b"x" * LARGEST_RECORD_BYTES)])
        await log.write([entry("c")])
    assert [record.key for record in await records_of(servers)] == ["c"]


@pytest.mark.live
async def test_the_largest_mail_goes_through() -> None:
    value = b"x" * (LARGEST_RECORD_BYTES - 10_000)
    async with kafka(partitions=1) as (servers, prefix):
        async with opened(servers, prefix, answer_within_s=30) as log:
            await log.write([entry("a", value), entry("b", value)])
        reader = KafkaReader(servers, prefix=prefix)
        sizes = {record.key: len(record.value) async for record in reader.read(TOPIC)}
    assert sizes == {"a": len(value), "b": len(value)}


async def test_without_brokers_a_write_is_given_up_in_time_as_an_outage() -> None:
    async with opened((nobody_listens(),), answer_within_s=0.3) as log:
        start = time.monotonic()
        with pytest.raises(Retryable) as raised:
            await log.write([entry("a"), entry("b")])
        assert raised.value.outage
        assert time.monotonic() - start < 3


async def test_what_waits_for_brokers_is_bounded() -> None:
    async with opened((nobody_listens(),), answer_within_s=0.5, max_waiting_bytes=10_000) as log:
        waiting = asyncio.create_task(log.write([entry("a", b"x" * 9_000)]))
        await asyncio.sleep(0)
        with pytest.raises(Retryable, match="wait for Kafka already"):
            await log.write([entry("b", b"x" * 9_000)])
        with pytest.raises(Retryable, match="timed out"):
            await waiting
        with pytest.raises(Retryable, match="timed out"):  # what was given up waits no more
            await log.write([entry("c", b"x" * 9_000)])


async def test_who_is_cancelled_leaves_what_was_handed_over_under_way(
    servers: tuple[str, ...],
) -> None:
    async with opened(servers, max_waiting_bytes=1_000) as log:
        leaving = asyncio.create_task(log.write([entry("a", b"x" * 900)]))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    assert [record.key for record in await records_of(servers)] == ["a"]


async def test_a_closed_log_takes_nothing(servers: tuple[str, ...]) -> None:
    async with opened(servers) as log:
        pass
    with pytest.raises(Retryable, match="closed"):
        await log.write([entry("a")])
    await log.close()


def test_a_log_of_no_servers_is_misconfigured() -> None:
    with pytest.raises(Misconfigured):
        KafkaLog((), clock=SystemClock())


@pytest.fixture
def servers() -> Generator[tuple[str, ...]]:
    with broker_in_process() as servers:
        yield servers


@asynccontextmanager
async def opened(
    servers: tuple[str, ...],
    prefix: str = "",
    *,
    answer_within_s: float = 5,
    max_waiting_bytes: int = 100 * 1024 * 1024,
) -> AsyncGenerator[KafkaLog]:
    log = KafkaLog(
        servers,
        clock=SystemClock(),
        prefix=prefix,
        answer_within_s=answer_within_s,
        max_waiting_bytes=max_waiting_bytes,
    )
    try:
        yield log
    finally:
        await log.close()


async def records_of(servers: tuple[str, ...]) -> list[Record]:
    return [record async for record in KafkaReader(servers).read(TOPIC)]


def entry(key: str, value: bytes = b"{}") -> Entry:
    return Entry(topic=TOPIC, key=key, value=value, event_id=f"event-{key}")


def nobody_listens() -> str:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{held.getsockname()[1]}"
