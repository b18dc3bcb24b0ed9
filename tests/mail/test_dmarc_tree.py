"""DMARC by walking the tree of the DNS (RFC 9989)."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory.dns import MemoryDns
from topologies.events import DkimVerdict
from topologies.mail.dmarc import DmarcVerdict
from topologies.mail.dmarc_tree import MOST_NAMES, judge, walk
from topologies.mail.spf import SpfVerdict

NO_SPF = SpfVerdict("none", "")


async def test_the_walk_goes_up_to_the_root() -> None:
    dns = zones({})
    await walk(dns, "a.mail.shop.example")
    assert asked(dns) == ["a.mail.shop.example", "mail.shop.example", "shop.example", "example"]


async def test_a_long_name_costs_no_more_than_eight_questions() -> None:
    dns = zones({})
    await walk(dns, "a.b.c.d.e.f.g.h.i.j.mail.shop.example")
    assert asked(dns) == [
        "a.b.c.d.e.f.g.h.i.j.mail.shop.example",
        "g.h.i.j.mail.shop.example",
        "h.i.j.mail.shop.example",
        "i.j.mail.shop.example",
        "j.mail.shop.example",
        "mail.shop.example",
        "shop.example",
        "example",
    ]
    assert len(dns.asked) == MOST_NAMES


@pytest.mark.parametrize(
    ("records", "organization"),
    [
        ({}, "a.mail.shop.example"),
        ({"mail.shop.example": "p=none", "shop.example": "p=none"}, "shop.example"),
        ({"example": "p=none; psd=y"}, "shop.example"),
        ({"shop.example": "p=none; psd=y"}, "mail.shop.example"),
        ({"mail.shop.example": "p=none; psd=n", "shop.example": "p=none"}, "mail.shop.example"),
        ({"a.mail.shop.example": "p=none; psd=y"}, "a.mail.shop.example"),
        ({"a.mail.shop.example": "p=none; psd=y", "example": "p=none"}, "example"),
        ({"shop.example": "p=none; psd=odd"}, "shop.example"),
    ],
)
async def test_the_records_on_the_way_tell_the_organization(
    records: Mapping[str, str], organization: str
) -> None:
    assert (await walk(zones(records), "a.mail.shop.example")).organization == organization


@pytest.mark.parametrize(
    ("records", "wish"),
    [
        ({"a.shop.example": "p=none", "shop.example": "p=reject"}, "none"),
        ({"shop.example": "p=reject"}, "reject"),
        ({"shop.example": "p=reject; sp=quarantine"}, "quarantine"),
        ({"example": "p=none; sp=reject; psd=y"}, "reject"),
        ({"shop.example": "p=none", "example": "p=reject; psd=y"}, "none"),
        ({"shop.example": "p=reject; pct=0"}, "reject"),  # pct= is no more
        ({"shop.example": "p=reject; t=y"}, "none"),
        ({"shop.example": "rua=mailto:d@shop.example"}, "none"),
    ],
)
async def test_the_nearest_policy_of_domain_organization_or_suffix_applies(
    records: Mapping[str, str], wish: str
) -> None:
    verdict = await judge(zones(records), "a.shop.example", NO_SPF, ())
    assert verdict.policy is not None
    assert (verdict.result, verdict.policy.wish_for("a.shop.example", 50)) == ("fail", wish)


async def test_names_that_do_not_exist_may_have_a_policy_of_their_own() -> None:
    records = {"shop.example": "p=none; sp=none; np=reject"}
    for name, wish in (("a.shop.example", "none"), ("nobody.shop.example", "reject")):
        dns = zones(records, hosts=["a.shop.example"])
        verdict = await judge(dns, name, NO_SPF, ())
        assert verdict.policy is not None
        assert verdict.policy.wish_for(name, 0) == wish


@pytest.mark.parametrize(
    ("records", "proved", "result"),
    [
        ({"shop.example": "p=none"}, "shop.example", "pass"),
        ({"shop.example": "p=none"}, "mail.shop.example", "pass"),
        ({"shop.example": "p=none"}, "other.example", "fail"),
        ({"shop.example": "p=none"}, "evilshop.example", "fail"),
        ({"a.shop.example": "p=none"}, "shop.example", "fail"),
        ({"shop.example": "p=none", "b.shop.example": "p=none; psd=n"}, "b.shop.example", "fail"),
        ({"example": "p=none; psd=y"}, "b.shop.example", "pass"),
        ({"example": "p=none; psd=y"}, "other.example", "fail"),
        ({"shop.example": "p=none; adkim=s; aspf=s"}, "shop.example", "fail"),
        ({"shop.example": "p=none; adkim=s; aspf=s"}, "a.shop.example", "pass"),
    ],
)
async def test_a_proof_counts_if_it_is_of_the_same_organization(
    records: Mapping[str, str], proved: str, result: str
) -> None:
    dkim = DkimVerdict(result="pass", domain=proved, selector="s")
    for spf, signatures in ((SpfVerdict("pass", proved), ()), (NO_SPF, (dkim,))):
        verdict = await judge(zones(records), "a.shop.example", spf, signatures)
        assert verdict.result == result


async def test_nobody_is_asked_about_domains_that_can_not_be_of_it() -> None:
    dns = zones({"shop.example": "p=none"})
    dkim = [DkimVerdict(result="pass", domain=f"d{n}.example", selector="s") for n in range(5)]
    await judge(dns, "shop.example", NO_SPF, dkim)
    assert asked(dns) == ["shop.example", "example"]


@pytest.mark.parametrize(
    ("records", "failing", "result"),
    [
        ({}, [], "none"),
        ({}, ["_dmarc.shop.example"], "temperror"),
        ({"shop.example": "p=odd"}, [], "permerror"),
    ],
)
async def test_what_was_not_found_is_told_apart(
    records: Mapping[str, str], failing: list[str], result: str
) -> None:
    verdict = await judge(zones(records, failing=failing), "a.shop.example", NO_SPF, ())
    assert verdict == DmarcVerdict(result)  # type: ignore[arg-type]


async def test_two_records_are_none() -> None:
    dns = MemoryDns({"_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject"] * 2}})
    assert await judge(dns, "shop.example", NO_SPF, ()) == DmarcVerdict("none")


@given(st.text(st.sampled_from("ab.-é"), max_size=60), st.text(max_size=60))
async def test_no_name_and_no_record_makes_it_raise(name: str, text: str) -> None:
    dns = MemoryDns({f"_dmarc.{name}": {"TXT": [f"v=DMARC1; {text}"]}})
    await judge(dns, name, SpfVerdict("pass", name), ())
    assert len(dns.asked) <= 2 * MOST_NAMES + 3


# --- builders -----------------------------------------------------------------------


def zones(
    records: Mapping[str, str], *, hosts: list[str] | None = None, failing: list[str] | None = None
) -> MemoryDns:
    policies = {f"_dmarc.{name}": {"TXT": [f"v=DMARC1; {r}"]} for name, r in records.items()}
    machines = {name: {"A": ["192.0.2.7"]} for name in hosts or ()}
    return MemoryDns({**policies, **machines}, failing=failing or ())


def asked(dns: MemoryDns) -> list[str]:
    return [name.removeprefix("_dmarc.") for name, _ in dns.asked]
