"""Whether a machine may answer a mail (RFC 3834 §2, RFC 5230 §4.6, RFC 5429 §2.2).

Pure. Whoever answers machines makes loops, and whoever answers forged senders bothers others:
in doubt nothing is answered.
"""

import re
from collections.abc import Collection

from topologies.events import MailScored
from topologies.mail import domains, loops, mailbox_address
from topologies.mail.sieve_view import View

_LIST_FIELDS = (
    "list-id",
    "list-help",
    "list-subscribe",
    "list-unsubscribe",
    "list-post",
    "list-owner",
    "list-archive",
)
# RFC 5230 §4.6: who is no person.
_MACHINES = re.compile(
    r"mailer-daemon|postmaster|listserv|majordomo|root|nobody|(?:no|do-not|donot|not)-?reply"
    r"|owner-.*|.*-(?:request|owner|bounces?|relay|return)|bounces?(?:\+.*)?|srs[01][=+-].*",
    re.IGNORECASE | re.DOTALL,
)
_SUPPRESSED = frozenset({"all", "dr", "autoreply", "oof", "rn", "nrn"})
_ADDRESSED = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")
MOST_ADDRESSES = 1_000


def why_not(mail: MailScored, view: View, *, own: Collection[str]) -> str:
    """Return why *mail* must not be answered; empty if it may be.

    Args:
        mail: With what was found out about it.
        view: Of it.
        own: The addresses of whoever would answer.
    """
    sender = mail.mail_from
    if not sender:
        return "it is a bounce"
    try:
        address = mailbox_address.parse(sender)
    except ValueError:
        return "its sender is no address"
    if _MACHINES.fullmatch(address.local):
        return "its sender is no person"
    if keys((sender,)) & keys(own):
        return "it comes from the user"
    if (automatic := mail.message.auto_submitted) and automatic != "no":
        return "a machine sent it"
    if any(view.raw_values(name) for name in _LIST_FIELDS):
        return "it comes by a list"
    if any(
        value.strip().lower() in ("bulk", "list", "junk") for value in view.values("precedence")
    ):
        return "it was sent to many"
    said = " ".join(view.values("x-auto-response-suppress")).lower()
    if _SUPPRESSED & set(re.split(r"[\s,;]+", said)):
        return "its sender wants no answer of a machine"
    if any(value.strip() == "<>" for value in view.values("return-path")):
        return "it is a bounce"
    known = mail.authentication
    if known.dmarc == "fail" or known.spf == "fail":
        return "its sender may be forged"
    if loops.hops(name for name, _ in view.fields) > loops.MOST_HOPS:
        return "it goes round in circles"
    return ""


def is_proved(mail: MailScored) -> bool:
    """Tell whether the sender of *mail* is who they say they are."""
    known = mail.authentication
    domain = mail.mail_from.rpartition("@")[2]
    is_theirs = known.spf == "pass" and known.spf_domain.lower() == domain.lower()
    is_author = known.dmarc == "pass" and domains.is_aligned(domain, known.from_domain)
    return known.signed_in or is_theirs or is_author


def is_addressed(view: View, own: Collection[str]) -> bool:
    """Tell whether one of the addresses in *own* is named as a recipient (RFC 5230 §4.5)."""
    wanted = keys(own)
    count = 0
    for name in _ADDRESSED:
        for value in view.raw_values(name):
            for address in view.addresses(value):
                count += 1
                if count > MOST_ADDRESSES:
                    return False
                if keys((address,)) & wanted:
                    return True
    return False


def keys(addresses: Collection[str]) -> set[str]:
    """Return *addresses*, with and without their tags, as they are compared."""
    found: set[str] = set()
    for each in addresses:
        try:
            parsed = mailbox_address.parse(each)
        except ValueError:
            continue
        found.add(parsed.key)
        if bare := parsed.without_tag:
            found.add(bare.key)
    return found
