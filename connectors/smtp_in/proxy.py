"""The PROXY header, version 2: whom a proxy speaks for (HAProxy's proxy-protocol.txt, §2.2).

Reads bytes; whether the proxy may say such things is decided before.
"""

import ipaddress
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FIXED_BYTES = 16  # the signature, version and command, family, length of the rest
MOST_BYTES = 2_048  # of the rest: addresses and what else proxies like to tell

_VERSION = 2
_LOCAL, _PROXY = 0, 1
_FAMILIES = {0x11: 4, 0x21: 16}  # TCP over IPv4, over IPv6: bytes of an address


class NotProxied(ValueError):
    """It is no such header."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The first 16 bytes.

    Attributes:
        is_local: The proxy speaks for itself, as when it looks whether we live.
        rest_bytes: How many follow.
    """

    is_local: bool
    family: int
    rest_bytes: int


def read_fixed(data: bytes) -> Fixed:
    """Return what the first ``FIXED_BYTES`` say.

    Raises:
        NotProxied: They are none of a header, or of another version, or ask too much.
    """
    if len(data) != FIXED_BYTES or not data.startswith(SIGNATURE):
        raise NotProxied("no PROXY header")
    version, command = data[12] >> 4, data[12] & 15
    if version != _VERSION or command not in (_LOCAL, _PROXY):
        raise NotProxied(f"PROXY version {version}, command {command}")
    rest_bytes = int.from_bytes(data[14:16], "big")
    if rest_bytes > MOST_BYTES:
        raise NotProxied(f"a PROXY header of {rest_bytes} bytes")
    return Fixed(command == _LOCAL, data[13], rest_bytes)


def client_of(fixed: Fixed, rest: bytes) -> str:
    """Return the address of the client as text; empty if the proxy speaks for itself.

    Raises:
        NotProxied: The address is of no client on the Internet.
    """
    if fixed.is_local:
        return ""  # the rest is to be skipped, whatever it is
    size = _FAMILIES.get(fixed.family)
    if size is None or len(rest) < 2 * size + 4:
        raise NotProxied(f"PROXY family {fixed.family:#04x} with {len(rest)} bytes")
    address = ipaddress.ip_address(rest[:size])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)
