"""Authentication-Results: written, read, and told from those that pretend to be ours (RFC 8601)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.events import ArcVerdict, Authentication, DkimVerdict
from topologies.mail import authres, dkim_canonical
from topologies.mail.authres import AuthResults, MethodResult, Property
from topologies.mail.authres_reader import AuthResultsSyntaxError, is_named, parse

OURS = "mx.shop.example"
KEYWORDS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
VALUES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60
)
RESULTS = st.builds(
    MethodResult,
    KEYWORDS,
    KEYWORDS,
    st.lists(st.builds(Property, KEYWORDS, KEYWORDS, VALUES), max_size=3).map(tuple),
    VALUES,
)


def test_what_is_known_is_written_folded() -> None:
    found = Authentication(
        spf="pass",
        spf_domain="elsewhere.example",
        dkim=(
            DkimVerdict(result="pass", domain="elsewhere.example", selector="s1"),
            DkimVerdict(result="fail", domain="list.example", selector="k", reason="was changed"),
        ),
        dmarc="pass",
        dmarc_policy="reject",
        from_domain="elsewhere.example",
        arc=ArcVerdict(result="pass", instances=1, sealers=("list.example",)),
    )
    written = authres.field(
        authres.known(found, authserv_id=OURS, mail_from="bo@elsewhere.example")
    )
    assert written == (
        b"Authentication-Results: mx.shop.example; spf=pass\r\n"
        b" smtp.mailfrom=bo@elsewhere.example; dkim=pass header.d=elsewhere.example\r\n"
        b' header.s=s1; dkim=fail reason="was changed" header.d=list.example header.s=k;\r\n'
        b" dmarc=pass header.from=elsewhere.example policy.dmarc=reject; arc=pass\r\n"
        b" header.oldest-pass=0\r\n"
    )


@pytest.mark.parametrize(
    ("found", "mail_from", "said"),
    [
        (None, "bo@elsewhere.example", "none"),
        (Authentication(from_domain="elsewhere.example"), "", "none"),
        (
            Authentication(signed_in=True),
            "ann@shop.example",
            "auth=pass smtp.mailfrom=ann@shop.example",
        ),
        (
            Authentication(spf="pass", spf_domain="mail.example"),
            "",
            "spf=pass smtp.helo=mail.example; dkim=none; dmarc=none",
        ),
        (
            Authentication(spf="fail", spf_domain="x.example", arc=ArcVerdict(result="temperror")),
            "a@x.example",
            "spf=fail smtp.mailfrom=a@x.example; dkim=none; dmarc=none",
        ),
    ],
)
def test_only_what_was_looked_at_is_told(
    found: Authentication | None, mail_from: str, said: str
) -> None:
    words = authres.words(authres.known(found, authserv_id=OURS, mail_from=mail_from))
    assert " ".join(words) == f"{OURS}; {said}"


@given(VALUES, st.lists(RESULTS, max_size=3))
def test_what_is_written_is_read_again(authserv_id: str, results: list[MethodResult]) -> None:
    found = AuthResults(authserv_id, tuple(results))
    written = authres.field(found)
    assert parse(written.partition(b":")[2].decode()) == found


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_text_breaks_out_of_the_field(one: str, other: str) -> None:
    result = MethodResult("dkim", "fail", (Property("header", "d", one),), other)
    written = authres.field(AuthResults(other, (result, result)))
    [(name, field)] = dkim_canonical.fields(written.removesuffix(b"\r\n"))
    assert name == "authentication-results"
    assert b"\r" not in field.replace(b"\r\n ", b"")
    assert b"\n" not in field.replace(b"\r\n ", b"")
    assert max(map(len, written.split(b"\r\n"))) <= 998
    read = parse(field.partition(b":")[2].decode())
    assert [(r.method, r.result) for r in read.results] == [("dkim", "fail")] * 2


@pytest.mark.parametrize("word", ["", "a b", "dkim=pass", "x\r\ny", "-a", "é"])
def test_what_is_no_keyword_is_not_written(word: str) -> None:
    with pytest.raises(ValueError, match="is no keyword"):
        authres.field(AuthResults(OURS, (MethodResult(word, "pass"),)))


@pytest.mark.parametrize(
    ("value", "results"),
    [
        (" mx.example; none", ()),
        (" mx.example 1; none", ()),
        (" mx.example", ()),
        (" (a (nested \\) one)) mx.example (x); spf=pass;", (MethodResult("spf", "pass"),)),
        (
            (
                ' mx.example; spf = pass (of "this") reason = "a \\"b\\" ; c"'
                " smtp . mailfrom = @x.example"
            ),
            (
                MethodResult(
                    "spf", "pass", (Property("smtp", "mailfrom", "@x.example"),), 'a "b" ; c'
                ),
            ),
        ),
        (
            (
                " mx.example;\r\n\tDKIM/1=Pass (1024-bit key)\r\n"
                ' header.b="a=b/c+" header.i=@x.example'
            ),
            (
                MethodResult(
                    "dkim",
                    "pass",
                    (Property("header", "b", "a=b/c+"), Property("header", "i", "@x.example")),
                ),
            ),
        ),
        (
            ' "mx.example"; auth=pass smtp.auth="a b"@x.example; x-own=odd policy.arc.chain=1',
            (
                MethodResult("auth", "pass", (Property("smtp", "auth", "a b@x.example"),)),
                MethodResult("x-own", "odd", (Property("policy", "arc.chain", "1"),)),
            ),
        ),
    ],
)
def test_fields_of_others_are_read(value: str, results: tuple[MethodResult, ...]) -> None:
    assert parse(value) == AuthResults("mx.example", results)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ";",
        "mx.example 2; spf=pass",
        "mx.example; spf",
        "mx.example; =pass",
        "mx.example; spf=pass smtp.mailfrom",
        "mx.example; spf=pass (open",
        'mx.example; spf=pass reason="open',
        "mx.example spf=pass",
        "mx.example; " + "spf=pass; " * 10_000,
    ],
)
def test_what_can_not_be_read_says_nothing(value: str) -> None:
    with pytest.raises(AuthResultsSyntaxError):
        parse(value)


@given(st.text(st.sampled_from('mx.example;spf=pas(") \\\r\n\t0'), max_size=80))
def test_no_value_makes_it_raise_anything_else(value: str) -> None:
    with contextlib.suppress(AuthResultsSyntaxError):
        parse(value)
    is_named(value, OURS)


def test_a_hostile_value_costs_no_more_than_its_length() -> None:
    for piece in ("(", '"', "\\", "(()", 'a"', "; a=b c.d=e"):
        with contextlib.suppress(AuthResultsSyntaxError):
            parse("mx.example " + piece * 20_000)


@pytest.mark.parametrize(
    "value",
    [
        f" {OURS}; dkim=pass",
        f" {OURS}; none",
        f"{OURS}",
        " MX.Shop.Example 1; spf=pass",
        f" (really) {OURS}. ; spf=pass",
        f' "{OURS}"; spf=pass',
        ' "mx\\.shop.example"; spf=pass',
        " mx.(x)shop.example; spf=pass",
        " mx.shop.\r\n (x)\r\n example; spf=pass",
        f" ({OURS}; spf=pass",
        f" {OURS}2; spf=pass",
        f' "x; {OURS}; spf=pass',
    ],
)
def test_a_field_in_our_name_is_known(value: str) -> None:
    assert is_named(value, OURS)


@pytest.mark.parametrize(
    "value",
    [
        " mx.other.example; dkim=pass",
        f" other.example; dkim=pass header.d={OURS}",
        f" evil.{OURS}; dkim=pass",
        f" {OURS}.evil.example; dkim=pass",
        f" (like {OURS}) other.example; dkim=pass",
        " dkim=pass header.d=x.example",
        "",
    ],
)
def test_a_field_of_another_host_is_not_ours(value: str) -> None:
    assert not is_named(value, OURS)
