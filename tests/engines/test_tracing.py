"""The way of a mail as a trace: begun where it comes in, and one through all stages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connectors.otlp.tracer import OtlpTracer
from connectors.sqlite.log import SqliteLog
from tests.engines.stages import AT, PARTITIONS, TIMEOUT_S, until
from tests.engines.whole import received, worked_on
from tests.examples import example
from topologies.delayed import moved
from topologies.mail import ids
from topologies.ports.log import Record
from topologies.ports.tracer import TRACEPARENT, begun, current, trace_headers

INBOUND = {"parse", "authenticate", "scan", "score", "route", "store", "index", "notify"}


@dataclass
class Traced:
    """A tracer that keeps its spans in memory."""

    kept: InMemorySpanExporter
    tracer: OtlpTracer

    def spans(self) -> Sequence[ReadableSpan]:
        return self.kept.get_finished_spans()

    def named(self, name: str) -> ReadableSpan:
        [found] = [span for span in self.spans() if span.name == name]
        return found


@asynccontextmanager
async def traced(ratio: float = 1.0) -> AsyncIterator[Traced]:
    kept = InMemorySpanExporter()
    tracer = OtlpTracer(SimpleSpanProcessor(kept), ratio=ratio, role="test")
    yield Traced(kept, tracer)
    await tracer.close()


@pytest.mark.parametrize("cuts", [(), ("all",)], ids=["chained", "cut"])
async def test_one_mail_is_one_connected_trace(tmp_path: Path, cuts: Sequence[str]) -> None:
    async with traced() as kept, worked_on(tmp_path, kept.tracer, cuts=cuts) as (log, engine):
        with begun(kept.tracer, "accept", mail_id="m"):
            await log.append([received("traced")])
        await until(lambda: {span.name for span in kept.spans()} >= {"accept", *INBOUND})
        assert await engine.drained(TIMEOUT_S)
        spans = kept.spans()
        by_id = {span.context.span_id: span for span in spans if span.context}
        assert len({span.context.trace_id for span in spans if span.context}) == 1
        assert {span.name for span in spans} >= {"accept", *INBOUND}
        orphans = [span.name for span in spans if span.parent and span.parent.span_id not in by_id]
        assert (orphans, [span.name for span in spans if not span.parent]) == ([], ["accept"])
        # What a stage asks the world is within the stage.
        store = kept.named("store")
        within = {s.name for s in spans if s.parent and s.parent.span_id == store.context.span_id}
        assert "Mailboxes.write" in within
        assert (store.attributes or {})["outcome"] == "done"


async def test_what_is_not_traced_has_no_spans_and_no_headers(tmp_path: Path) -> None:
    async with traced(ratio=0) as kept, worked_on(tmp_path, kept.tracer) as (log, engine):
        with begun(kept.tracer, "accept") as span:
            assert span is None
            await log.append([received("not traced")])
        assert await engine.drained(TIMEOUT_S)
        assert list(kept.spans()) == []
        for topic in ("mail.received", "mailbox.commands", "mailbox.changes"):
            assert {each.headers.get(TRACEPARENT) for each in await records(log, topic)} == {None}


async def test_without_a_tracer_a_trace_passes_through(tmp_path: Path) -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    async with worked_on(tmp_path, None) as (log, engine):
        token = current.set(parent)
        await log.append([received("passes")])
        current.reset(token)
        assert await engine.drained(TIMEOUT_S)
        told = [each.headers.get(TRACEPARENT) for each in await records(log, "mailbox.changes")]
        assert set(told) == {parent}


async def test_what_waits_its_time_goes_on_in_the_same_trace() -> None:
    waiting = example("delivery.later-1m-1")
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    record = Record(
        topic="delivery.later.1m",
        partition=0,
        offset=0,
        key="k",
        value=waiting.raw,
        event_id=ids.new_id(AT),
        appended_at=AT,
        headers={TRACEPARENT: parent, "tapped": "yes"},
    )
    assert moved(record).headers == {TRACEPARENT: parent}


async def test_a_span_tells_the_kind_of_an_error_and_nothing_that_it_says() -> None:
    async with traced() as kept:
        with pytest.raises(ValueError, match=r"ann@far\.example"), begun(kept.tracer, "accept"):
            raise ValueError("ann@far.example is wrong")
        [span] = kept.spans()
        assert (span.status.description, span.events) == ("ValueError", ())
        assert trace_headers() == {}


@pytest.mark.parametrize("remote", ["", "nonsense", "00-0-0-00"])
async def test_what_is_no_traceparent_begins_a_trace(remote: str) -> None:
    async with traced() as kept:
        with begun(kept.tracer, "POST /emails/send", remote=remote):
            pass
        assert [span.parent for span in kept.spans()] == [None]


@pytest.mark.parametrize("flags", ["01", "00"])
async def test_a_clients_trace_goes_on_if_it_is_drawn_whatever_the_client_drew(flags: str) -> None:
    remote = f"00-{'a' * 32}-{'b' * 16}-{flags}"
    async with traced() as kept:
        with begun(kept.tracer, "POST /emails/send", remote=remote):
            pass
        [span] = kept.spans()
        assert span.context.trace_id == int("a" * 32, 16)


async def records(log: SqliteLog, topic: str) -> list[Record]:
    found = [
        record
        for partition in range(PARTITIONS)
        for record in await log.read(topic, partition, 0, 1_000)
    ]
    assert found
    return found
