"""What the stages did is counted, and logged without anything of a mail's content."""

import msgspec
import pytest
from structlog.testing import capture_logs

from connectors.metrics import Metrics
from tests.examples import EXAMPLES
from topologies.events import MailScored, MailUndeliverable, VirusVerdict

SCORED = next(e.event for e in EXAMPLES if e.kind is MailScored and "infected" not in str(e))


@pytest.mark.parametrize(
    ("verdict", "is_spam", "virus"),
    [
        ("ham", False, "clean"),
        ("spam", True, "clean"),
        ("infected", True, "infected"),
        ("unscannable", False, "unscannable"),
    ],
)
def test_mails_are_counted_by_verdict(verdict: str, is_spam: bool, virus: str) -> None:
    assert isinstance(SCORED, MailScored)
    mail = msgspec.structs.replace(
        SCORED,
        spam=msgspec.structs.replace(SCORED.spam, is_spam=is_spam),
        virus=msgspec.convert({"result": virus}, VirusVerdict),
    )
    metrics = Metrics()
    metrics.handled("score", "done", key="k", event_id="e", seconds=0.1, attempt=1, written=[mail])
    text = exposed(metrics)
    assert f'rillmail_mails_total{{verdict="{verdict}"}} 1.0' in text
    assert 'rillmail_stage_records_total{result="done",stage="score"} 1.0' in text
    assert 'rillmail_stage_seconds_sum{stage="score"} 0.1' in text


def test_recipients_who_were_not_reached_are_counted() -> None:
    metrics = Metrics()
    gone = MailUndeliverable(mail_id="m", recipient="bo@shop.example", reason="gone")
    metrics.handled("route", "done", key="m", event_id="e", seconds=0, attempt=1, written=[gone])
    assert "rillmail_undeliverable_total 1.0" in exposed(metrics)


def test_how_things_stand_is_told_and_what_is_settled_is_no_longer() -> None:
    metrics = Metrics()
    metrics.stands(lag={"store": 3}, dead={"inbound": 1}, waiting=2)
    text = exposed(metrics)
    assert 'rillmail_lag_records{group="store"} 3.0' in text
    assert 'rillmail_dead_letters{path="inbound"} 1.0' in text
    assert "rillmail_waiting_records 2.0" in text
    metrics.stands(lag={"store": 0}, dead={}, waiting=0)
    assert 'path="inbound"' not in exposed(metrics)


def test_one_line_is_logged_for_each_try_and_holds_no_address_or_subject() -> None:
    metrics = Metrics()
    with capture_logs() as lines:
        metrics.handled(
            "score", "done", key="m", event_id="e", seconds=0.0015, attempt=1, written=[SCORED]
        )
        metrics.handled(
            "store", "again", key="m", event_id="f", seconds=0, attempt=2, reason="it is down"
        )
        metrics.handled("parse", "bug", key="m", event_id="g", seconds=0, attempt=1, reason="X: y")
    assert lines[0] == {
        "event": "done",
        "log_level": "info",
        "stage": "score",
        "key": "m",
        "event_id": "e",
        "ms": 1.5,
    }
    assert [(line["event"], line["log_level"]) for line in lines[1:]] == [
        ("again", "warning"),
        ("bug", "error"),
    ]
    assert lines[1]["reason"] == "it is down"


def exposed(metrics: Metrics) -> str:
    return metrics.exposition()[0].decode()
