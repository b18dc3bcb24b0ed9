"""A mail is refused at once when the domain in From wishes that, and only then."""

from datetime import UTC, datetime

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.dns import MemoryDns, Records
from tests.edge.mails import a_mail
from tests.mail.signing import key_of, signed
from topologies.check import Refusal, Transaction
from topologies.edge.dmarc import dmarc
from topologies.events.summary import DkimSeen, DmarcFact, DmarcPublished, DmarcSeen
from topologies.ports.policy import DmarcDiscovery, DmarcRefusal

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAW = b"From: Ann <ann@shop.example>\r\nTo: bo@x.example\r\nSubject: x\r\nDate: y\r\n\r\nHi\r\n"
REJECT: dict[str, Records] = {
    "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject"]},
    "test._domainkey.shop.example": {"TXT": [key_of("ed25519").record]},
    "shop.example": {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]},
}


async def test_what_is_not_proved_is_refused_as_wished() -> None:
    answer = await asked(a_mail(start=RAW, is_whole=True))
    assert isinstance(answer, Refusal)
    assert answer.reply[:9] == "550 5.7.1"


@pytest.mark.parametrize("policy", ["v=DMARC1; p=quarantine", "v=DMARC1; p=none", "nothing"])
async def test_what_nobody_wishes_to_be_refused_is_taken(policy: str) -> None:
    zones = REJECT | {"_dmarc.shop.example": {"TXT": [policy]}}
    assert await asked(a_mail(start=RAW, is_whole=True), zones) is None


async def test_what_spf_proves_is_taken() -> None:
    proved = a_mail(
        start=RAW, is_whole=True, client_ip="198.51.100.7", mail_from="ann@shop.example"
    )
    assert await asked(proved) is None


async def test_what_a_signature_proves_is_taken() -> None:
    assert await asked(a_mail(start=signed(RAW, "ed25519"), is_whole=True)) is None


async def test_a_signature_that_does_not_hold_proves_nothing() -> None:
    changed = signed(RAW, "ed25519").replace(b"Hi", b"Ho")
    assert isinstance(await asked(a_mail(start=changed, is_whole=True)), Refusal)


async def test_a_signature_whose_body_is_not_here_may_hold() -> None:
    assert await asked(a_mail(start=signed(RAW, "ed25519"), is_whole=False)) is None
    assert isinstance(await asked(a_mail(start=RAW, is_whole=False)), Refusal)


async def test_the_signature_of_another_domain_proves_nothing() -> None:
    other = signed(RAW, "ed25519", domain="far.example")
    assert isinstance(await asked(a_mail(start=other, is_whole=False)), Refusal)


@pytest.mark.parametrize(
    "raw",
    [
        b"To: bo@x.example\r\n\r\n",
        b"From: a@shop.example\r\nFrom: b@shop.example\r\n\r\n",
        b"From: a@shop.example, b@far.example\r\n\r\n",
        b"From: nobody\r\n\r\n",
        b"",
    ],
)
async def test_without_one_author_there_is_nothing_to_wish(raw: bytes) -> None:
    assert await asked(a_mail(start=raw, is_whole=True)) is None


@pytest.mark.parametrize(
    "told", [{"is_trusted": True}, {"is_allowed": True}, {"client_ip": "10.0.0.7"}]
)
async def test_trusted_clients_are_not_asked_for_a_proof(told: dict[str, object]) -> None:
    assert await asked(a_mail(start=RAW, is_whole=True, **told)) is None


@pytest.mark.parametrize("name", ["_dmarc.shop.example", "far.example", "shop.example"])
async def test_a_dns_that_fails_refuses_nobody_that_it_could_prove(name: str) -> None:
    dns = MemoryDns(REJECT, failing=[name])
    mail = a_mail(start=RAW, is_whole=True, mail_from="ann@shop.example")
    answer = await dmarc(mail, refusal=DmarcRefusal(is_on=True), dns=dns, clock=ManualClock())
    assert (answer is None) == (name != "far.example")


async def test_it_is_off_unless_switched_on() -> None:
    dns = MemoryDns(REJECT)
    mail = a_mail(start=RAW, is_whole=True)
    assert await dmarc(mail, refusal=DmarcRefusal(), dns=dns, clock=ManualClock()) is None
    assert dns.asked == []


@pytest.mark.parametrize("discovery", ["psl", "tree"])
async def test_both_ways_to_find_a_policy_come_to_the_same(discovery: DmarcDiscovery) -> None:
    assert isinstance(await asked(a_mail(start=RAW, is_whole=True), discovery=discovery), Refusal)
    good = signed(RAW, "ed25519")
    assert await asked(a_mail(start=good, is_whole=True), discovery=discovery) is None
    assert await asked(a_mail(start=good, is_whole=False), discovery=discovery) is None


async def test_an_organization_that_the_dns_knows_is_that_which_the_stage_judges_by() -> None:
    # No public suffix, but its owner gives names below it to others (RFC 9989 §4.10.2).
    zones: dict[str, Records] = REJECT | {
        "_dmarc.example": {"TXT": ["v=DMARC1; p=none; psd=y"]},
        "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=none; psd=y; np=reject"]},
        "_dmarc.ann.shop.example": {"TXT": ["v=DMARC1; p=reject"]},
    }
    raw = RAW.replace(b"ann@shop.example", b"ann@ann.shop.example")
    neighbour = signed(raw, "ed25519", domain="shop.example")
    mail = a_mail(start=neighbour, is_whole=True)
    assert await asked(mail, zones, discovery="psl") is None
    assert isinstance(await asked(mail, zones, discovery="tree"), Refusal)


ASKS: dict[str, Records] = REJECT | {
    "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:dmarc@shop.example"]}
}


async def test_an_owner_who_asks_for_reports_is_told_of_what_was_refused() -> None:
    changed = signed(RAW, "ed25519").replace(b"Hi", b"Ho")
    mail = a_mail(start=changed, is_whole=True, mail_from="ann@far.example", client_ip="192.0.2.9")
    answer = await asked(mail, ASKS, tells_owners=True)
    assert isinstance(answer, Refusal)
    [told] = answer.told
    assert isinstance(told, DmarcSeen)
    assert (told.domain, told.mail_id, told.seen_at) == ("shop.example", mail.mail_id, AT)
    assert told.fact == DmarcFact(
        source="192.0.2.9",
        header_from="shop.example",
        envelope_from="far.example",
        disposition="reject",
        dkim=(DkimSeen(domain="shop.example", selector="test", result="fail"),),
        spf_domain="far.example",
        published=DmarcPublished(p="reject", sp="reject"),
    )


@pytest.mark.parametrize(
    ("zones", "recipient", "tells_owners"),
    [
        (ASKS, "bo@x.example", False),
        (REJECT, "bo@x.example", True),
        (ASKS, "postmaster@x.example", True),  # a report about our reports, maybe
    ],
)
async def test_otherwise_nobody_is_told(
    zones: dict[str, Records], recipient: str, tells_owners: bool
) -> None:
    mail = a_mail(start=RAW, is_whole=True, recipients=(recipient,))
    answer = await asked(mail, zones, tells_owners=tells_owners)
    assert isinstance(answer, Refusal)
    assert answer.told == ()


async def asked(
    mail: Transaction,
    zones: dict[str, Records] = REJECT,
    *,
    discovery: DmarcDiscovery = "psl",
    tells_owners: bool = False,
) -> Refusal | None:
    refusal = DmarcRefusal(is_on=True, discovery=discovery, tells_owners=tells_owners)
    return await dmarc(mail, refusal=refusal, dns=MemoryDns(zones), clock=ManualClock(AT))
