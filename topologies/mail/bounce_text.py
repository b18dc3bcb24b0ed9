"""Bounces in words: mail that says that another one failed, and has no part for machines.

Pure. Some systems do not write RFC 3464, or wrote before there was one. What is read here came to
an address that none knows but whoever had the mail: so it is about that mail, and all that is left
to find out is whether it says that the mail failed. In doubt it does not: an answer of somebody
who is away, or a warning that a mail is late, comes to the same address.
"""

import re
from dataclasses import dataclass

from topologies.events import Message

MOST_CHARACTERS = 32 * 1024  # of its text
LONGEST_LINE = 400

_DAEMONS = re.compile(
    r"(?:mailer|mail|smtp|delivery)[-_. ]?daemon.*|postmaster|mail[-_. ]?delivery.*|mdaemon"
    r"|mail-?system|bounces?|",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"undeliver(?:able|ed)|delivery (?:has )?fail(?:ed|ure)|delivery status notification \(failure"
    r"|returned? (?:mail|to sender)|(?:could|can)(?:not| not|n't) (?:be|deliver)|unable to deliver"
    r"|(?:was|were|been) (?:not|unable to be) delivered|was(?:n't| not) able to deliver"
    r"|(?:permanent|fatal)(?:ly)?[ -](?:fatal )?(?:error|fail)|fail(?:ed)? permanently"
    r"|failure notice|(?:no such|unknown|invalid) (?:user|recipient|mailbox|address)"
    r"|(?:user|recipient|mailbox|address) (?:is )?(?:unknown|not found|rejected|unavailable)"
    r"|does(?:n't| not) exist|message (?:was )?(?:rejected|refused)|did not reach"
    r"|giving up|address not found",
    re.IGNORECASE,
)
_LATE = re.compile(
    r"delay|\bwarning\b|will (?:be )?(?:keep|continue|retr|try)|still (?:being )?(?:try|retr)"
    r"|not yet been|no(?:t need to)? (?:action|resend)|do not need to resend|temporar",
    re.IGNORECASE,
)
# Where the mail begins that comes back: its words are not the daemon's.
_RETURNED = re.compile(
    r"^[ >]*(?:--.*\b(?:copy|original|returned|headers?)\b|received: |return-path: )",
    re.IGNORECASE | re.MULTILINE,
)
# RFC 3463; neither the beginning of an address nor a version of something.
_STATUS = re.compile(r"(?<![\d.])5\.[0-7]\.\d{1,2}(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\d.-])55[0-6](?=[ -])")


@dataclass(frozen=True, slots=True)
class Failure:
    """That a mail failed.

    Attributes:
        status: RFC 3463; 5.0.0 if nothing more is known.
        said: A line of what was said.
    """

    status: str
    said: str


def read(message: Message) -> Failure | None:
    """Return what *message* says of a mail that failed; None: that it failed it does not say."""
    if not all(_DAEMONS.fullmatch(each.address.partition("@")[0]) for each in message.from_):
        return None
    text = _RETURNED.split(message.text[:MOST_CHARACTERS], maxsplit=1)[0]
    status = _STATUS.search(text)
    told = status or _CODE.search(text)
    words = _FAILED.search(message.subject) or _FAILED.search(text)
    if told is None:
        is_late = _LATE.search(message.subject) or _LATE.search(text)
        if words is None or is_late:
            return None
    elif words is None or (_LATE.search(message.subject) and not _FAILED.search(message.subject)):
        return None
    found = told or _FAILED.search(text)
    said = _line_at(text, found.start()) if found is not None else message.subject
    return Failure(status=status[0] if status else "5.0.0", said=said[:LONGEST_LINE])


def _line_at(text: str, position: int) -> str:
    """Return the line of *text* in which *position* is."""
    begin = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[begin : end if end >= 0 else len(text)].strip()
