"""SPF: what a domain's record says about a host (RFC 7208)."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory.dns import MemoryDns
from tests.mail.spf_suite import SuiteDns, read_suite
from topologies.mail import spf_macros
from topologies.mail.spf import SpfVerdict, check_host
from topologies.mail.spf_record import SpfSyntaxError, parse

Zones = Mapping[str, Mapping[str, Sequence[object]]]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=spf1 ip4:192.0.2.7 -all", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
        ("v=spf1 ip4:198.51.100.0/24 -all", "fail"),
        ("v=spf1 ip4:198.51.100.0/24 ~all", "softfail"),
        ("v=spf1 ip4:198.51.100.0/24 ?all", "neutral"),
        ("v=spf1", "neutral"),
        ("V=SPF1 A:MAIL.SHOP.EXAMPLE -ALL", "pass"),
        ("v=spf1 mx -all", "pass"),
        ("v=spf1 a:other.example/0 -all", "pass"),
        ("v=spf1 include:partner.example -all", "pass"),
        ("v=spf1 redirect=partner.example", "pass"),
        ("v=spf1 exists:%{ir}.%{v}.allowed.example -all", "pass"),
        ("v=spf1 ptr:shop.example -all", "pass"),
        ("v=spf1 -include:partner.example +all", "fail"),
        ("v=spf1 future=1 a:mail.shop.example -all", "pass"),
    ],
)
async def test_a_record_decides(record: str, expected: str) -> None:
    assert (await asked(record)).result == expected


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 ip4:192.0.2 -all",
        "v=spf1 ip4:192.0.2.0/33 -all",
        "v=spf1 ip6:2001:db8::/129 -all",
        "v=spf1 a:/33 -all",
        "v=spf1 nonsense -all",
        "v=spf1 include: -all",
        "v=spf1 include:nowhere.example -all",
        "v=spf1 redirect=nowhere.example",
        "v=spf1 redirect=a.example redirect=b.example",
        "v=spf1 include:shop.example -all",
        "v=spf1 exists:%{x}.example -all",
        "v=spf1 a:void1.example a:void2.example a:void3.example ip4:192.0.2.7",
        "v=spf1 " + " ".join(f"a:h{n}.shop.example" for n in range(11)) + " +all",
        "v=spf1 " + "ip4:192.0.2.7 " * 2_000,
    ],
)
async def test_a_record_that_is_wrong_is_a_permanent_error(record: str) -> None:
    assert (await asked(record)).result == "permerror"


async def test_two_records_are_a_permanent_error() -> None:
    dns = MemoryDns({"shop.example": {"TXT": ["v=spf1 -all", "v=spf1 +all"]}})
    assert (await host(dns)).result == "permerror"


async def test_other_texts_are_no_record() -> None:
    dns = MemoryDns({"shop.example": {"TXT": ["v=spf10 -all", "hello", "v=spf2.0/pra -all"]}})
    assert await host(dns) == SpfVerdict("none", "shop.example")


@pytest.mark.parametrize(
    ("record", "failing"),
    [
        ("v=spf1 -all", "shop.example"),
        ("v=spf1 a:mail.shop.example -all", "mail.shop.example"),
        ("v=spf1 mx -all", "mail.shop.example"),
        ("v=spf1 include:partner.example -all", "partner.example"),
        ("v=spf1 redirect=partner.example", "partner.example"),
        ("v=spf1 exists:partner.example -all", "partner.example"),
    ],
)
async def test_a_look_up_that_fails_is_a_temporary_error(record: str, failing: str) -> None:
    verdict = await host(MemoryDns(zones(record), failing=[failing]))
    assert (verdict.result, verdict.domain) == ("temperror", "shop.example")


async def test_a_reverse_look_up_that_fails_only_does_not_match() -> None:
    dns = MemoryDns(zones("v=spf1 ptr ~all"), failing=["7.2.0.192.in-addr.arpa"])
    assert (await host(dns)).result == "softfail"


async def test_a_bounce_is_judged_by_the_name_in_helo() -> None:
    dns = MemoryDns({"mail.shop.example": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]}})
    verdict = await check_host(dns, client_ip="192.0.2.7", mail_from="", helo="mail.shop.example")
    assert verdict == SpfVerdict("pass", "mail.shop.example")


@pytest.mark.parametrize(
    "helo", ["[192.0.2.7]", "localhost", "", "a..example", "x" * 300 + ".example"]
)
async def test_what_is_no_domain_has_no_policy_and_nobody_is_asked(helo: str) -> None:
    dns = MemoryDns({})
    verdict = await check_host(dns, client_ip="192.0.2.7", mail_from="", helo=helo)
    assert (verdict.result, dns.asked) == ("none", [])


async def test_an_ipv4_address_written_as_ipv6_is_the_ipv4_address() -> None:
    dns = MemoryDns({"shop.example": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]}})
    assert (await host(dns, client_ip="::ffff:192.0.2.7")).result == "pass"


async def test_an_international_domain_is_asked_for_in_ascii() -> None:
    dns = MemoryDns({"xn--bcher-kva.example": {"TXT": ["v=spf1 +all"]}})
    assert (await host(dns, mail_from="bo@bücher.example")).result == "pass"


async def test_a_record_that_includes_itself_costs_ten_questions() -> None:
    dns = MemoryDns({"shop.example": {"TXT": ["v=spf1 include:shop.example"]}})
    assert (await host(dns)).result == "permerror"
    assert len(dns.asked) == 11


async def test_a_host_with_many_names_and_exchangers_costs_few_questions() -> None:
    names = [f"n{n}.elsewhere.example" for n in range(1_000)]
    dns = MemoryDns(
        {
            "7.2.0.192.in-addr.arpa": {"PTR": names},
            "shop.example": {"TXT": ["v=spf1 ptr ptr:a.example ptr:b.example mx -all"]},
            **{name: {"A": ["198.51.100.1"]} for name in names},
        }
    )
    await host(dns)
    assert len(dns.asked) < 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l-}", "strong.bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{d10002}", "email.example.com"),
        ("%{d" + "9" * 5_000 + "}", "email.example.com"),
        ("%%%_%-", "% %20"),
        ("%{L}", "strong-bad"),
    ],
)
def test_macros_stand_for_what_the_rfc_says(text: str, expected: str) -> None:
    # RFC 7208 §7.4
    values = {
        "s": "strong-bad@email.example.com",
        "l": "strong-bad",
        "o": "email.example.com",
        "d": "email.example.com",
        "i": "192.0.2.3",
        "v": "in-addr",
    }
    assert spf_macros.expand(text, values) == expected


@given(st.lists(st.text("abc", min_size=1, max_size=20), min_size=1, max_size=60))
def test_a_name_that_is_too_long_loses_labels_at_the_left(labels: list[str]) -> None:
    kept = list(labels)
    while len(".".join(kept)) > spf_macros.LONGEST_NAME:
        kept.pop(0)
    assert spf_macros.fitted(".".join(labels)) == ".".join(kept)


@given(st.text("v=spf1 +-~?:/.%{}adhilmopsrtvx0123456789_=é", max_size=80))
async def test_no_record_makes_it_raise(text: str) -> None:
    verdict = await asked("v=spf1 " + text)
    assert verdict.result in ("none", "neutral", "pass", "fail", "softfail", "permerror")


@given(st.text(max_size=200))
def test_a_record_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SpfSyntaxError):
        parse("v=spf1 " + text)


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("spf/sdgathman__pyspf/test/rfc7208-tests.yml", 203),
        ("spf/sdgathman__pyspf/test/rfc4408-tests.yml", 191),
        ("mail-auth/postalsys__mailauth/test/fixtures/spf/rfc7208-tests.yml", 200),
    ],
)
async def test_the_public_suites_pass(vectors: Path, path: str, tests: int) -> None:
    wrong: list[str] = []
    suite = list(read_suite(vectors / path))
    for test in suite:
        verdict = await check_host(
            SuiteDns(test.zones),
            client_ip=test.client_ip,
            mail_from=test.mail_from,
            helo=test.helo,
        )
        if verdict.result not in test.results:
            wrong.append(f"{test.name}: {verdict}, not {test.results}")
    assert wrong == []
    assert len(suite) == tests


# --- builders -----------------------------------------------------------------------


def zones(record: str) -> Zones:
    return {
        "shop.example": {"TXT": [record], "MX": [(10, "mail.shop.example")]},
        "mail.shop.example": {"A": ["192.0.2.7"]},
        "other.example": {"A": ["198.51.100.1"]},
        "partner.example": {"TXT": ["v=spf1 ip4:192.0.2.0/28 -all"]},
        "7.2.0.192.in-addr.allowed.example": {"A": ["127.0.0.2"]},
        "7.2.0.192.in-addr.arpa": {"PTR": ["mail.shop.example"]},
        **{f"h{n}.shop.example": {"A": ["198.51.100.1"]} for n in range(20)},
    }


async def asked(record: str) -> SpfVerdict:
    return await host(MemoryDns(zones(record)))


async def host(
    dns: MemoryDns, *, client_ip: str = "192.0.2.7", mail_from: str = "bo@shop.example"
) -> SpfVerdict:
    return await check_host(dns, client_ip=client_ip, mail_from=mail_from, helo="mail.shop.example")
