"""authenticate: whether a mail comes from whom it says, whatever the DNS does."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.memory.blobs import MemoryBlobs
from connectors.memory.dns import MemoryDns
from tests.inbound.hurried_loop import run_hurried
from tests.mail.signing import NAME, key_of, signed
from topologies.events import (
    Address,
    ArcVerdict,
    Authentication,
    DkimVerdict,
    MailAuthenticated,
    MailParsed,
    Message,
    RawRef,
)
from topologies.inbound.authenticate import MOST_AUTHORS, authenticate
from topologies.mail import arc_seal, dkim_private
from topologies.ports.dns import Resolver
from topologies.ports.policy import AuthenticatePolicy

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAW = (
    b"From: Bo <bo@shop.example>\r\nTo: ann@elsewhere.example\r\nSubject: order\r\n"
    b"Date: Sun, 1 Mar 2026 12:00:00 +0000\r\n\r\nit is on its way.\r\n"
)
ZONES: Mapping[str, Mapping[str, Sequence[object]]] = {
    "shop.example": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
    "evil.example": {"TXT": ["v=spf1 +all"]},
    "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject; sp=quarantine"]},
    NAME: {"TXT": [key_of("rsa").record]},
    "test._domainkey.lists.example": {"TXT": [key_of("rsa").record]},
}
USUAL = AuthenticatePolicy()
LIST = "lists.example"
PASSED = DkimVerdict(
    result="pass",
    domain="shop.example",
    selector="test",
    reason="an RSA key of 1024 bits is short",
)


async def test_a_mail_that_is_what_it_says_passes_all() -> None:
    assert await known(mail(raw=signed(RAW))) == Authentication(
        spf="pass",
        spf_domain="shop.example",
        dkim=(PASSED,),
        dmarc="pass",
        dmarc_policy="reject",
        from_domain="shop.example",
    )


async def test_a_mail_in_a_strangers_name_fails_and_its_owners_wish_is_told() -> None:
    found = await known(mail(mail_from="eve@evil.example", client_ip="198.51.100.9"))
    assert found == Authentication(
        spf="pass",
        spf_domain="evil.example",
        dmarc="fail",
        dmarc_policy="reject",
        from_domain="shop.example",
    )


async def test_a_forwarded_mail_is_proved_by_its_signature() -> None:
    found = await known(mail(raw=signed(RAW), client_ip="198.51.100.9"))
    assert (found.spf, found.dmarc) == ("fail", "pass")


async def test_the_wish_for_what_lies_below_is_told() -> None:
    message = Message(from_=(Address(address="bo@news.shop.example"),))
    found = await known(mail(message=message, client_ip="198.51.100.9"))
    assert (found.dmarc, found.dmarc_policy) == ("fail", "quarantine")


async def test_a_percentage_is_drawn_once_for_each_mail() -> None:
    zones = {**ZONES, "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject; pct=50"]}}
    wishes: list[str] = []
    for n in range(200):
        one = mail(mail_id=f"m{n}", client_ip="198.51.100.9")
        wishes.append((await known(one, MemoryDns(zones))).dmarc_policy)
        assert (await known(one, MemoryDns(zones))).dmarc_policy == wishes[-1]
    assert 50 < wishes.count("reject") < 150
    assert set(wishes) == {"reject", "quarantine"}


async def test_who_is_signed_in_needs_no_proof_and_nobody_is_asked() -> None:
    dns = MemoryDns(ZONES)
    found = await known(mail(user_id="u1", origin="local", client_ip=""), dns)
    assert found == Authentication(signed_in=True, from_domain="shop.example")
    assert dns.asked == []


async def test_what_we_write_ourselves_needs_no_proof() -> None:
    found = await known(mail(mail_from="", origin="local", client_ip="", helo=""))
    assert found == Authentication(signed_in=True, from_domain="shop.example")


async def test_a_strangers_mail_that_is_forwarded_here_is_judged_as_when_it_came() -> None:
    forged = mail(mail_from="eve@evil.example", client_ip="198.51.100.9")
    first = await known(forged)
    assert (first.signed_in, first.dmarc) == (False, "fail")
    assert await known(msgspec.structs.replace(forged, mail_id="m2", origin="local")) == first
    # A server of our own network, which came by LMTP, has no address that tells anything.
    by_lmtp = mail(mail_from="eve@evil.example", client_ip="", origin="local")
    assert (await known(by_lmtp)).signed_in is False


async def test_for_imported_mail_nobody_is_asked() -> None:
    dns = MemoryDns(ZONES)
    found = await known(mail(origin="import", client_ip="", raw=signed(RAW)), dns)
    assert (found, dns.asked) == (Authentication(from_domain="shop.example"), [])


@pytest.mark.parametrize("client_ip", ["127.0.0.1", "10.0.0.7", "::1", "", "nonsense"])
async def test_hosts_of_our_own_network_have_no_spf(client_ip: str) -> None:
    found = await known(mail(raw=signed(RAW), client_ip=client_ip))
    assert (found.spf, found.dmarc) == ("none", "pass")


@pytest.mark.parametrize("raw", [b"From: eve@evil.example\r\n" + RAW, RAW + b""])
async def test_two_from_fields_prove_nothing(raw: bytes) -> None:
    two = raw.startswith(b"From: eve")
    found = await known(mail(raw=raw))
    assert found.dmarc == ("permerror" if two else "pass")


@pytest.mark.parametrize(
    "authors",
    [
        ["bo@shop.example", "eve@evil.example"],
        ["bo@shop.example"] * (MOST_AUTHORS + 1),
    ],
)
async def test_several_authors_prove_nothing(authors: list[str]) -> None:
    message = Message(from_=tuple(Address(address=a) for a in authors))
    assert (await known(mail(message=message))).dmarc == "permerror"


async def test_several_authors_of_one_domain_are_as_good_as_one() -> None:
    authors = (Address(address="bo@shop.example"), Address(address="zoe@SHOP.example"))
    assert (await known(mail(message=Message(from_=authors)))).dmarc == "pass"


@pytest.mark.parametrize("address", ["", "bo", "bo@", "@", "bo@..", "bo@" + "x" * 300])
async def test_without_a_domain_in_from_there_is_no_policy(address: str) -> None:
    message = Message(from_=(Address(address=address),) if address else ())
    found = await known(mail(message=message))
    assert found.dmarc in ("none", "permerror")


async def test_an_international_domain_is_asked_for_in_ascii() -> None:
    dns = MemoryDns({"_dmarc.xn--bcher-kva.example": {"TXT": ["v=DMARC1; p=reject"]}})
    message = Message(from_=(Address(address="bo@bücher.example"),))
    found = await known(mail(message=message), dns)
    assert (found.from_domain, found.dmarc) == ("xn--bcher-kva.example", "fail")


async def test_a_dead_dns_makes_all_temporary_errors_and_the_mail_flows_on() -> None:
    dns = MemoryDns({}, failing=[*ZONES, "_dmarc.shop.example"])
    found = await known(mail(raw=signed(RAW)), dns)
    assert (found.spf, [d.result for d in found.dkim], found.dmarc) == (
        "temperror",
        ["temperror"],
        "temperror",
    )


def test_a_dns_that_never_answers_is_not_waited_for() -> None:
    found = run_hurried(known(mail(raw=signed(RAW)), SilentDns()))
    assert (found.spf, [d.result for d in found.dkim], found.dmarc) == (
        "temperror",
        ["temperror"],
        "temperror",
    )


async def test_a_mail_that_a_list_changed_carries_the_lists_seal() -> None:
    found = await known(from_list())
    assert (found.dmarc, found.dmarc_policy, [d.result for d in found.dkim]) == (
        "fail",
        "reject",
        ["fail"],
    )
    assert found.arc == ArcVerdict(result="pass", instances=1, sealers=(LIST,))


@pytest.mark.parametrize(
    ("trusted", "honours", "vouched_by", "wish"),
    [
        ((), True, "", "reject"),
        (("other.example",), True, "", "reject"),
        (("ists.example",), True, "", "reject"),
        ((LIST,), False, LIST, "reject"),
        (("example",), False, LIST, "reject"),
        ((LIST,), True, LIST, "none"),
    ],
)
async def test_whose_seals_are_trusted_may_vouch_for_it(
    trusted: tuple[str, ...], honours: bool, vouched_by: str, wish: str
) -> None:
    policy = AuthenticatePolicy(trusted_sealers=trusted, honours_sealers=honours)
    found = await known(from_list(), policy=policy)
    assert found.arc is not None
    assert (found.dmarc, found.arc.vouched_by, found.dmarc_policy) == ("fail", vouched_by, wish)


@pytest.mark.parametrize(
    "said",
    [
        ["dmarc=fail", "header.from=shop.example"],
        ["dmarc=pass", "header.from=other.example"],
        ["spf=pass", "header.from=shop.example"],
        ["dmarc=pass"],
        ["((("],
    ],
)
async def test_who_does_not_say_that_dmarc_passed_does_not_vouch(said: list[str]) -> None:
    policy = AuthenticatePolicy(trusted_sealers=(LIST,), honours_sealers=True)
    found = await known(from_list(said=said), policy=policy)
    assert found.arc is not None
    assert (found.arc.result, found.arc.vouched_by, found.dmarc_policy) == ("pass", "", "reject")


async def test_a_trusted_seal_vouches_for_nothing_that_was_changed_since() -> None:
    policy = AuthenticatePolicy(trusted_sealers=(LIST,), honours_sealers=True)
    changed = from_list(raw_end=b"Buy now.\r\n")
    found = await known(changed, policy=policy)
    assert found.arc is not None
    assert (found.arc.result, found.arc.vouched_by, found.dmarc_policy) == ("fail", "", "reject")


async def test_a_signature_over_half_of_the_body_counts_only_if_asked_for() -> None:
    half = mail(raw=signed(RAW, length=True) + b"Buy now.\r\n", client_ip="198.51.100.9")
    found = await known(half)
    assert (found.dmarc, found.dkim[0].result) == ("fail", "policy")
    found = await known(half, policy=AuthenticatePolicy(accepts_partial_bodies=True))
    assert (found.dmarc, found.dkim[0].result) == ("pass", "pass")


async def test_the_organization_may_be_found_by_the_dns_alone() -> None:
    zones = {
        **ZONES,
        "_dmarc.example": {"TXT": ["v=DMARC1; p=none; psd=y"]},
        "_dmarc.news.shop.example": {"TXT": ["v=DMARC1; p=quarantine; psd=n"]},
    }
    message = Message(from_=(Address(address="bo@news.shop.example"),))
    dns = MemoryDns(zones)
    # By public suffixes shop.example may speak for it; its own record says that it stands alone.
    assert (await known(mail(message=message), dns)).dmarc == "pass"
    walking = AuthenticatePolicy(dmarc_discovery="tree")
    found = await known(mail(message=message), dns, walking)
    assert (found.dmarc, found.dmarc_policy) == ("fail", "quarantine")
    assert (await known(mail(), dns, walking)).dmarc == "pass"
    ambiguous = mail(raw=b"From: eve@evil.example\r\n" + RAW)
    assert (await known(ambiguous, dns, walking)).dmarc == "permerror"


async def test_a_large_message_is_read_from_its_blob() -> None:
    blobs = MemoryBlobs()
    raw = signed(RAW)
    [blob] = await blobs.put([raw])
    large = msgspec.structs.replace(
        mail(), raw=None, raw_ref=RawRef(blob=blob, kind="whole", size_bytes=len(raw))
    )
    [event] = await authenticate(large, dns=MemoryDns(ZONES), blobs=blobs, policy=USUAL)
    assert isinstance(event, MailAuthenticated)
    assert event.authentication.dkim == (PASSED,)


async def test_the_mail_is_handed_on_with_all_that_was_known() -> None:
    before = mail()
    dns, blobs = MemoryDns(ZONES), MemoryBlobs()
    [event] = await authenticate(before, dns=dns, blobs=blobs, policy=USUAL)
    kept = {name: getattr(event, name) for name in before.__struct_fields__}
    assert kept == {name: getattr(before, name) for name in before.__struct_fields__}
    again = await authenticate(before, dns=dns, blobs=blobs, policy=USUAL)
    assert again == [event]


# --- builders -----------------------------------------------------------------------


class SilentDns:
    """Never answers."""

    async def txt(self, name: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    async def addresses(self, name: str, *, ipv6: bool) -> Sequence[str]:
        return await self.txt(name)

    async def mx(self, name: str) -> Sequence[tuple[int, str]]:
        await self.txt(name)
        return ()

    async def ptr(self, address: str) -> Sequence[str]:
        return await self.txt(address)


def mail(**changes: Any) -> MailParsed:
    plain = MailParsed(
        mail_id="m1",
        received_at=AT,
        origin="smtp",
        mail_from="bo@shop.example",
        recipients=("ann@elsewhere.example",),
        size_bytes=len(RAW),
        raw=RAW,
        client_ip="192.0.2.7",
        helo="mail.shop.example",
        message=Message(from_=(Address(address="bo@shop.example", name="Bo"),)),
        raw_ref=RawRef(blob="0" * 64, kind="whole", size_bytes=len(RAW)),
    )
    return msgspec.structs.replace(plain, **changes)


def from_list(*, said: Sequence[str] | None = None, raw_end: bytes = b"") -> MailParsed:
    """Return a mail that a list has changed and sealed, and that was changed at its end since."""
    raw = signed(RAW).replace(b"Subject: order", b"Subject: [list] order")
    seal = arc_seal.seal(
        raw,
        domain=LIST,
        selector="test",
        key=dkim_private.parse(key_of("rsa").private.decode()),
        said=[f"{LIST};", *(said or ["dmarc=pass", "header.from=shop.example"])],
        chain=ArcVerdict(result="none"),
        now=AT,
    )
    return mail(raw=seal + raw + raw_end, mail_from="list-bounces@lists.example")


async def known(
    mail: MailParsed, dns: Resolver | None = None, policy: AuthenticatePolicy | None = None
) -> Authentication:
    dns = dns or MemoryDns(ZONES)
    blobs = MemoryBlobs()
    [event] = await authenticate(mail, dns=dns, blobs=blobs, policy=policy or USUAL)
    assert isinstance(event, MailAuthenticated)
    return event.authentication
