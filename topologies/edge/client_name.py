"""Client name: find out what a client's address is called, and whether that name leads back.

Asks the DNS when that is wished. A name is believed only when it leads to the address that it
was found by (RFC 8601 §3, "iprev"). Refuses nothing: many honest servers have no name.
"""

import asyncio
import ipaddress

from msgspec.structs import replace

from topologies.check import Transaction, check
from topologies.errors import Retryable
from topologies.mail.domains import is_public_address
from topologies.ports.dns import Resolver
from topologies.ports.policy import NameLookups

DEADLINE_S = 3.0
MOST_NAMES = 5  # of one address that are followed


@check(at="helo", rank=10)
async def client_name(
    mail: Transaction, *, lookups: NameLookups, dns: Resolver
) -> Transaction | None:
    """Return the mail with the client's name, if it has one that is proved."""
    if not lookups.is_on or mail.client_name or not is_public_address(mail.client_ip):
        return None
    try:
        async with asyncio.timeout(DEADLINE_S):
            name = await _name(dns, mail.client_ip)
    except (Retryable, TimeoutError):
        return None
    return replace(mail, client_name=name) if name else None


async def _name(dns: Resolver, client_ip: str) -> str:
    address = ipaddress.ip_address(client_ip)
    for name in (await dns.ptr(client_ip))[:MOST_NAMES]:
        found = await dns.addresses(name, ipv6=address.version == 6)
        if any(ipaddress.ip_address(each) == address for each in found):
            return name.lower().rstrip(".")
    return ""
