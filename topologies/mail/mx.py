"""Which hosts take the mail of a domain, and in which order (RFC 5321 §5.1, RFC 7505).

Decides from what the DNS said; asks nothing itself.
"""

import hashlib
import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass

MOST_HOSTS = 10  # of one domain that are tried


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a domain's mail can't be delivered, for good.

    Attributes:
        enhanced: RFC 3463.
        text: In words that a sender may read.
    """

    enhanced: str
    text: str


def hosts_of(
    domain: str, records: Sequence[tuple[int, str]], *, ours: Collection[str], seed: str
) -> tuple[str, ...] | Refusal:
    """Return the hosts to try, best first, or why there is none.

    Args:
        domain: The recipients', in ASCII.
        records: Its MX records as (preference, host); none: it is its own host (§5.1).
        ours: Names that we go by, in lower case.
        seed: Equal ones are in an order that depends on it, so that the load is shared.
    """
    if records and all(not host for _, host in records):
        return Refusal("5.1.10", f"{domain} takes no mail (null MX)")  # RFC 7505 §3
    hosts = [(preference, host.lower()) for preference, host in records if host]
    if not hosts:
        hosts = [(0, domain.lower())]
    # §5.1: what is no better than ourselves would only send it back to us.
    own = min((preference for preference, host in hosts if host in ours), default=None)
    if own is not None:
        hosts = [(preference, host) for preference, host in hosts if preference < own]
        if not hosts:
            return Refusal("5.4.6", f"the mail of {domain} comes back to us")
    hosts.sort(key=lambda each: (each[0], _shuffled(seed, each[1])))
    return tuple(dict.fromkeys(host for _, host in hosts))[:MOST_HOSTS]


def literal(destination: str) -> str | None:
    """Return the IP address in an address literal (RFC 5321 §4.1.3); None: it is a name.

    Raises:
        ValueError: It is a literal of no known kind.
    """
    if not destination.startswith("["):
        return None
    inner = destination.removeprefix("[").removesuffix("]")
    if inner[:5].lower() == "ipv6:":
        return str(ipaddress.IPv6Address(inner[5:]))
    return str(ipaddress.IPv4Address(inner))


def _shuffled(seed: str, host: str) -> bytes:
    return hashlib.sha256(f"{seed}/{host}".encode()).digest()
