"""Signs in links: where they lead, and whether they say so.

Pure. A link is judged by its text alone; nothing is fetched and nothing looked up.
"""

import re
from collections.abc import Iterable
from itertools import islice
from urllib.parse import SplitResult, urlsplit

from topologies.mail.domains import organizational

MOST_LINKS = 60  # written out in a text
MOST_HOSTS = 20  # told apart in one mail

# Two, since one that begins with a fixed text is found ten times faster.
_WITH_SCHEME = re.compile(r"http[s:][:/]/[^\s<>\"'\]\)]{3,500}")
_WITH_WWW = re.compile(r"www\.[^\s<>\"'\]\)]{3,500}")
_NAMES_DOMAIN = re.compile(
    r"(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,12})(?:[/:?\s]|$)", re.IGNORECASE
)
_IP_HOST = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|0x[0-9a-f]+|\d{8,10}|\[?[0-9a-f]*:[0-9a-f:]+\]?")
_WORD = re.compile(r"[a-z]{3,20}")
_LONG_LINK = 120  # characters
_MANY_LABELS = 5  # of a host


def in_text(text: str) -> list[str]:
    """Return the links that are written out in *text*."""
    found = [match[0] for match in islice(_WITH_SCHEME.finditer(text), MOST_LINKS)]
    return found or [match[0] for match in islice(_WITH_WWW.finditer(text), MOST_LINKS)]


def signs(links: Iterable[tuple[str, str]], from_domain: str) -> set[str]:
    """Return features of *links*, which are (target, what people see).

    Args:
        links: At most some dozens.
        from_domain: Of From, in ASCII; empty if unknown.
    """
    found: set[str] = set()
    hosts: set[str] = set()
    for target, shown in links:
        parts = _split(target)
        if parts is None:
            if target.lower().startswith(("javascript:", "data:")):
                found.add("x:link-runs-code")
            continue
        host = (parts.hostname or "").rstrip(".")
        found |= _of_one(target, parts, host)
        if len(hosts) < MOST_HOSTS:
            hosts.add(host)
        match = _NAMES_DOMAIN.match(shown.lower())
        if match and host and organizational(match[1]) != organizational(host):
            found.add("x:link-shows-another-place")
    domains = {organizational(host) for host in hosts if not _IP_HOST.fullmatch(host)}
    for domain in domains:
        found.add("u:" + domain)
        found.add("t:" + domain.rpartition(".")[2])
    if domains and from_domain:
        is_own = organizational(from_domain) in domains
        found.add("x:links-to-sender" if is_own else "x:links-only-elsewhere")
    found.add(f"n:link-domains:{min(len(domains), 5)}")
    return found


def _of_one(target: str, parts: SplitResult, host: str) -> set[str]:
    found: set[str] = set()
    if _IP_HOST.fullmatch(host):
        found.add("x:link-to-ip")
    if "xn--" in host or not host.isascii():
        found.add("x:link-in-other-script")
    if parts.username is not None:
        found.add("x:link-with-user")
    if ":" in parts.netloc.rpartition("@")[2].strip("[]"):
        found.add("x:link-with-port")
    if host.count(".") >= _MANY_LABELS:
        found.add("x:link-to-deep-host")
    if len(target) > _LONG_LINK:
        found.add("x:link-long")
    if "@" in parts.path or "@" in parts.query or "@" in parts.fragment:
        found.add("x:link-names-address")
    place = (host + " " + parts.path).lower()[:200]
    found.update("p:" + word for word in _WORD.findall(place))
    return found


def _split(target: str) -> SplitResult | None:
    text = target if "://" in target[:12] else "http://" + target if target[:4] == "www." else ""
    if not text:
        return None
    try:
        parts = urlsplit(text)
        _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts if parts.scheme.lower() in ("http", "https", "ftp") else None
