"""HELO name: find out whether a client is called what it says (RFC 5321 §4.1.1.1, §4.1.4).

Refuses nothing, since a server must not refuse mail for that (§4.1.4); what it is worth is
decided when the mail is scored. The DNS is asked when that is wished.
"""

import asyncio
import ipaddress
import re

from msgspec.structs import replace

from topologies.check import Transaction, check
from topologies.errors import Retryable
from topologies.events.inbound import HeloVerdict
from topologies.mail.domains import is_public_address
from topologies.ports.dns import Resolver
from topologies.ports.policy import NameLookups

DEADLINE_S = 3.0

# "_" is in no host name, and in many a server's; a name of one label is nobody's on the Internet.
_NAME = re.compile(r"(?=.{1,253}\.?$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+"
                   r"(?:[A-Za-z]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9])\.?")  # fmt: skip


@check(at="helo", rank=20)
async def helo_name(
    mail: Transaction, *, lookups: NameLookups, dns: Resolver
) -> Transaction | None:
    """Return the mail with what is thought of the client's name."""
    verdict = _by_its_form(mail)
    if not verdict and lookups.is_on and is_public_address(mail.client_ip):
        try:
            async with asyncio.timeout(DEADLINE_S):
                verdict = await _by_the_dns(mail, dns)
        except (Retryable, TimeoutError):
            verdict = ""
    return None if verdict == mail.helo_verdict else replace(mail, helo_verdict=verdict)


def _by_its_form(mail: Transaction) -> HeloVerdict:
    helo = mail.helo
    if helo.startswith("[") and helo.endswith("]"):
        return _of_literal(helo[1:-1], mail.client_ip)
    if not _NAME.fullmatch(helo) or helo.rpartition(".")[2].isdecimal():
        return "malformed"
    return "ours" if helo.lower().rstrip(".") == mail.hostname.lower() else ""


def _of_literal(text: str, client_ip: str) -> HeloVerdict:
    try:
        # RFC 5321 §4.1.3: the tag of IPv6 can be in any case
        literal = ipaddress.ip_address(text[5:] if text[:5].lower() == "ipv6:" else text)
    except ValueError:
        return "malformed"
    try:
        is_its_own = literal == ipaddress.ip_address(client_ip.partition("%")[0])
    except ValueError:
        return ""
    return "proved" if is_its_own else "mismatch"


async def _by_the_dns(mail: Transaction, dns: Resolver) -> HeloVerdict:
    name = mail.helo.rstrip(".")
    if mail.client_name and mail.client_name == name.lower():
        return "proved"
    client = ipaddress.ip_address(mail.client_ip)
    found = await dns.addresses(name, ipv6=client.version == 6)
    if any(ipaddress.ip_address(each) == client for each in found):
        return "proved"
    if found or await dns.addresses(name, ipv6=client.version != 6):
        return "mismatch"
    return "unresolved"
