"""What is told besides what stages do: room, certificates, the queue, and who traces."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.assembly.observing import CertificateDates, queue_of, tell_room
from connectors.assembly.tracers import tracer_of
from connectors.files.demo_certificate import LIVES, demo_certificate
from connectors.memory.clock import ManualClock
from connectors.memory.deliveries import MemoryDeliveries
from connectors.metric_list import MOST_DESTINATIONS, OTHER
from connectors.metrics import Metrics
from connectors.settings import Settings
from connectors.watched import watched
from tests.engines.deliveries import due
from tests.engines.stages import AT
from topologies.events import DeliveryAttempted, RecipientResult
from topologies.ports.mailboxes import Mailboxes


def test_the_day_on_which_a_certificate_expires_is_told_and_of_a_broken_one_none(
    tmp_path: Path,
) -> None:
    clock = ManualClock(AT)
    pem = demo_certificate(tmp_path / "a.pem", "mx.shop.example", clock)
    broken = tmp_path / "broken.pem"
    broken.write_text("half a certif")
    settings = Settings(tls_certificate=str(pem), submission_certificate=str(broken))
    metrics = Metrics()
    metrics.also(CertificateDates(settings))
    lines = [line for line in told(metrics) if line.startswith("rillmail_certificate")]
    [line] = lines
    name, value = line.split()
    assert name == 'rillmail_certificate_expiry_timestamp_seconds{certificate="smtp"}'
    assert float(value) == (AT + LIVES).timestamp()


def test_without_a_certificate_none_is_told() -> None:
    metrics = Metrics()
    metrics.also(CertificateDates(Settings()))
    assert [line for line in told(metrics) if line.startswith("rillmail_certificate")] == []


def test_users_are_offered_the_certificate_of_other_servers_if_there_is_no_other(
    tmp_path: Path,
) -> None:
    pem = demo_certificate(tmp_path / "a.pem", "mx.shop.example", ManualClock(AT))
    metrics = Metrics()
    metrics.also(CertificateDates(Settings(tls_certificate=str(pem))))
    lines = [line for line in told(metrics) if line.startswith("rillmail_certificate")]
    assert [line.split('"')[1] for line in lines] == ["smtp", "submission"]


def test_the_room_on_disk_is_told_and_a_worker_without_a_folder_is_no_error(
    tmp_path: Path,
) -> None:
    metrics = Metrics()
    tell_room(metrics, Settings(data_dir=str(tmp_path / "nowhere"), disk_reserve_bytes=7))
    assert "rillmail_disk_reserve_bytes 7.0" in told(metrics)
    tell_room(metrics, Settings(data_dir=str(tmp_path)))
    [line] = [line for line in told(metrics) if line.startswith("rillmail_disk_free_bytes ")]
    assert float(line.split()[1]) > 0


async def test_the_queue_is_told_by_destination_and_the_small_ones_as_one() -> None:
    deliveries = MemoryDeliveries()
    for number in range(MOST_DESTINATIONS + 5):
        for copy in range(2 if number < MOST_DESTINATIONS else 1):
            destination = f"{number}.example"
            await deliveries.tell(deferred(f"{number}-{copy}", destination))
    queue = await queue_of(deliveries)
    assert queue == {f"{n}.example": 2 for n in range(MOST_DESTINATIONS)} | {OTHER: 5}


def test_nobody_traces_unless_a_collector_is_named() -> None:
    assert tracer_of(Settings(), "all") is None
    assert watched({Mailboxes: 1}, None) == {Mailboxes: 1}


def test_without_the_library_it_is_told_which_extra_is_missing() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from connectors.assembly.tracers import tracer_of\n"
        "from connectors.settings import Settings\n"
        "tracer_of(Settings(otlp_endpoint='http://127.0.0.1:4318'), 'all')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "Misconfigured: RILLMAIL_OTLP_ENDPOINT is set, and opentelemetry" in done.stderr
    assert "install the extra `traces`" in done.stderr


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://127.0.0.1:9/"])
async def test_a_collector_that_is_away_keeps_nobody(endpoint: str) -> None:
    tracer = tracer_of(Settings(otlp_endpoint=endpoint, trace_ratio=0.0), "all")
    assert tracer is not None
    with tracer.begin("accept") as span:
        assert span is None
    await tracer.close()


def deferred(name: str, destination: str) -> DeliveryAttempted:
    made = due(name, destination)
    return DeliveryAttempted(
        delivery_id=made.delivery_id,
        mail_id=made.mail_id,
        submitted_at=AT,
        mail_from=made.mail_from,
        destination=destination,
        attempt=1,
        attempted_at=AT,
        results=(RecipientResult(recipient=made.recipients[0], status="deferred", code=451),),
        next_try_at=AT + timedelta(minutes=1),
    )


def told(metrics: Metrics) -> list[str]:
    return metrics.exposition()[0].decode().splitlines()
