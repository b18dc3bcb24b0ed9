"""DMARC: whether the domain in From stands behind a message (RFC 7489)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory.dns import MemoryDns
from topologies.events import DkimVerdict
from topologies.mail.dmarc import (
    DmarcSyntaxError,
    DmarcVerdict,
    Policy,
    discover,
    evaluate,
    parse,
)
from topologies.mail.spf import SpfVerdict

NO_SPF = SpfVerdict("none", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v=DMARC1; p=none", {}),
        ("v=DMARC1;p=reject", {"wish": "reject", "wish_below": "reject"}),
        ("v=DMARC1; p=REJECT; sp=None", {"wish": "reject"}),
        ("v=DMARC1; p=none; sp=quarantine", {"wish_below": "quarantine"}),
        ("v=DMARC1; p=none; pct=20", {"percent": 20}),
        ("v=DMARC1; p=none; pct=200", {"percent": 100}),
        ("v=DMARC1; p=none; pct=many", {"percent": 100}),
        ("v=DMARC1; p=none; pct=٣", {"percent": 100}),
        ("v=DMARC1; p=none; adkim=s; aspf=s", {"is_dkim_strict": True, "is_spf_strict": True}),
        ("v=DMARC1; p=none; adkim=r; aspf=x; future=1", {}),
        (
            "v=DMARC1; p=nonsense; rua=mailto:dmarc@shop.example",
            {"rua": "mailto:dmarc@shop.example"},
        ),
        ("v=DMARC1; rua=mailto:dmarc@shop.example", {"rua": "mailto:dmarc@shop.example"}),
        ("v=DMARC1; p=reject; p=none", {"wish": "reject", "wish_below": "reject"}),
    ],
)
def test_a_record_says_what_is_wished(text: str, expected: dict[str, object]) -> None:
    plain: dict[str, object] = {"domain": "shop.example", "wish": "none", "wish_below": "none"}
    assert parse(text, "shop.example") == Policy(**{**plain, **expected})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["v=DMARC1", "v=DMARC1; p=", "v=DMARC1; p=maybe"])
def test_a_record_that_wishes_nothing_is_wrong(text: str) -> None:
    with pytest.raises(DmarcSyntaxError):
        parse(text, "shop.example")


async def test_the_domain_itself_is_asked_first_then_the_one_that_was_registered() -> None:
    dns = MemoryDns({"_dmarc.shop.example": {"TXT": ["v=DMARC1; p=none; sp=reject"]}})
    policy = await discover(dns, "a.news.shop.example")
    assert isinstance(policy, Policy)
    assert policy.wish_for("a.news.shop.example", 0) == "reject"
    assert [name for name, _ in dns.asked] == [
        "_dmarc.a.news.shop.example",
        "_dmarc.shop.example",
    ]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], "none"),
        (["v=spf1 -all"], "none"),
        (["v=DMARC1x; p=reject"], "none"),
        (["v=dmarc1; p=reject"], "none"),
        (["p=reject; v=DMARC1"], "none"),
        (["v=DMARC1; p=reject", "v=DMARC1; p=none"], "none"),
        (["v=DMARC1; p=sometimes"], "permerror"),
    ],
)
async def test_without_one_good_record_there_is_no_policy(
    records: list[str], expected: str
) -> None:
    dns = MemoryDns({"_dmarc.shop.example": {"TXT": records}})
    assert await discover(dns, "shop.example") == DmarcVerdict(expected)  # type: ignore[arg-type]


async def test_a_record_of_dmarc_among_others_counts() -> None:
    dns = MemoryDns({"_dmarc.shop.example": {"TXT": ["hello", "v = DMARC1 ; p=reject"]}})
    assert isinstance(await discover(dns, "shop.example"), Policy)


@pytest.mark.parametrize("failing", ["_dmarc.news.shop.example", "_dmarc.shop.example"])
async def test_a_look_up_that_fails_is_a_temporary_error(failing: str) -> None:
    dns = MemoryDns({}, failing=[failing])
    assert await discover(dns, "news.shop.example") == DmarcVerdict("temperror")


@pytest.mark.parametrize(
    ("spf", "dkim", "expected"),
    [
        (("pass", "shop.example"), (), "pass"),
        (("pass", "bounces.shop.example"), (), "pass"),
        (("pass", "other.example"), (), "fail"),
        (("fail", "shop.example"), (), "fail"),
        (("softfail", "shop.example"), (), "fail"),
        (("none", ""), ("pass", "shop.example"), "pass"),
        (("none", ""), ("pass", "mail.shop.example"), "pass"),
        (("none", ""), ("pass", "shop.example.evil.example"), "fail"),
        (("none", ""), ("fail", "shop.example"), "fail"),
        (("none", ""), ("policy", "shop.example"), "fail"),
        (("fail", "shop.example"), ("pass", "shop.example"), "pass"),
        (("temperror", "shop.example"), (), "temperror"),
        (("temperror", "other.example"), (), "fail"),
        (("none", ""), ("temperror", "shop.example"), "temperror"),
        (("temperror", "shop.example"), ("pass", "shop.example"), "pass"),
    ],
)
def test_one_proof_of_an_aligned_domain_is_enough(
    spf: tuple[str, str], dkim: tuple[str, str] | tuple[()], expected: str
) -> None:
    verdicts = [DkimVerdict(result=dkim[0], domain=dkim[1], selector="s")] if dkim else []  # type: ignore[arg-type]
    verdict = evaluate(policy_of("none"), "shop.example", SpfVerdict(*spf), verdicts)  # type: ignore[arg-type]
    assert verdict.result == expected


@pytest.mark.parametrize(
    ("domain", "relaxed", "strict"),
    [("shop.example", "pass", "pass"), ("mail.shop.example", "pass", "fail")],
)
def test_a_strict_domain_wants_the_very_same_name(domain: str, relaxed: str, strict: str) -> None:
    dkim = [DkimVerdict(result="pass", domain=domain, selector="s")]
    spf = SpfVerdict("pass", domain)
    loose, tight = policy_of("none"), policy_of("none; adkim=s; aspf=s")
    assert evaluate(loose, "shop.example", spf, ()).result == relaxed
    assert evaluate(tight, "shop.example", spf, ()).result == strict
    assert evaluate(loose, "shop.example", NO_SPF, dkim).result == relaxed
    assert evaluate(tight, "shop.example", NO_SPF, dkim).result == strict


def test_neighbours_below_a_public_suffix_do_not_speak_for_each_other() -> None:
    spf = SpfVerdict("pass", "evil.co.uk")
    assert evaluate(policy_of("reject"), "shop.co.uk", spf, ()).result == "fail"


def test_what_was_not_found_stays_what_it_is() -> None:
    proof = SpfVerdict("pass", "shop.example")
    for verdict in (DmarcVerdict("none"), DmarcVerdict("temperror"), DmarcVerdict("permerror")):
        assert evaluate(verdict, "shop.example", proof, ()) == verdict


def test_a_percentage_weakens_the_wish_for_the_others() -> None:
    # RFC 7489 §6.6.4
    assert [policy_of("reject; pct=30").wish_for("shop.example", n) for n in (0, 29, 30, 99)] == [
        "reject",
        "reject",
        "quarantine",
        "quarantine",
    ]
    assert policy_of("quarantine; pct=0").wish_for("shop.example", 0) == "none"


@given(st.text(max_size=200))
async def test_no_record_makes_it_raise(text: str) -> None:
    for record in (text, "v=DMARC1; p=none;" + text, "v=DMARC1;" + text):
        dns = MemoryDns({"_dmarc.shop.example": {"TXT": [record]}})
        found = await discover(dns, "shop.example")
        assert isinstance(found, Policy) or found.result in ("none", "permerror")


@given(st.text(max_size=60))
async def test_no_domain_makes_it_raise(domain: str) -> None:
    await discover(MemoryDns({}), domain)


# --- builders -----------------------------------------------------------------------


def policy_of(wish: str) -> Policy:
    return parse(f"v=DMARC1; p={wish}", "shop.example")
