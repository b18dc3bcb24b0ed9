"""Each step of the bench, on a stub that answers as the service does."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from bench import pipeline, push, reading
from bench.mails import addresses, mails
from bench.memory import MemoryWatch
from bench.peers import compare
from bench.peers.minimal_peer import running
from bench.progress import Progress
from bench.service import Service, Stalled, lag_of_health, lag_of_metrics
from tests.bench.stub import Stub

ANN, BO = addresses(2)


def test_the_pipeline_counts_each_mail_once() -> None:
    with Stub.serving(ANN, BO) as stub:
        service = Service(stub, stub.people)
        section = pipeline.measure(
            service, stub.people, count=20, sessions=3, size_bytes=2_000, progress=quiet()
        )
        service.close()

    assert len(stub.received) == 10 + 20 + 20
    assert section.figures[0].key == "kept_cpu_per_mail"
    assert all(figure.value > 0 for figure in section.figures if figure.unit != "ms")
    assert section.notes[0] == "kept: 20 accepted, 20 shown; a word of all finds 30 of 30"


def test_push_measures_each_mail_that_is_told_of() -> None:
    with Stub.serving(ANN) as stub:
        service = Service(stub, stub.people)
        section = push.measure(service, stub.people[0], count=5, size_bytes=2_000, progress=quiet())
        service.close()

    assert {"push_p50", "push_p99", "push_missing"} == {f.key for f in section.figures}
    assert section.figures[-1].value == 0


def test_reading_compares_a_large_mailbox_with_a_small_one() -> None:
    with Stub.serving(ANN, BO) as stub:
        stub.received = [(ANN, b"")] * 60 + [(BO, b"")] * 1_200
        service = Service(stub, stub.people)
        sizes = {stub.people[0]: 60, stub.people[1]: 1_200}
        section = reading.measure(service, sizes, repeats=10, progress=quiet())
        service.close()

    keys = {figure.key for figure in section.figures}
    assert {"floor_p50", "newest_60_p50", "newest_1200_p99", "open_60_cpu"} <= keys
    assert {"search_rare_p50", "search_common_p50", "mark_p99", "page_1200_p50"} <= keys
    assert section.figures[-1].key == "newest_ratio"


def test_memory_is_looked_at_between_steps() -> None:
    with Stub.serving(ANN) as stub:
        service = Service(stub, stub.people)
        watch = MemoryWatch(service, steady_after_s=0)
        watch.look("idle", "at first")
        watch.receive_huge(stub.people[0], quiet(), size_bytes=2_000_000)
        service.close()

    figures = {figure.key: figure.value for figure in watch.section().figures}
    assert {"rss_idle", "pss_idle", "peak_huge", "peak_huge_more", "huge_cpu"} == figures.keys()
    assert 0 < figures["pss_idle"] <= figures["rss_idle"]
    assert figures["peak_huge"] > 0


def test_a_peer_is_put_under_the_same_load(tmp_path: Path) -> None:
    batch = list(mails(20, [ANN, BO], 2_000))
    with running(tmp_path) as peer:
        section = compare.measure(peer, batch, sessions=2, ours_cpu_ms=4.0, progress=quiet())
        assert peer.stored() == 21

    assert section.figures[0].key == "cpu_ratio"
    assert section.notes[0] == "20 accepted after 1, 21 stored"


def test_a_service_that_shows_less_than_it_took_is_told_apart() -> None:
    with Stub.serving(ANN) as stub:
        service = Service(stub, stub.people, stalled_after_s=0)
        with pytest.raises(Stalled, match="0 of 1 mails are shown, 0 records wait"):
            service.settle(stub.people, 1)
        service.close()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"ready": true, "lag": {"store": 3, "index": {"0": 1, "1": 0}}}', 4),
        (b'{"lag": 7}', 7),
        (b'{"lag": [1, 2]}', 3),
        (b'{"ready": true}', None),
        (b"[]", None),
        (b"ready", None),
    ],
)
def test_the_lag_is_read_from_what_says_whether_it_is_ready(
    content: bytes, expected: int | None
) -> None:
    assert expected == lag_of_health(content)


def test_the_lag_is_read_from_the_metrics() -> None:
    told = b"""\
# HELP rillmail_lag_records Records that wait
rillmail_lag_records{group="store"} 2.0
rillmail_lag_records{group="index"} 3.0
rillmail_lag_seconds{group="index"} 0.5
rillmail_flags_total 9.0
"""
    assert lag_of_metrics(told) == 5
    assert None is lag_of_metrics(b"rillmail_flags_total 9.0\n")


def quiet() -> Progress:
    return Progress(Console(file=io.StringIO()))
