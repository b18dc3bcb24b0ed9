"""DNS lists: clients that a list warns of are refused, unless another vouches for them.

Asks the zones that are configured (RFC 5782), all at once. Who can't be asked in time refuses
nobody. Postmaster is always reachable, for those who think that they are listed by mistake
(RFC 5321 §4.5.1). Clients of our own networks are in nobody's list.
"""

import asyncio
import ipaddress
from collections.abc import Sequence

from msgspec.structs import replace

from topologies.check import Refusal, Transaction, check
from topologies.errors import Retryable
from topologies.mail.domains import is_public_address
from topologies.ports.dns import Resolver
from topologies.ports.policy import DnsLists

# RFC 5782 §5: a zone that lists these is none, or not any more, and would list everybody.
_NEVER_LISTED = {4: "127.0.0.1", 6: "::ffff:7f00:1"}
# Zones tell here that we may not ask them, as many do (RFC 6471 §3 warns of such).
_COMPLAINTS = ipaddress.ip_network("127.255.255.0/24")
_LISTED = ipaddress.ip_network("127.0.0.0/8")  # RFC 5782 §2.1


@check(at="rcpt", rank=40)
async def dns_lists(
    mail: Transaction, *, lists: DnsLists, dns: Resolver
) -> Refusal | Transaction | None:
    """Return the refusal of a client that is listed, or the mail of one that is vouched for."""
    if not (lists.block or lists.allow) or mail.is_trusted or mail.is_allowed:
        return None
    if mail.recipient.partition("@")[0].lower() == "postmaster":
        return None
    if not is_public_address(mail.client_ip):
        return None
    address = ipaddress.ip_address(mail.client_ip)
    zones = (*lists.allow, *lists.block)
    try:
        async with asyncio.timeout(lists.deadline_s):
            codes = await asyncio.gather(*(_codes(dns, zone, address) for zone in zones))
    except TimeoutError:
        return None
    found = dict(zip(zones, codes, strict=True))
    if any(found[zone] for zone in lists.allow):
        return replace(mail, is_allowed=True)
    warning = [f"{zone} {' '.join(found[zone])}" for zone in lists.block if found[zone]]
    if not warning:
        return None
    return Refusal(
        reply="550 5.7.1 Your server is on a list of those that no mail is taken from",
        reason=f"listed by {', '.join(warning)}",
    )


async def _codes(
    dns: Resolver, zone: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> Sequence[str]:
    """Return what *zone* says of *address*: nothing if it is not listed, or can't be asked."""
    try:
        codes = _meant(await dns.addresses(_name(address, zone), ipv6=False))
        if codes:
            never = ipaddress.ip_address(_NEVER_LISTED[address.version])
            if _meant(await dns.addresses(_name(never, zone), ipv6=False)):
                return ()
    except Retryable:
        return ()
    return codes


def _name(address: ipaddress.IPv4Address | ipaddress.IPv6Address, zone: str) -> str:
    # RFC 5782 §2.1, §2.4: octets or nibbles, from the last to the first
    reverse = address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    return f"{reverse}.{zone.strip('.')}"


def _meant(answers: Sequence[str]) -> Sequence[str]:
    addresses = [ipaddress.ip_address(answer) for answer in answers]
    return [str(a) for a in addresses if a in _LISTED and a not in _COMPLAINTS]
