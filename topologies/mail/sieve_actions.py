"""What a script wants done with a mail: values, which nobody has carried out yet."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Into the inbox, or wherever the mail goes by itself."""

    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInto:
    """Into a folder by its name (RFC 5228 §4.1)."""

    folder: str
    flags: tuple[str, ...] = ()
    create: bool = False  # RFC 5490 §3.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """On to another address (RFC 5228 §4.2)."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Back to whoever sent it, with a reason (RFC 5429)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacation:
    """An answer that tells that nobody reads this for now (RFC 5230).

    Attributes:
        written: Where what it says is made of variables: the words of the script itself.
    """

    reason: str
    period_s: int
    subject: str = ""
    sender: str = ""  # :from
    addresses: tuple[str, ...] = ()  # further ones of the user
    is_mime: bool = False  # `reason` is a MIME part, with its header
    handle: str = ""
    written: str = ""


Action = Keep | FileInto | Redirect | Reject | Vacation


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What becomes of a mail.

    Attributes:
        actions: In order; none: it is discarded.
        is_kept_anyway: The keep among them is the implicit one (RFC 5228 §2.10.2).
        error: What went wrong on the way, in words for the script's author; then the mail is
            kept, and nothing else is done.
    """

    actions: tuple[Action, ...] = ()
    is_kept_anyway: bool = False
    error: str = ""
