"""Delivery status notifications of others, read (RFC 3464 §2, RFC 6533 §3).

Reads the content of a message/delivery-status of any quality; bounded in time and memory. Whether
it is believed is decided elsewhere.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from topologies.mail import header_values
from topologies.mail.dsn import Action, RecipientReport, Report
from topologies.mail.field_blocks import Fields, blocks_in

MOST_HEADER_BYTES = 512 * 1024
MOST_CANDIDATES = 20

_ACTIONS: dict[str, Action] = {
    "failed": "failed",
    "delayed": "delayed",
    "delivered": "delivered",
    "relayed": "relayed",
    "expanded": "expanded",
    "expired": "failed",
}
_BY_CLASS = {"2": "delivered", "4": "delayed", "5": "failed"}
_OTHERWISE = {"failed": "5.0.0", "delayed": "4.0.0"}
_NOTHING: Fields = {}
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_HEXPOINT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def read(content: bytes) -> Report | None:
    """Return what a message/delivery-status says, or None if it tells of no recipient."""
    blocks = list(blocks_in(content))
    about = next((block for block in blocks if "reporting-mta" in block), _NOTHING)
    recipients = [told for block in blocks if (told := _recipient(block)) is not None]
    if not recipients:
        return None
    return Report(
        reporting_mta=_typed(_first(about, "reporting-mta"))[1],
        envelope_id=_first(about, "original-envelope-id"),
        arrived_at=_date(_first(about, "arrival-date")),
        recipients=tuple(recipients),
    )


def mail_ids_in(header: bytes, envelope_id: str = "") -> Sequence[str]:
    """Return the ids of mails that a returned header may be of, as our own trace names them."""
    found = dict.fromkeys(
        match[0].decode()
        for text in (envelope_id.encode(), header[:MOST_HEADER_BYTES])
        for match in _UUID.finditer(text)
    )
    return list(found)[:MOST_CANDIDATES]


def _recipient(fields: Fields) -> RecipientReport | None:
    kind, recipient = _typed(_first(fields, "final-recipient"))
    original = _first(fields, "original-recipient")
    if not recipient:
        kind, recipient = _typed(original)
    status = _STATUS.search(_first(fields, "status"))
    word = _first(fields, "action").partition(" ")[0].lower()
    # Some leave it out, though they must not (§2.3.3): then the status says as much.
    action = _ACTIONS.get(word or (_BY_CLASS[status[0][0]] if status else ""))
    if not recipient or action is None:
        return None
    return RecipientReport(
        recipient=_decoded(recipient) if kind == "utf-8" else recipient,
        original=original.replace("; ", ";", 1),
        action=action,
        status=status[0]
        if status
        else {"failed": "5.0.0", "delayed": "4.0.0"}.get(action, "2.0.0"),
        remote_mta=_typed(_first(fields, "remote-mta"))[1],
        diagnostic=_typed(_first(fields, "diagnostic-code"))[1],
        attempted_at=_date(_first(fields, "last-attempt-date")),
        retry_until=_date(_first(fields, "will-retry-until")),
    )


def _first(fields: Fields, name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def _typed(value: str) -> tuple[str, str]:
    """Split a type and what it is the type of; the type is left out by some."""
    kind, semicolon, rest = value.partition(";")
    if not semicolon:
        return "", value.strip().strip("<>")
    return kind.strip().lower(), rest.strip().strip("<>")


def _decoded(address: str) -> str:
    """Return an address of RFC 6533 §3 with its characters beyond ASCII."""
    return _HEXPOINT.sub(lambda found: _character(found[1]), address)


def _character(digits: str) -> str:
    point = int(digits, 16)
    is_one = point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF and point >= 0x20
    return chr(point) if is_one else "\N{REPLACEMENT CHARACTER}"


def _date(value: str) -> datetime | None:
    return header_values.date(value.encode()) if value else None
