"""What an event of a mail's trail says, in a few words for a time line."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

MOST_NAMED = 3  # recipients
LONGEST = 160  # characters
_RESULT = ("recipient", "status", "code", "enhanced", "text")

Fields = Mapping[str, Any]


def in_words(tag: str, fields: Fields) -> str:
    """Return what the event with *tag* and *fields* says; empty: nothing but that it is there."""
    say = _SAID.get(tag.partition("/")[0])
    if say is None and tag.startswith("delivery.later"):
        say = _due
    if say is None and tag.startswith("mail.held"):
        say = _submitted
    said = say(fields) if say is not None else ""
    return said if len(said) <= LONGEST else said[:LONGEST] + " …"


def _received(fields: Fields) -> str:
    client = fields.get("client_ip") or fields.get("client_name")
    origin = f"{fields.get('origin')}{f' from {client}' if client else ''}"
    return (
        f"{_address(fields.get('mail_from'))} → {_people(fields)}, {fields.get('size_bytes')} bytes"
        f" by {origin}"
    )


def _submitted(fields: Fields) -> str:
    due = f", to be sent at {fields['due_at']}" if fields.get("due_at") else ""
    return f"{_address(fields.get('mail_from'))} → {_people(fields)} by {fields.get('origin')}{due}"


def _outgoing(fields: Fields) -> str:
    return f"{_address(fields.get('mail_from'))} → {_people(fields)}, {fields.get('kind', 'sent')}"


def _scored(fields: Fields) -> str:
    spam = cast("Fields", fields.get("spam") or {})
    return f"spam probability {spam.get('probability', 0):.2f}"


def _deliver(fields: Fields) -> str:
    note = f": {fields['note']}" if fields.get("note") else ""
    return f"into {fields.get('folder_id')} of user {fields.get('user_id')}{note}"


def _changed(fields: Fields) -> str:
    where = f" in {fields['folder_id']}" if fields.get("folder_id") else ""
    before = f" from {fields['from_folder_id']}" if fields.get("from_folder_id") else ""
    return f"{fields.get('kind')}{where}{before}, change {fields.get('seq')} of {fields['user_id']}"


def _moved(fields: Fields) -> str:
    reported = f", reported as {fields['reported']}" if fields.get("reported") else ""
    return f"to {fields.get('folder_id')}{reported}"


def _flagged(fields: Fields) -> str:
    flags = [name for name in ("is_read", "is_starred") if fields.get(name) is not None]
    return ", ".join(f"{name}: {str(fields[name]).lower()}" for name in flags)


def _quarantined(fields: Fields) -> str:
    virus = cast("Fields", fields.get("virus") or {})
    return f"{virus.get('result')}: {virus.get('name')} {virus.get('part', '')}".rstrip()


def _undeliverable(fields: Fields) -> str:
    return f"{fields.get('recipient')}: {fields.get('reason')}"


def _disposed(fields: Fields) -> str:
    return f"{fields.get('recipient')}: {fields.get('how')} by the user's rules"


def _due(fields: Fields) -> str:
    return f"attempt {fields.get('attempt', 1)} at {fields.get('destination')}: {_people(fields)}"


def _attempted(fields: Fields) -> str:
    results = cast("Sequence[Fields]", fields.get("results") or ())
    said = [
        " ".join(str(each[name]) for name in _RESULT if each.get(name))
        for each in results[:MOST_NAMED]
    ]
    more = f" and {len(results) - MOST_NAMED} more" if len(results) > MOST_NAMED else ""
    return f"attempt {fields.get('attempt')}: {'; '.join(said)}{more}"


def _vetted(fields: Fields) -> str:
    vetted = cast("Fields", fields.get("vetted") or {})
    return " ".join(str(vetted[name]) for name in ("result", "kind", "reason") if vetted.get(name))


def _judged(fields: Fields) -> str:
    return f"{fields.get('sender')} sent {'spam' if fields.get('is_bad') else 'no spam'}"


def _restrained(fields: Fields) -> str:
    until = f" until {fields['until']}" if fields.get("until") else ""
    return f"{_address(fields.get('mail_from'))} is {fields.get('kind')}{until}"


def _people(fields: Fields) -> str:
    recipients = cast("Sequence[str]", fields.get("recipients") or ())
    more = f" and {len(recipients) - MOST_NAMED} more" if len(recipients) > MOST_NAMED else ""
    return ", ".join(map(str, recipients[:MOST_NAMED])) + more


def _address(value: object) -> str:
    return str(value) if value else "<>"


_SAID: Mapping[str, Callable[[Fields], str]] = {
    "mail.received": _received,
    "mail.submitted": _submitted,
    "mail.vetted": _vetted,
    "mail.scored": _scored,
    "mail.outgoing": _outgoing,
    "mail.quarantined": _quarantined,
    "mail.undeliverable": _undeliverable,
    "mail.disposed": _disposed,
    "mailbox.deliver": _deliver,
    "mailbox.changed": _changed,
    "mailbox.move": _moved,
    "mailbox.set-flags": _flagged,
    "delivery.due": _due,
    "delivery.attempted": _attempted,
    "sender.judged": _judged,
    "sender.restrained": _restrained,
}
