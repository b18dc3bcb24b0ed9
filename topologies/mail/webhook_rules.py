"""When a message is posted to a webhook again, when one is given up, and where none may be."""

import ipaddress
import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from topologies.events.webhook import WEBHOOK_WAITS
from topologies.mail import networks
from topologies.mail.mailbox_address import domain_in_ascii
from topologies.ports.webhooks import TEST, Webhook, WebhookAttempt

GIVE_UP_AFTER = timedelta(days=3)  # since what a message tells of happened
HOPELESS_AFTER = timedelta(days=5)  # without a success
HOPELESS_FAILURES = 10  # at least, or two of them five days apart would be enough
OLD_SECRET_SIGNS_FOR = timedelta(days=1)  # beside its successor
GONE = 410  # "the webhook endpoint should be disabled"
LONGEST_URL = 2_000

_WAITS = tuple(WEBHOOK_WAITS)
_VISIBLE = re.compile(r"[!-~]+")
_UNICAST = ipaddress.ip_network("2000::/3")  # RFC 4291 §2.4: all that is given out of IPv6
_PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")  # RFC 6890; older Pythons take it for global


def next_wait(
    attempt: int, *, made_at: datetime, attempted_at: datetime, asked_s: float = 0.0
) -> timedelta | None:
    """Return how long to wait after the *attempt*-th try, from 1; None: the time is used up.

    No shorter than *asked_s*, by which the webhook asked for time, if that is among the waits.
    """
    wait = _WAITS[min(max(attempt, 1), len(_WAITS)) - 1]
    asked = next((w for w in _WAITS if w.total_seconds() >= asked_s), _WAITS[-1])
    wait = max(wait, asked)
    return wait if attempted_at + wait <= made_at + GIVE_UP_AFTER else None


def wait_put_off(seconds: float, put_off: int) -> timedelta:
    """Return how long a message waits whose turn it was not, *put_off* times before already.

    Short once, so that who is only busy is soon told; then longer, so that a long line does not
    go round and round.
    """
    shortest, longer = _WAITS[:2]
    return longer if put_off or seconds >= longer.total_seconds() else shortest


def why_disabled(webhook: Webhook, attempt: WebhookAttempt) -> str:
    """Return why *webhook* is told nothing more after *attempt*; empty: it is.

    Args:
        webhook: As it stands with *attempt* counted.
        attempt: The one that was made last.
    """
    if attempt.is_success or attempt.type == TEST:
        return ""
    if attempt.status == GONE:
        return "it answered 410 Gone"
    since = webhook.failing_since
    if since is None or webhook.failures < HOPELESS_FAILURES:
        return ""
    if attempt.attempted_at - since < HOPELESS_AFTER:
        return ""
    said = f"status {attempt.status}" if attempt.status else attempt.text
    return f"it took nothing for {HOPELESS_AFTER.days} days; the last answer: {said}"


def checked_url(text: str, *, is_private_allowed: bool) -> str:
    """Return the address of a webhook as it is kept.

    Args:
        text: As its owner gave it.
        is_private_allowed: Whether it may be without TLS, and lie in our own network.

    Raises:
        ValueError: It can't be used; says why.
    """
    if len(text) > LONGEST_URL or not _VISIBLE.fullmatch(text):
        raise ValueError(
            f"a URL has at most {LONGEST_URL} characters, all visible ASCII: percent-encode others"
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"it is no URL: {error}") from None
    schemes = ("https", "http") if is_private_allowed else ("https",)
    if parts.scheme.lower() not in schemes:
        raise ValueError("it must begin with https://")
    if "@" in parts.netloc:
        raise ValueError("it must hold no name or password: who can read it could sign in")
    if parts.fragment or text.endswith("#"):
        raise ValueError("it must have no fragment (#…): that is never sent")
    host = _host(parts.hostname or "", is_private_allowed=is_private_allowed)
    place = host if port is None else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme.lower()}://{place}{parts.path or '/'}{query}"


def is_of_the_internet(address: str) -> bool:
    """Tell whether *address* is one that anybody's host may have, and no way to one of ours.

    Stricter than for mail servers, since users choose it and see what it answers.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = networks.carried(found)
        if inner is None:
            return found in _UNICAST and found.is_global
        found = inner
    return found.is_global and not found.is_multicast and found not in _PROTOCOLS


def _host(host: str, *, is_private_allowed: bool) -> str:
    if not host:
        raise ValueError("it names no host")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        if not is_private_allowed and not is_of_the_internet(host):
            raise ValueError(f"{host} is no address of the Internet")
        return f"[{address}]" if address.version == 6 else str(address)
    try:
        name = domain_in_ascii(host)
    except ValueError as error:
        raise ValueError(f"its host can't be used: {error}") from None
    if "." not in name and not is_private_allowed:
        raise ValueError(f"{host} is no name of the Internet")
    return name
