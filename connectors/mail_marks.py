"""What mailboxes keep of the few mails that have it, beside the columns of a line: JSON or nothing.

Both stores have one column for it, empty for most mails. It grows by fields at its end.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from topologies.errors import Poison
from topologies.ports.mailboxes import Before, Summary


class Marks(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What only some mails have."""

    labels: tuple[str, ...] = ()
    was_in: str = ""  # where it was before it was put aside; empty: it was not
    put_us: int = 0  # when it was
    had: tuple[str, ...] = ()  # labels, then

    @property
    def before(self) -> Before | None:
        """Where the mail was before, as the port has it."""
        if not self.was_in:
            return None
        at = _EPOCH + timedelta(microseconds=self.put_us)
        return Before(folder_id=self.was_in, at=at, labels=self.had)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NONE = Marks()

_encode = msgspec.json.Encoder().encode
_marks = msgspec.json.Decoder(Marks).decode


def kept_of(mail: Summary) -> bytes | None:
    """Return what is kept of the marks of *mail*; None if it has none."""
    marks = Marks(labels=mail.labels)
    if (before := mail.before) is not None:
        put_us = (before.at - _EPOCH) // timedelta(microseconds=1)
        marks = Marks(mail.labels, before.folder_id, put_us, before.labels)
    return _encode(marks) if marks != NONE else None


def marks_of(kept: bytes | None) -> Marks:
    """Return the marks that ``kept_of`` was given.

    Raises:
        Poison: They can't be read any more.
    """
    if not kept:
        return NONE
    try:
        return _marks(kept)
    except msgspec.DecodeError as error:
        raise Poison(f"the marks of a mail are damaged where they are kept: {error}") from error
