"""Traces of the real processes, embedded and of a cluster, as a collector is told them."""

import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.journeys.place import PATIENCE_S, Place, mail
from tests.process import RunningCluster, RunningService, eventually

pytestmark = pytest.mark.process

INBOUND = {"parse", "authenticate", "scan", "score", "route", "store", "index", "notify"}


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = ExportTraceServiceRequest()
                told.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
                for resource in told.resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def trace_of(self, name: str, value: str = "") -> list[Any]:
        """Return the trace that began by the span *name*, with *value* among its attributes."""
        for span in list(self.spans):
            told = {each.value.string_value for each in span.attributes}
            if span.name == name and (not value or value in told) and not span.parent_span_id:
                return [each for each in list(self.spans) if each.trace_id == span.trace_id]
        return []


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture(params=["embedded", pytest.param("cluster", marks=pytest.mark.live)])
def traced(request: pytest.FixtureRequest, tmp_path: Path, collector: Collector) -> Iterator[Place]:
    """A service that has all of its mail traced."""
    tracing = {"RILLMAIL_OTLP_ENDPOINT": collector.url, "RILLMAIL_TRACE_RATIO": "1"}
    folder = tmp_path / "data"
    if request.param == "embedded":
        with RunningService(folder, tracing) as service, Place(service) as place:
            yield place
        return
    from tests.live.engines import cluster_settings

    with cluster_settings() as own:
        settings = own | tracing | {"RILLMAIL_DATA_DIR": str(folder)}
        with RunningCluster(folder, settings) as service, Place(service) as place:
            yield place


def test_a_mail_is_one_connected_trace_from_its_acceptance_to_its_push(
    traced: Place, collector: Collector
) -> None:
    bo = traced.person("bo")
    traced.send(mail("by SMTP"), bo)
    bo.awaited()
    spans = eventually(
        lambda: collector.trace_of("accept", "smtp"),
        lambda found: {span.name for span in found} >= {"accept", *INBOUND},
        PATIENCE_S,
    )
    assert is_connected(spans)
    assert any(span.name.startswith("Mailboxes.") for span in spans)

    subject = secrets.token_hex(4)
    sent = bo.client.post(
        "/emails/send", json={"to": [bo.address], "subject": subject, "body": "x"}
    )
    assert sent.status_code == 202
    spans = eventually(
        lambda: collector.trace_of("POST /emails/send"),
        lambda found: {span.name for span in found} >= {"vet", "split", *INBOUND},
        PATIENCE_S,
    )
    assert is_connected(spans)


def is_connected(spans: list[Any]) -> bool:
    """Tell whether all but the first have a parent among them."""
    ids = {span.span_id for span in spans}
    return [s.parent_span_id for s in spans if s.parent_span_id not in ids] == [b""]
