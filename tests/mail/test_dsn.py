"""Delivery status notifications: what is built is read again, by us and by others."""

import email
from datetime import UTC, datetime
from email import policy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topologies.mail import dsn, dsn_reader, status
from topologies.mail.dsn import Action, RecipientReport, Report
from topologies.mail.message import parse_message

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOLDEN = Path(__file__).parent.parent / "corpus" / "reports"
ORIGINAL = (
    b"From: Ann <ann@shop.example>\r\nTo: bo@far.example\r\nSubject: The pump\r\n"
    b"Message-ID: <1@shop.example>\r\n\r\nIt is broken.\r\n"
)

words = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1)
lines = st.lists(words, min_size=1, max_size=20).map(" ".join)
# What has the look of an encoded word or an angle address is read as such by anybody.
plain = lines.filter(lambda text: "=?" not in text and text == text.strip("<>"))
local = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+-=", min_size=1, max_size=64)
addresses = local.map(lambda name: f"{name}@far.example")
moments = st.integers(0, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
actions = st.sampled_from(["failed", "delayed", "delivered", "relayed", "expanded"])


@st.composite
def reports(draw: Any) -> Report:
    action: Action = draw(actions)
    first = {"failed": "5", "delayed": "4"}.get(action, "2")
    recipients = [
        RecipientReport(
            recipient=draw(addresses),
            action=action,
            status=f"{first}.{draw(st.integers(0, 7))}.{draw(st.integers(0, 30))}",
            original=draw(st.just("") | addresses.map(lambda each: f"rfc822;{each}")),
            remote_mta=draw(st.just("") | st.just("mx1.far.example")),
            diagnostic=draw(st.just("") | plain),
            attempted_at=draw(st.none() | moments),
            retry_until=draw(st.none() | moments),
        )
        for _ in range(draw(st.integers(1, 5)))
    ]
    return Report(
        reporting_mta="mx.shop.example",
        recipients=tuple(recipients),
        envelope_id=draw(st.just("") | plain.filter(lambda text: len(text) <= 100)),
        arrived_at=draw(st.none() | moments),
    )


@given(reports())
@settings(max_examples=60, deadline=None)
def test_a_report_that_is_built_is_read_with_the_same_facts(report: Report) -> None:
    raw = dsn.build(report, to="ann@shop.example", message_id="1@x", date=AT, original=ORIGINAL)
    assert dsn_reader.read(status_part(raw)) == report


@given(reports())
@settings(max_examples=30, deadline=None)
def test_python_s_email_package_reads_the_same(report: Report) -> None:
    raw = dsn.build(report, to="ann@shop.example", message_id="1@x", date=AT)
    read: Any = email.message_from_bytes(raw, policy=policy.default)
    told = list(read.iter_parts())[1].get_payload()[1:]
    assert [each["Final-Recipient"].partition("; ")[2] for each in told] == [
        each.recipient for each in report.recipients
    ]
    assert [each["Status"] for each in told] == [each.status for each in report.recipients]


@given(st.binary(max_size=2_000))
@settings(max_examples=200, deadline=None)
def test_whatever_comes_is_read_or_not_and_never_fails(content: bytes) -> None:
    dsn_reader.read(content)
    dsn_reader.mail_ids_in(content)


def test_a_long_report_is_read_in_bounded_memory() -> None:
    block = b"Final-Recipient: rfc822; a@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
    report = dsn_reader.read(b"Reporting-MTA: dns; x\r\n\r\n" + block * 100_000)
    assert report is not None
    assert len(report.recipients) <= 1_001


@pytest.mark.parametrize("action", ["failed", "delayed", "relayed"])
def test_reports_read_as_they_always_did(action: Any) -> None:
    raw = dsn.build(
        example(action),
        to="ann@shop.example",
        message_id="1@mx.shop.example",
        date=AT,
        original=ORIGINAL,
    )
    assert raw.decode() == (GOLDEN / f"{action}.eml").read_bytes().decode()


def test_addresses_beyond_ascii_are_told_as_they_are() -> None:
    report = Report(
        reporting_mta="mx.shop.example",
        recipients=(
            RecipientReport(recipient="jürgen@far.example", action="failed", status="5.1.1"),
        ),
    )
    raw = dsn.build(report, to="ann@shop.example", message_id="1@x", date=AT)
    assert b"message/global-delivery-status" in raw
    read = dsn_reader.read(status_part(raw))
    assert read is not None
    assert read.recipients[0].recipient == "jürgen@far.example"


def test_an_address_in_the_encoding_of_reports_is_decoded() -> None:
    content = rb"Final-Recipient: utf-8; j\x{FC}rgen@far.example" + b"\r\nAction: failed\r\n"
    read = dsn_reader.read(content)
    assert read is not None
    assert (read.recipients[0].recipient, read.recipients[0].status) == (
        "jürgen@far.example",
        "5.0.0",
    )


def test_a_message_that_comes_back_whole_is_left_as_it_is() -> None:
    large = ORIGINAL + b"x" * dsn.MOST_ORIGINAL_BYTES
    for original, is_whole in ((ORIGINAL, True), (large, False)):
        raw = dsn.build(
            example("failed"),
            to="ann@shop.example",
            message_id="1@x",
            date=AT,
            original=original,
            is_whole=True,
        )
        assert (original in raw) == is_whole
        assert b"Subject: The pump" in raw


@pytest.mark.parametrize(
    ("enhanced", "code", "words"),
    [
        ("5.1.1", 550, "The mailbox does not exist."),
        ("4.2.2", 452, "The mailbox is full."),
        ("5.1.10", 0, "The domain takes no mail at all."),
        ("5.9.9", 550, "The message could not be delivered."),
        ("", 450, "The message could not be delivered yet."),
        ("nonsense", 0, "The other system does not answer."),
        ("2.1.5", 250, "The message was delivered."),
    ],
)
def test_a_code_means_something_in_words(enhanced: str, code: int, words: str) -> None:
    assert status.in_words(enhanced, code) == words


def test_a_code_of_another_class_stands_in_no_report() -> None:
    assert status.status_of("4.2.2", otherwise="5.0.0") == "5.0.0"
    assert status.status_of("5.2.2", otherwise="5.0.0") == "5.2.2"
    assert status.status_of("x\r\ny", otherwise="5.0.0") == "5.0.0"


def example(action: Action) -> Report:
    first = {"failed": "5.1.1", "delayed": "4.2.1"}.get(action, "2.0.0")
    return Report(
        reporting_mta="mx.shop.example",
        envelope_id="order 7",
        arrived_at=AT,
        recipients=(
            RecipientReport(
                recipient="bo@far.example",
                action=action,
                status=first,
                original="rfc822;Bo@far.example",
                remote_mta="mx1.far.example",
                diagnostic=f"{first[0]}50 {first} as it said",
                attempted_at=AT,
                retry_until=AT if action == "delayed" else None,
            ),
            RecipientReport(recipient="bea@far.example", action=action, status=first),
        ),
    )


def status_part(raw: bytes) -> bytes:
    parsed = parse_message(raw)
    [found] = [a for a in parsed.message.attachments if a.content_type.endswith("delivery-status")]
    return parsed.contents[found.blob]
