"""Networks of clients: which one an address is of, and which ones a deployment names.

A customer of a provider has many addresses, and a spammer uses them all, so strangers are
counted by network too: /24 of IPv4, and /64 of IPv6, which is one customer's (RFC 6177).
"""

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 6052, RFC 8215: an IPv4 address is at the end.
_TRANSLATED = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


def network_of(address: str) -> str:
    """Return the network of a textual *address*; what is no address is itself."""
    if ":" not in address:
        first, dot, _ = address.rpartition(".")
        return f"{first}.0/24" if dot else address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


def carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that *address* leads to; None: it leads to none."""
    if any(address in network for network in _TRANSLATED):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.teredo is not None:
        return address.teredo[1]
    return address.sixtofour


def parse(names: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks in *names*, each an address or an address with a prefix length.

    Raises:
        ValueError: One is neither; says which.
    """
    return tuple(ipaddress.ip_network(name, strict=False) for name in names)


def is_among(address: str, networks: Sequence[Network]) -> bool:
    """Tell whether *address* is of one of *networks*."""
    if not networks:
        return False
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return any(parsed in network for network in networks)
