"""Bounces go to one; what SPF proves is found out where it is of use."""

from connectors.memory.dns import MemoryDns
from tests.edge.mails import a_mail
from topologies.check import Refusal
from topologies.edge.null_sender import null_sender
from topologies.edge.sender_proof import sender_proof
from topologies.ports.policy import Greylisting

SPF = {"far.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]}}
ON = Greylisting(is_on=True)


async def test_a_bounce_has_one_recipient() -> None:
    assert await null_sender(a_mail(mail_from="")) is None
    again = a_mail(mail_from="", recipients=("bo@shop.example",))
    assert await null_sender(again) is None  # the same, twice
    second = a_mail(mail_from="", recipient="ida@shop.example", recipients=("bo@shop.example",))
    answer = await null_sender(second)
    assert isinstance(answer, Refusal)
    assert answer.reply[:9] == "550 5.5.3"


async def test_other_mail_has_many_and_so_have_bounces_of_trusted_relays() -> None:
    told = {"recipient": "ida@shop.example", "recipients": ("bo@shop.example",)}
    assert await null_sender(a_mail(**told)) is None
    assert await null_sender(a_mail(mail_from="", is_trusted=True, **told)) is None


async def test_a_domain_that_lets_the_client_send_is_proved() -> None:
    answer = await sender_proof(a_mail(), greylisting=ON, dns=MemoryDns(SPF))
    assert answer == a_mail(proved_domain="far.example")


async def test_another_client_proves_nothing() -> None:
    elsewhere = a_mail(client_ip="198.51.100.7")
    assert await sender_proof(elsewhere, greylisting=ON, dns=MemoryDns(SPF)) is None
    failing = MemoryDns({}, failing=["far.example"])
    assert await sender_proof(a_mail(), greylisting=ON, dns=failing) is None


async def test_nothing_is_asked_where_it_is_of_no_use() -> None:
    dns = MemoryDns(SPF)
    assert await sender_proof(a_mail(), greylisting=Greylisting(), dns=dns) is None
    assert await sender_proof(a_mail(is_trusted=True), greylisting=ON, dns=dns) is None
    assert await sender_proof(a_mail(client_ip="10.0.0.1"), greylisting=ON, dns=dns) is None
    assert dns.asked == []
