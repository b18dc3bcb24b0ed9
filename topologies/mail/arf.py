"""Complaints in the Abuse Reporting Format, read (RFC 5965).

Reads the content of a message/feedback-report of any quality, bounded. Whether it is believed is
decided elsewhere.
"""

from dataclasses import dataclass

from topologies.mail.field_blocks import Fields, blocks_in

MOST_RECIPIENTS = 100

_NOTHING: Fields = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What a report says.

    Attributes:
        kind: ``abuse``, ``fraud``, ``virus``, ``not-spam``, ``opt-out`` …, in lower case.
        recipients: To whom the mail was, as far as that is told.
        mail_from: The reverse-path of the mail.
        source_ip: Where it came from.
    """

    kind: str
    recipients: tuple[str, ...] = ()
    mail_from: str = ""
    source_ip: str = ""
    reporter: str = ""


def read(content: bytes) -> Feedback | None:
    """Return what a message/feedback-report says, or None if it is none."""
    fields = next(blocks_in(content), _NOTHING)
    kind = first(fields, "feedback-type").lower()
    if not kind:
        return None
    recipients = (
        each.partition(";")[2] or each
        for name in ("original-rcpt-to", "removal-recipient")
        for each in fields.get(name, ())
    )
    return Feedback(
        kind=kind,
        recipients=tuple(dict.fromkeys(each.strip(" <>") for each in recipients))[:MOST_RECIPIENTS],
        mail_from=first(fields, "original-mail-from").strip("<>"),
        source_ip=first(fields, "source-ip"),
        reporter=first(fields, "user-agent"),
    )


def first(fields: Fields, name: str) -> str:
    """Return the value of a field that is to be there once; empty if it is not."""
    return next(iter(fields.get(name, ())), "")
