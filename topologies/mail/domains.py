"""Who is behind a domain name, and which addresses are nobody's on the Internet.

The organizational domain is the name that was registered: one label below a public suffix
(RFC 7489 §3.2). The list of suffixes comes with the package ``publicsuffixlist``; nothing is
fetched. Names are in ASCII.
"""

import ipaddress
from collections.abc import Callable
from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

from topologies.mail import networks


@lru_cache(maxsize=8_192)
def organizational(domain: str) -> str:
    """Return the registered name that *domain* is or lies below; a public suffix is itself."""
    name = domain.lower().rstrip(".")
    if not name or ".." in name or name.startswith("."):
        return name
    return _suffixes().privatesuffix(name) or name


def is_aligned(
    name: str,
    other: str,
    *,
    is_strict: bool = False,
    organization: Callable[[str], str] = organizational,
) -> bool:
    """Return whether two domains speak for the same one (RFC 7489 §3.1)."""
    name, other = name.lower().rstrip("."), other.lower().rstrip(".")
    if not name or not other:
        return False
    return name == other or (not is_strict and organization(name) == organization(other))


def is_public_address(text: str) -> bool:
    """Return whether *text* is an IP address that a stranger can have.

    Private, loopback and link-local ones are those of our own network or machine, however an
    IPv6 address is written around them.
    Addresses reserved for documentation count as public.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        address = networks.carried(address) or address
    return not (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or any(address in network for network in _PRIVATE[address.version])
    )


_PRIVATE: dict[int, list[ipaddress.IPv4Network | ipaddress.IPv6Network]] = {
    4: [
        ipaddress.ip_network("10.0.0.0/8"),  # RFC 1918
        ipaddress.ip_network("172.16.0.0/12"),
        ipaddress.ip_network("192.168.0.0/16"),
        ipaddress.ip_network("100.64.0.0/10"),  # RFC 6598
        ipaddress.ip_network("0.0.0.0/8"),  # RFC 1122 §3.2.1.3
        ipaddress.ip_network("240.0.0.0/4"),  # RFC 1112 §4
    ],
    6: [
        ipaddress.ip_network("fc00::/7"),  # RFC 4193
        ipaddress.ip_network("fec0::/10"),  # RFC 3879
        ipaddress.ip_network("::/96"),  # RFC 4291 §2.5.5.1: IPv4 once, nobody's since
    ],
}


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
