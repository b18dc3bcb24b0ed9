"""What a message must have before it leaves us: a trace, a date and an id (RFC 5321 §4.4, §6.4).

Pure. Fields are put in front; what is there is never changed. The trace tells that we took it
and when, not from where: a sender's address is nobody's business elsewhere.
"""

from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from topologies.mail import address_list
from topologies.mail.authres import folded
from topologies.mail.header_lines import id_field, text_field
from topologies.mail.mailbox_address import domain_in_ascii


def received(*, hostname: str, mail_id: str, at: datetime) -> bytes:
    """Return the trace of a message that we took (RFC 5321 §4.4), without its sender's address."""
    words = [f"by {hostname}", f"id {mail_id};", format_datetime(_to_the_second(at))]
    return folded("Received:", words)


def missing(
    fields: Sequence[tuple[str, bytes]], *, mail_id: str, domain: str, at: datetime
) -> bytes:
    """Return the Date and Message-ID of a message that has none (RFC 6409 §8).

    Args:
        fields: Of the message, as ``dkim_canonical.fields`` returns them.
        mail_id: Of which the id is made.
        domain: In whose name.
        at: When it was submitted.
    """
    names = {name for name, field in fields if field.partition(b":")[2].strip()}
    lines: list[str] = []
    if "date" not in names:
        lines.append(text_field("Date", format_datetime(_to_the_second(at))))
    if "message-id" not in names:
        lines.append(id_field("Message-ID", [f"{mail_id}@{domain}"]))
    return "".join(lines).encode()


def from_domain(fields: Sequence[tuple[str, bytes]]) -> str:
    """Return the one domain in From, in ASCII; empty if there is none or several."""
    values = [field.partition(b":")[2] for name, field in fields if name == "from"]
    if len(values) != 1:
        return ""
    domains: set[str] = set()
    for address in address_list.read(values[0])[0]:
        try:
            domains.add(domain_in_ascii(address.address.rpartition("@")[2].rstrip(".")))
        except ValueError:
            continue
    return domains.pop() if len(domains) == 1 else ""


def _to_the_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
