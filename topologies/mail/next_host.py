"""The host that takes a mail in place of the hosts of its destination, as people write it.

Pure: ``relay.example``, ``relay.example:2525``, ``192.0.2.1``, ``[2001:db8::1]:25``. Whether it is
there is not asked.
"""

import ipaddress
import re

LONGEST = 253  # RFC 1035 §2.3.4

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)


def parse(text: str) -> tuple[str, int | None]:
    """Return the host, in lower case, and the port if there is one.

    Raises:
        ValueError: It is no host, or its port is none; says what to write.
    """
    host, port = _split(text.strip())
    if port and not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65_536):
        raise ValueError(f"{port[:20]!r} is no port: write HOST:PORT, the port from 1 to 65535")
    if not _is_host(host):
        raise ValueError(f"{text[:100]!r} is no host: write HOST, HOST:PORT or [IPV6]:PORT")
    return host.lower(), int(port) if port else None


def written(text: str) -> str:
    """Return *text* as it is kept.

    Raises:
        ValueError: As ``parse``.
    """
    host, port = parse(text)
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        is_whole = bracket and ":" in host and (not rest or rest.startswith(":"))
        return (host, rest[1:]) if is_whole else ("", "")
    if text.count(":") > 1:  # an IPv6 address alone
        return text, ""
    host, _, port = text.partition(":")
    return (host, port) if port or not text.endswith(":") else ("", "")


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        labels = text.removesuffix(".").split(".")
        return len(text) <= LONGEST and all(map(_LABEL.fullmatch, labels)) and bool(text)
    return True
