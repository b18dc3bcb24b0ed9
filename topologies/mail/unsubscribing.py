"""How a mail says that no more like it is wanted: what it offers, and what an answer means. Pure.

By one click, as RFC 8058 has it: a POST to the one https URI in List-Unsubscribe (RFC 2369), if
List-Unsubscribe-Post says so and a DKIM signature that holds covers both, so that nobody else put
them there. By a mail to the mailto URI (RFC 6068), of which subject and text are taken alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from topologies.events.inbound import Authentication, DkimVerdict
from topologies.events.unsubscribe import UNSUBSCRIBE_WAITS
from topologies.mail import dkim_canonical, dkim_key, mailbox_address, webhook_rules

ONE_CLICK = b"List-Unsubscribe=One-Click"  # RFC 8058 §3.1, §3.2: the field's value, and the body
FORM = "application/x-www-form-urlencoded"
LONGEST_FIELD_BYTES = 8 * 1024
LONGEST_SUBJECT = 200  # characters, of a mail that asks
LONGEST_TEXT = 1_000
GIVE_UP_AFTER = timedelta(days=2)
BUSY_STATUSES = frozenset({408, 425, 429})  # RFC 9110, RFC 8470, RFC 6585: ask again

_LIST, _POST = "list-unsubscribe", "list-unsubscribe-post"
_URI = re.compile(rb"<([^<>]*)>")
_WAITS = tuple(UNSUBSCRIBE_WAITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a mail offers.

    Attributes:
        url: Whom to post to; empty: one click is not offered.
        address: Whom to write to; empty: nobody.
        subject: Of that mail.
        text: Of that mail.
    """

    url: str = ""
    address: str = ""
    subject: str = ""
    text: str = ""

    @property
    def host(self) -> str:
        """Of the URL."""
        return urlsplit(self.url).hostname or ""


def offered(
    header: bytes, known: Authentication | None, *, is_private_allowed: bool = False
) -> Offer:
    """Return how no more mail like one is asked for.

    Args:
        header: Its header block.
        known: What was found out about who sent it.
        is_private_allowed: Whether URLs may lead into our own network.
    """
    fields = dkim_canonical.fields(header)
    lists = [field for name, field in fields if name == _LIST]
    if len(lists) != 1 or len(lists[0]) > LONGEST_FIELD_BYTES:
        return Offer()
    uris = [
        b"".join(uri.split()).decode("latin-1") for uri in _URI.findall(lists[0].partition(b":")[2])
    ]
    address, subject, text = _mailto(uris)
    url = _https(uris, is_private_allowed=is_private_allowed)
    if not url or not _is_one_click(fields) or not _is_covered(fields, known):
        url = ""
    return Offer(url=url, address=address, subject=subject, text=text)


def is_retried(status: int) -> bool:
    """Tell whether a sender who answered with *status* is asked again; 0: it did not answer."""
    return status == 0 or status >= 500 or status in BUSY_STATUSES


def next_wait(attempt: int, waited: timedelta, asked_s: float = 0.0) -> timedelta | None:
    """Return how long to wait after the *attempt*-th try, from 1; None: it is given up.

    Args:
        attempt: The one that was made.
        waited: Since it was asked for.
        asked_s: For how long the sender asked to be left alone, in seconds.
    """
    wait = _WAITS[min(max(attempt, 1), len(_WAITS)) - 1]
    wait = max(wait, next((w for w in _WAITS if w.total_seconds() >= asked_s), _WAITS[-1]))
    return wait if waited + wait <= GIVE_UP_AFTER else None


def _https(uris: Sequence[str], *, is_private_allowed: bool) -> str:
    """Return the one https URI among *uris*; empty if there is none, or it can't be used."""
    found = [uri for uri in uris if uri.lower().startswith("https:")]
    if len(found) != 1:  # RFC 8058 §3.1: there is one
        return ""
    try:
        url = webhook_rules.checked_url(
            found[0].partition("#")[0], is_private_allowed=is_private_allowed
        )
    except ValueError:
        return ""
    return url


def _mailto(uris: Sequence[str]) -> tuple[str, str, str]:
    """Return address, subject and text of the first mailto URI that can be used."""
    for uri in uris:
        if not uri.lower().startswith("mailto:"):
            continue
        to, _, query = uri[len("mailto:") :].partition("?")
        try:
            address = str(mailbox_address.parse(unquote(to, errors="strict")))
            # RFC 6068 §5: a plus sign is one.
            pairs = parse_qsl(query.replace("+", "%2B"), errors="strict", max_num_fields=20)
        except ValueError:
            continue
        given = {name.lower(): value for name, value in pairs}
        subject = " ".join(given.get("subject", "").split())[:LONGEST_SUBJECT]
        return address, subject, given.get("body", "")[:LONGEST_TEXT]
    return "", "", ""


def _is_one_click(fields: Sequence[tuple[str, bytes]]) -> bool:
    found = [field.partition(b":")[2] for name, field in fields if name == _POST]
    return len(found) == 1 and b"".join(found[0].split()).lower() == ONE_CLICK.lower()


def _is_covered(fields: Sequence[tuple[str, bytes]], known: Authentication | None) -> bool:
    """Tell whether a signature that holds covers both fields (RFC 8058 §4)."""
    signatures = [field for name, field in fields if name == "dkim-signature"]
    return any(_covers(field, known.dkim) for field in signatures) if known else False


def _covers(signature: bytes, verdicts: Sequence[DkimVerdict]) -> bool:
    try:
        found = dkim_key.tags(signature.partition(b":")[2].decode("latin-1"))
    except dkim_key.TagSyntaxError:
        return False
    by = (found.get("d", "").lower().rstrip("."), found.get("s", "").lower())
    results = [each.result for each in verdicts if (each.domain, each.selector.lower()) == by]
    # Of several by one key it is not told which of them holds: all must.
    if not results or any(result != "pass" for result in results):
        return False
    signed = {name.strip().lower() for name in found.get("h", "").split(":")}
    return {_LIST, _POST} <= signed
