"""What the stages did is counted, and logged without anything of a mail's content."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from connectors.memory.clock import ManualClock
from connectors.metrics import Metrics
from tests.examples import EXAMPLES
from topologies.events import (
    DeliveryAttempted,
    MailboxChanged,
    MailScored,
    MailUndeliverable,
    RecipientResult,
    VirusVerdict,
)
from topologies.ports.observer import Result

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ATTEMPTED = DeliveryAttempted(
    delivery_id="d",
    mail_id="m",
    submitted_at=AT,
    mail_from="bo@shop.example",
    destination="far.example",
    attempt=1,
    attempted_at=AT,
    results=(RecipientResult(recipient="ann@far.example", status="delivered"),),
)
SCORED = next(
    e.event for e in EXAMPLES if isinstance(e.event, MailScored) and "infected" not in str(e)
)


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


def test_how_old_is_told_what_waits() -> None:
    metrics = Metrics()
    metrics.stands(
        lag={"store": 3, "index": 0},
        dead={},
        waiting=1,
        lag_s={"store": 12.5},
        oldest_s={"index": 60.0},
        is_ready=False,
    )
    text = exposed(metrics)
    assert 'rillmail_lag_seconds{group="store"} 12.5' in text
    assert 'rillmail_lag_seconds{group="index"} 0.0' in text
    assert 'rillmail_oldest_seconds{stage="index"} 60.0' in text
    assert "rillmail_ready 0.0" in text


@pytest.mark.parametrize("kind", ["poison", "exhausted", "bug"])
def test_what_is_buried_is_counted_by_its_stage(kind: Result) -> None:
    metrics = Metrics()
    metrics.handled("scan", kind, key="m", event_id="e", seconds=0, attempt=1, reason="never")
    metrics.handled("scan", "again", key="m", event_id="e", seconds=0, attempt=1, reason="later")
    assert f'rillmail_buried_total{{kind="{kind}",stage="scan"}} 1.0' in exposed(metrics)


def test_what_other_systems_answer_is_counted_by_class_and_domain() -> None:
    metrics = Metrics()
    told = ATTEMPTED.results[0]
    for codes in [[250, 451], [550, 0]] * 10:
        results = tuple(msgspec.structs.replace(told, code=code) for code in codes)
        attempted = msgspec.structs.replace(ATTEMPTED, destination="big.example", results=results)
        metrics.handled(
            "attempt", "done", key="m", event_id="e", seconds=0, attempt=1, written=[attempted]
        )
    text = exposed(metrics)
    for answer, others in (("2xx", 5.0), ("4xx", 5.0), ("5xx", 5.0), ("none", 4.0)):
        assert f'answer="{answer}",peer="other"}} {others}' in text
        assert f'answer="{answer}",peer="big.example"}} {10 - others}' in text


@pytest.mark.parametrize(("stage", "until"), [("store", "stored"), ("notify", "notified")])
def test_the_time_from_acceptance_is_measured_of_new_mail_alone(stage: str, until: str) -> None:
    clock = ManualClock(AT)
    metrics = Metrics(clock)
    clock.move(timedelta(seconds=3))
    added = change("email.added")
    for each in (added, change("email.moved"), change("email.added", is_read=True)):
        facts: dict[str, Any] = {"written": [each]} if stage == "store" else {"read": each}
        metrics.handled(stage, "done", key="u", event_id="e", seconds=0, attempt=1, **facts)
    metrics.handled("index", "done", key="u", event_id="e", seconds=0, attempt=1, read=added)
    text = exposed(metrics)
    assert f'rillmail_end_to_end_seconds_count{{until="{until}"}} 1.0' in text
    assert f'rillmail_end_to_end_seconds_sum{{until="{until}"}} 3.0' in text


def test_requests_are_told_by_the_routes_template_and_strangers_methods_as_one() -> None:
    metrics = Metrics()
    metrics.answered("GET", "/emails/{email_id}", 200, 0.01)
    metrics.answered("BREW", "", 405, 0.01)
    text = exposed(metrics)
    assert (
        'rillmail_http_seconds_count{method="GET",route="/emails/{email_id}",status="2xx"} 1.0'
        in text
    )
    assert 'rillmail_http_seconds_count{method="other",route="other",status="4xx"} 1.0' in text


def test_an_engine_that_does_not_answer_is_told_as_down() -> None:
    metrics = Metrics()
    metrics.looked("Kafka", is_up=True, seconds=0.002)
    metrics.looked("Redis", is_up=False, seconds=4)
    text = exposed(metrics)
    assert 'rillmail_dependency_up{dependency="Kafka"} 1.0' in text
    assert 'rillmail_dependency_up{dependency="Redis"} 0.0' in text
    assert 'rillmail_dependency_seconds_count{dependency="Kafka"} 1.0' in text


@pytest.mark.parametrize("result", ["done", "again", "bug"])
def test_a_line_says_which_mail_it_is_about(result: Result) -> None:
    metrics = Metrics()
    with capture_logs() as lines:
        metrics.handled(
            "route", result, key="k", event_id="e", seconds=0.002, attempt=1, read=SCORED
        )
        metrics.handled(
            "index", result, key="u", event_id="f", seconds=0, attempt=1, read=change("email.moved")
        )
    assert [lines[0][name] for name in ("event", "stage", "mail_id", "ms")] == [
        *(result, "route", SCORED.mail_id, 2.0),
    ]
    assert (lines[1]["email_id"], "mail_id" in lines[1]) == ("m", False)


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


def change(kind: Any, *, is_read: bool = False) -> MailboxChanged:
    return MailboxChanged(
        user_id="u",
        seq=1,
        command_id="c",
        changed_at=AT,
        kind=kind,
        email_id="m",
        folder_id="inbox",
        is_read=is_read,
    )


def exposed(metrics: Metrics) -> str:
    return metrics.exposition()[0].decode()
