"""Who is listed is refused, unless another list vouches; a list that fails refuses nobody."""

import asyncio
from collections.abc import Sequence

import pytest

from connectors.memory.dns import MemoryDns, Records
from tests.edge.mails import a_mail
from topologies.check import Refusal, Transaction
from topologies.edge.dns_lists import dns_lists
from topologies.ports.policy import DnsLists

BLOCK, ALLOW = "block.example", "allow.example"
LISTS = DnsLists(block=(BLOCK,), allow=(ALLOW,))


async def test_who_is_listed_is_refused_and_the_log_knows_by_whom() -> None:
    answer = await asked(a_mail(), {f"7.2.0.192.{BLOCK}": {"A": ["127.0.0.2", "127.0.0.4"]}})
    assert answer == Refusal(
        reply="550 5.7.1 Your server is on a list of those that no mail is taken from",
        reason=f"listed by {BLOCK} 127.0.0.2 127.0.0.4",
    )


async def test_ipv6_is_asked_by_nibbles() -> None:
    nibbles = "1.0.0.0." + "0." * 20 + "8.b.d.0.1.0.0.2"
    answer = await asked(
        a_mail(client_ip="2001:db8::1"), {f"{nibbles}.{BLOCK}": {"A": ["127.0.0.2"]}}
    )
    assert isinstance(answer, Refusal)


async def test_who_is_vouched_for_is_not_refused() -> None:
    zones = {f"7.2.0.192.{zone}": {"A": ["127.0.0.2"]} for zone in (BLOCK, ALLOW)}
    assert await asked(a_mail(), zones) == a_mail(is_allowed=True)


async def test_who_is_in_no_list_is_nothing() -> None:
    assert await asked(a_mail(), {}) is None


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("127.255.255.254", id="we may not ask"),
        pytest.param("203.0.113.9", id="the domain was sold"),
    ],
)
async def test_an_answer_that_means_something_else_lists_nobody(answer: str) -> None:
    assert await asked(a_mail(), {f"7.2.0.192.{BLOCK}": {"A": [answer]}}) is None


async def test_a_zone_that_lists_everybody_lists_nobody() -> None:
    everybody: Records = {"A": ["127.0.0.2"]}
    zones = {f"7.2.0.192.{BLOCK}": everybody, f"1.0.0.127.{BLOCK}": everybody}
    assert await asked(a_mail(), zones) is None


async def test_a_list_that_fails_refuses_nobody() -> None:
    dns = MemoryDns({}, failing=[f"7.2.0.192.{BLOCK}", f"7.2.0.192.{ALLOW}"])
    assert await dns_lists(a_mail(), lists=LISTS, dns=dns) is None


async def test_a_list_that_is_silent_refuses_nobody() -> None:
    lists = DnsLists(block=(BLOCK,), deadline_s=0.01)
    assert await dns_lists(a_mail(), lists=lists, dns=Silent({})) is None


@pytest.mark.parametrize(
    "mail",
    [
        a_mail(client_ip="10.0.0.7"),
        a_mail(client_ip="127.0.0.1"),
        a_mail(is_trusted=True),
        a_mail(recipient="Postmaster@shop.example"),
        a_mail(recipient="postmaster"),
    ],
)
async def test_nobody_is_asked_about_our_own_or_for_postmaster(mail: Transaction) -> None:
    dns = MemoryDns({})
    assert await dns_lists(mail, lists=LISTS, dns=dns) is None
    assert dns.asked == []


async def test_without_lists_nobody_is_asked() -> None:
    dns = MemoryDns({})
    assert await dns_lists(a_mail(), lists=DnsLists(), dns=dns) is None
    assert dns.asked == []


async def asked(mail: Transaction, zones: dict[str, Records]) -> Refusal | Transaction | None:
    return await dns_lists(mail, lists=LISTS, dns=MemoryDns(zones))


class Silent(MemoryDns):
    """A DNS that never answers."""

    async def addresses(self, name: str, *, ipv6: bool) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()
