"""What an export is asked with."""

from typing import Literal

from api.shapes import In


class ExportQuery(In, frozen=True, kw_only=True):
    """What the zip file holds: the mail, or everything one has; and how the mail lies in it."""

    what: Literal["mail", "everything"] = "everything"
    format: Literal["mbox", "maildir"] = "mbox"
