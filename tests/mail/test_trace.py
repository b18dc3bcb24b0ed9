"""trace: what goes in front of a message that leaves us, and what is left out of it."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from topologies.events import Authentication, DkimVerdict, Message, RawRef
from topologies.mail import dkim_canonical, trace
from topologies.ports.mailboxes import Email, Summary

OURS = "mx.shop.example"
FORGED = b"Authentication-Results: mx.shop.example; dkim=pass header.d=bank.example\r\n"
THEIRS = b"Authentication-Results: mx.other.example; dkim=pass header.d=bank.example\r\n"
RAW = (
    b"Received: from a by b; Sun, 1 Mar 2026 11:59:00 +0000\r\n"
    b"From: Bo <bo@elsewhere.example>\r\nSubject: Your\r\n  order\r\n\r\n"
    b"Authentication-Results: mx.shop.example; is text here\r\n\r\nbye"
)
KNOWN = Authentication(
    spf="pass",
    spf_domain="elsewhere.example",
    dkim=(DkimVerdict(result="pass", domain="elsewhere.example", selector="s"),),
    dmarc="pass",
    from_domain="elsewhere.example",
)


def test_it_tells_who_sent_it_and_what_was_found_out() -> None:
    assert trace.front(mail(), OURS) == (
        b"Return-Path: <bo@elsewhere.example>\r\n"
        b"Authentication-Results: mx.shop.example; spf=pass\r\n"
        b" smtp.mailfrom=bo@elsewhere.example; dkim=pass header.d=elsewhere.example\r\n"
        b" header.s=s; dmarc=pass header.from=elsewhere.example\r\n"
        b"Received: by mx.shop.example id m1 for <ann@shop.example>;\r\n"
        b" Sun, 01 Mar 2026 12:00:00 +0000\r\n"
    )


def test_a_bounce_has_an_empty_return_path_and_what_was_brought_along_has_none() -> None:
    bounce = trace.front(mail(mail_from=""), OURS)
    assert bounce.startswith(b"Return-Path: <>\r\nAuthentication-Results: ")
    imported = trace.front(mail(mail_from="", known=Authentication()), OURS)
    assert imported.startswith(b"Authentication-Results: mx.shop.example; none\r\nReceived: ")


def test_what_a_stranger_called_himself_does_not_break_out() -> None:
    written = trace.front(mail(mail_from="bo>\r\nX: y@z"), OURS)
    assert written.startswith(b"Return-Path: <boX: y@z>\r\n")
    assert b"\nX:" not in written


async def test_everything_else_is_left_as_it_was() -> None:
    assert await left(RAW) == RAW
    assert await left(THEIRS + RAW) == THEIRS + RAW


@pytest.mark.parametrize(
    "forged",
    [
        FORGED,
        FORGED.lower(),
        FORGED.replace(b"Results:", b"Results \t:"),
        FORGED.replace(b": mx", b":\r\n\t(x)\r\n mx"),
        FORGED.replace(b"; dkim", b";\r\n dkim"),
        FORGED.replace(b"\r\n", b"\n"),
        FORGED.replace(b"\r\n", b"\r"),
        FORGED.replace(b"; dkim", b"; (" + b"x" * 70_000 + b") dkim"),
        FORGED.replace(b"; dkim", b"; (" + b"\r\n x" * 30_000 + b") dkim"),
    ],
)
async def test_what_is_forged_in_our_name_is_left_out(forged: bytes) -> None:
    assert await left(forged + RAW) == RAW
    head = RAW.partition(b"\r\n\r\n")[0]
    assert await left(RAW.replace(b"Subject:", forged + b"Subject:")) == RAW
    assert await left(THEIRS + forged + forged + RAW) == THEIRS + RAW
    assert await left(head + b"\r\n" + forged) == head + b"\r\n"
    assert await left(head + b"\r\n" + forged.rstrip()) == head + b"\r\n"


async def test_an_empty_line_that_is_none_to_some_readers_does_not_end_the_header() -> None:
    assert await left(b"X: y\n\r\n" + FORGED + RAW) == b"X: y\n\r\n" + RAW


@given(
    st.lists(
        st.sampled_from([FORGED, THEIRS, b"X: y\r\n", b" z\r\n", b"\n", b"\r", b"\r\n", b"A"]),
        max_size=12,
    ),
    st.lists(st.integers(1, 90), max_size=8),
)
@example([b"\n", FORGED, b"\r\n", FORGED], [])  # what is left is no end of the header to some
async def test_how_it_is_cut_does_not_matter(pieces: list[bytes], sizes: list[int]) -> None:
    raw = b"".join(pieces)
    whole = await left(raw)
    assert await left(raw, sizes) == whole
    assert b"\r\n" + FORGED not in b"\r\n" + dkim_canonical.split(whole)[0] + b"\r\n"
    if FORGED[:20] not in raw:
        assert whole == raw


# --- builders -----------------------------------------------------------------------


def mail(*, mail_from: str = "bo@elsewhere.example", known: Authentication = KNOWN) -> Email:
    return Email(
        summary=Summary(
            email_id="e1",
            folder_id="inbox",
            thread_id="t1",
            is_read=False,
            is_starred=False,
            from_name="Bo",
            from_address="bo@elsewhere.example",
            to=("ann@shop.example",),
            subject="Your order",
            snippet="bye",
            has_attachments=False,
            size_bytes=len(RAW),
            created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        ),
        mail_id="m1",
        message=Message(),
        raw_ref=RawRef(blob="0" * 64, kind="whole", size_bytes=len(RAW)),
        mail_from=mail_from,
        recipient="ann@shop.example",
        tag="",
        authentication=known,
        spam=None,
        note="",
    )


async def left(raw: bytes, sizes: Sequence[int] = ()) -> bytes:
    """Return *raw* as it leaves us, without what goes in front; read in pieces of *sizes*."""

    async def chunks() -> AsyncIterator[bytes]:
        at = 0
        for size in sizes:
            yield raw[at : at + size]
            at += size
        yield raw[at:]

    email = mail()
    whole = b"".join([chunk async for chunk in trace.with_trace(email, chunks(), OURS)])
    return whole.removeprefix(trace.front(email, OURS))
