"""How a mail says that no more like it is wanted."""

from datetime import timedelta

import pytest

from topologies.events.inbound import Authentication, DkimResult, DkimVerdict
from topologies.mail.unsubscribing import (
    GIVE_UP_AFTER,
    Offer,
    is_retried,
    next_wait,
    offered,
)

URL = "https://list.far.example/u?id=a%20b"
ONE_CLICK = "List-Unsubscribe=One-Click"
SIGNED = "from:subject:list-unsubscribe:list-unsubscribe-post"


def test_one_click_is_offered_where_a_signature_that_holds_covers_it() -> None:
    assert offered(header(f"<{URL}>"), passed()) == Offer(url=URL)
    folded = f"\r\n <mailto:off@far.example?subject=No%20more>,\r\n\t<{URL}>"
    assert offered(header(folded), passed()) == Offer(
        url=URL, address="off@far.example", subject="No more"
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"<{URL}>, <https://other.example/>", id="two URLs"),
        pytest.param("<http://list.far.example/u>", id="no TLS"),
        pytest.param("<https://name:word@list.far.example/u>", id="a password"),
        pytest.param("<https://127.0.0.1/u>", id="our own machine"),
        pytest.param("<https://[::1]/u>", id="our own machine, IPv6"),
        pytest.param("<https://localhost/u>", id="a name of our own network"),
        pytest.param(f"<https://list.far.example/{'x' * 2_000}>", id="too long"),
        pytest.param("<https://list.far.example/\u00e9>", id="not ASCII"),
        pytest.param("<https://list.far.example:99999/u>", id="no port"),
        pytest.param(URL, id="no brackets"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_url_that_can_t_be_used_is_not_offered(text: str) -> None:
    assert offered(header(text), passed()) == Offer()


@pytest.mark.parametrize("post", [None, "", "One-Click", f"{ONE_CLICK}, x=y"])
def test_without_the_field_that_says_so_it_is_not_one_click(post: str | None) -> None:
    assert offered(header(f"<{URL}>", post=post), passed()) == Offer()


@pytest.mark.parametrize(
    "signed", ["from", "from:list-unsubscribe", "from:list-unsubscribe-post", ""]
)
def test_a_signature_that_leaves_a_field_out_proves_nothing(signed: str) -> None:
    assert offered(header(f"<{URL}>", signed=signed), passed()) == Offer()


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(None, id="nobody looked"),
        pytest.param(Authentication(), id="no verdict"),
        pytest.param(Authentication(signed_in=True), id="a user of ours, unsigned"),
        *(
            pytest.param(Authentication(dkim=(_verdict,)), id=_verdict.result)
            for _verdict in (
                DkimVerdict(result="fail", domain="far.example", selector="s1"),
                DkimVerdict(result="temperror", domain="far.example", selector="s1"),
            )
        ),
    ],
)
def test_a_signature_that_does_not_hold_proves_nothing(known: Authentication | None) -> None:
    assert offered(header(f"<{URL}>"), known) == Offer()


def test_another_signer_s_good_signature_proves_nothing() -> None:
    assert offered(header(f"<{URL}>"), passed(domain="other.example")) == Offer()
    assert offered(header(f"<{URL}>"), passed(selector="s2")) == Offer()


def test_of_two_signatures_by_one_key_both_must_hold() -> None:
    good = DkimVerdict(result="pass", domain="far.example", selector="s1")
    bad = DkimVerdict(result="fail", domain="far.example", selector="s1")
    assert offered(header(f"<{URL}>"), Authentication(dkim=(good, bad))) == Offer()


def test_a_field_that_stands_there_twice_is_not_trusted() -> None:
    twice = header(f"<{URL}>") + b"\r\nList-Unsubscribe: <https://bad.example/>"
    assert offered(twice, passed()) == Offer()
    twice = header(f"<{URL}>") + b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click"
    assert offered(twice, passed()) == Offer()


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mailto:off@far.example", Offer(address="off@far.example")),
        (
            "mailto:off%2Bx@far.example?Subject=a+b%0D%0ABcc:%20x&body=off&cc=y@far.example",
            Offer(address="off+x@far.example", subject="a+b Bcc: x", text="off"),
        ),
        ("mailto:", Offer()),
        ("mailto:a@far.example,b@far.example", Offer()),
        ("mailto:a@far.example?subject=%ff", Offer()),
        ("MAILTO:off@far.example", Offer(address="off@far.example")),
    ],
)
def test_of_a_mail_that_asks_subject_and_text_are_taken_alone(uri: str, expected: Offer) -> None:
    assert offered(header(f"<{uri}>", post=None), None) == expected


@pytest.mark.parametrize(
    ("status", "is_one"),
    [(0, True), (500, True), (429, True), (408, True), (302, False), (404, False), (410, False)],
)
def test_who_is_asked_again(status: int, is_one: bool) -> None:
    assert is_retried(status) == is_one


def test_waits_grow_and_end() -> None:
    minutes, hours = timedelta(minutes=5), timedelta(hours=2)
    assert next_wait(1, timedelta()) == minutes
    assert next_wait(2, minutes) == next_wait(9, minutes) == hours
    assert next_wait(1, timedelta(), asked_s=600) == hours
    assert next_wait(3, GIVE_UP_AFTER - hours) == hours
    assert next_wait(3, GIVE_UP_AFTER) is None


def header(text: str, *, post: str | None = ONE_CLICK, signed: str = SIGNED) -> bytes:
    """A header with List-Unsubscribe, and a signature of far.example."""
    lines = [
        f"DKIM-Signature: v=1; a=rsa-sha256; d=far.example; s=s1;\r\n h={signed}; bh=x; b=y",
        "From: Zoe <zoe@far.example>",
        f"List-Unsubscribe: {text}",
        *([f"List-Unsubscribe-Post: {post}"] if post is not None else []),
        "Subject: News",
    ]
    return "\r\n".join(lines).encode()


def passed(domain: str = "far.example", selector: str = "s1") -> Authentication:
    result: DkimResult = "pass"
    return Authentication(dkim=(DkimVerdict(result=result, domain=domain, selector=selector),))
