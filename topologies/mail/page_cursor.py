"""Cursors of listings: which mail the last page ended with, opaque to whoever holds one."""

import base64
import binascii
import uuid


def cursor_of(email_id: str) -> str:
    """Return the cursor of a page that ended with this mail."""
    return base64.urlsafe_b64encode(uuid.UUID(email_id).bytes).rstrip(b"=").decode()


def email_id_of(cursor: str) -> str:
    """Return the mail that the page before ended with.

    Raises:
        ValueError: The cursor is not one of ours.
    """
    try:
        email_id = str(uuid.UUID(bytes=base64.urlsafe_b64decode(cursor + "==")))
    except (binascii.Error, ValueError) as error:
        raise ValueError("not a cursor of this listing") from error
    if cursor_of(email_id) != cursor:
        raise ValueError("not a cursor of this listing")
    return email_id
