"""Header fields that a user may write into a mail by name, besides those that it has anyway.

Pure. A name is taken from a list, or begins with ``X-``: anything else could contradict what we
write, or claim what is ours to say. RFC 5322 §3.6.8, RFC 2076, RFC 3834 for Auto-Submitted.
"""

import re

from topologies.mail.compose import has_controls

LONGEST_CHARACTERS = 2_000

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}")
_ALLOWED = frozenset(
    "auto-submitted comments feedback-id importance keywords list-archive list-help list-id"
    " list-owner list-post organization precedence priority sensitivity".split()
)
# What filters write: whoever believes ours would believe a user's.
_RESERVED = ("x-spam", "x-virus", "x-rillmail", "x-original-to", "x-failed-recipients")


def problem_with(name: str, text: str) -> str:
    """Return what is wrong with a field; empty: nothing."""
    if not _NAME.fullmatch(name):
        return "it is no name of a header field"
    lower = name.lower()
    is_allowed = lower in _ALLOWED or (lower.startswith("x-") and len(lower) > len("x-"))
    if not is_allowed or lower.startswith(_RESERVED):
        return "this field can't be set: X-… can, and a few others"
    if has_controls(text):
        return "a value is one line without control characters"
    if not text.strip() or len(text) > LONGEST_CHARACTERS:
        return f"a value has 1 to {LONGEST_CHARACTERS:,} characters"
    return ""
