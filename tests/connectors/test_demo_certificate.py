"""A certificate for trying: made once, for its owner alone, and anew when it has expired."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.files.demo_certificate import LIVES, demo_certificate
from connectors.memory.clock import ManualClock


def test_it_is_made_once_and_anew_when_its_time_is_over(tmp_path: Path) -> None:
    clock = ManualClock(datetime.now(UTC))
    path = demo_certificate(tmp_path / "demo.pem", "mx.shop.example", clock)
    first = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
    assert demo_certificate(path, "mx.shop.example", clock).read_bytes() == first
    clock.move(LIVES - timedelta(hours=1))
    assert demo_certificate(path, "mx.shop.example", clock).read_bytes() != first
    assert [each.name for each in tmp_path.iterdir()] == ["demo.pem"]


def test_a_file_that_is_none_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "demo.pem"
    path.write_text("nothing")
    demo_certificate(path, "mx.shop.example", ManualClock(datetime.now(UTC)))
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
