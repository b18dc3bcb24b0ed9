"""Spans by the OpenTelemetry library, handed over to a collector in the background.

Whether a mail is traced is decided once, where it comes in, by lot: who asks by HTTP with a
``traceparent`` of its own is drawn as everybody is, so that no client can have all of its
requests traced. Imported where traces are asked for, and nowhere else.
"""

import asyncio
import random
from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from topologies.ports.tracer import TRACEPARENT, current

CLOSE_WITHIN_S = 3.0
_propagator = TraceContextTextMapPropagator()


class OtlpSpan:
    """A span that is open."""

    def __init__(self, span: Span) -> None:
        self._span = span
        about = span.get_span_context()
        # W3C Trace Context §3.2.2: version, trace, parent, flags
        self.traceparent = f"00-{about.trace_id:032x}-{about.span_id:016x}-01"

    def note(self, **about: str | float) -> None:
        self._span.set_attributes(about)


class OtlpTracer:
    """Takes note of spans for as long as the process lives."""

    def __init__(self, processor: SpanProcessor, *, ratio: float, role: str) -> None:
        """Hand every span that ends to *processor*.

        Args:
            processor: Of the library.
            ratio: How many of those that come in are traced, 0 … 1.
            role: What this process does.
        """
        about = {"service.name": "rillmail", "service.instance.role": role}
        self._provider = TracerProvider(
            resource=Resource.create(about),
            sampler=ALWAYS_ON,  # the lot is drawn here, whatever a client's own drew
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("rillmail")
        self._ratio = ratio

    @contextmanager
    def begin(
        self, name: str, *, remote: str = "", **about: str | int
    ) -> Generator[OtlpSpan | None]:
        if random.random() >= self._ratio:  # noqa: S311  a lot, no secret
            yield None
            return
        with self._opened(name, remote, SpanKind.SERVER, about) as span:
            yield span

    @contextmanager
    def span(self, name: str, *, parent: str, **about: str | int) -> Generator[OtlpSpan]:
        with self._opened(name, parent, SpanKind.INTERNAL, about) as span:
            yield span

    async def close(self) -> None:
        closing = asyncio.to_thread(self._provider.shutdown)
        await asyncio.wait({asyncio.ensure_future(closing)}, timeout=CLOSE_WITHIN_S)

    @contextmanager
    def _opened(
        self, name: str, parent: str, kind: SpanKind, about: dict[str, str | int]
    ) -> Generator[OtlpSpan]:
        # What is no traceparent is as none: the trace begins here.
        context = _propagator.extract({TRACEPARENT: parent}, Context()) if parent else Context()
        span = self._tracer.start_span(name, context, kind=kind, attributes=about)
        opened = OtlpSpan(span)
        token = current.set(opened.traceparent)
        try:
            yield opened
        except Exception as error:
            # Its kind alone: what it says may quote a mail.
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            current.reset(token)
            span.end()


def exporting(endpoint: str, *, ratio: float, role: str) -> OtlpTracer:
    """Return a tracer that hands over to the collector at *endpoint* (http://HOST:4318)."""
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    return OtlpTracer(BatchSpanProcessor(exporter), ratio=ratio, role=role)
