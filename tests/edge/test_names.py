"""What clients are called: by the DNS, and by themselves."""

import pytest

from connectors.memory.dns import MemoryDns, Records
from tests.edge.mails import a_mail
from topologies.check import Transaction
from topologies.edge.client_name import client_name
from topologies.edge.helo_name import helo_name
from topologies.ports.policy import NameLookups

PTR = "7.2.0.192.in-addr.arpa"
LEADS_BACK: dict[str, Records] = {
    PTR: {"PTR": ["Out.Far.example."]},
    "out.far.example.": {"A": ["192.0.2.7"]},
    "out.far.example": {"A": ["192.0.2.7"]},
    "mx.far.example": {"A": ["192.0.2.9"]},
    "six.far.example": {"AAAA": ["2001:db8::7"]},
}


async def test_a_name_that_leads_back_is_the_clients() -> None:
    assert await named(a_mail(), LEADS_BACK) == "out.far.example"


async def test_a_name_that_leads_elsewhere_is_not() -> None:
    zones: dict[str, Records] = {PTR: {"PTR": ["mx.far.example"]}, **LEADS_BACK}
    zones[PTR] = {"PTR": ["mx.far.example"]}
    assert await named(a_mail(), zones) == ""


async def test_without_an_answer_a_client_has_no_name() -> None:
    assert await named(a_mail(), {}) == ""
    dns = MemoryDns({}, failing=[PTR])
    assert await client_name(a_mail(), lookups=NameLookups(is_on=True), dns=dns) is None


@pytest.mark.parametrize(
    ("helo", "verdict"),
    [
        ("out.far.example", "proved"),
        ("Out.FAR.example.", "proved"),
        ("mx.far.example", "mismatch"),
        ("six.far.example", "mismatch"),
        ("nowhere.example", "unresolved"),
        ("mx.shop.example", "ours"),
        ("MX.SHOP.example", "ours"),
        ("[192.0.2.7]", "proved"),
        ("[192.0.2.8]", "mismatch"),
        ("[IPv6:2001:db8::7]", "mismatch"),
        ("[whatever]", "malformed"),
        ("localhost", "malformed"),
        ("192.0.2.7", "malformed"),
        ("a b.example", "malformed"),
        ("-.example", "malformed"),
        ("x" * 64 + ".example", "malformed"),
        ("a..example", "malformed"),
    ],
)
async def test_a_helo_name_is_judged(helo: str, verdict: str) -> None:
    mail = a_mail(helo=helo)
    answer = await helo_name(mail, lookups=NameLookups(is_on=True), dns=MemoryDns(LEADS_BACK))
    assert isinstance(answer, Transaction)
    assert answer.helo_verdict == verdict


async def test_the_client_of_an_ipv6_literal_is_proved() -> None:
    mail = a_mail(helo="[ipv6:2001:DB8::7]", client_ip="2001:db8::7")
    answer = await helo_name(mail, lookups=NameLookups(), dns=MemoryDns({}))
    assert isinstance(answer, Transaction)
    assert answer.helo_verdict == "proved"


async def test_nothing_is_looked_up_unless_that_is_switched_on_or_for_our_own() -> None:
    dns = MemoryDns(LEADS_BACK)
    for mail, lookups in (
        (a_mail(), NameLookups()),
        (a_mail(client_ip="10.0.0.1"), NameLookups(is_on=True)),
    ):
        assert await client_name(mail, lookups=lookups, dns=dns) is None
        assert await helo_name(mail, lookups=lookups, dns=dns) is None
    assert dns.asked == []


async def test_a_dns_that_fails_says_nothing_of_a_name() -> None:
    dns = MemoryDns({}, failing=["out.far.example"])
    assert await helo_name(a_mail(), lookups=NameLookups(is_on=True), dns=dns) is None


async def named(mail: Transaction, zones: dict[str, Records]) -> str:
    answer = await client_name(mail, lookups=NameLookups(is_on=True), dns=MemoryDns(zones))
    return answer.client_name if isinstance(answer, Transaction) else ""
