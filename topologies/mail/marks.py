"""What the header tells of the program that made a message: for judging it, not for showing.

Pure and bounded. Reads the fields of the outermost part, writes short texts, each with a prefix:

    mailer: X-Mailer or User-Agent        priority: X-Priority, Importance
    type: of the whole, unless it is plain text      boundary: its shape, digits as 0, letters as a

Which charset or language a mail has is left out on purpose: that says where people live.
"""

import re

from topologies.mail import header_words, mime

LONGEST = 80  # characters of one mark

_MAILERS = ("x-mailer", "user-agent")
_PRIORITIES = ("x-priority", "importance", "x-msmail-priority")
_HEX = re.compile(r"[A-F0-9]{2,}|\d+")
_LOWER = re.compile(r"[a-z]+")
_BOUNDARY_CHARACTERS = 24


def marks_of(root: mime.Part) -> tuple[str, ...]:
    """Return the marks of a message whose outermost part is *root*."""
    found: list[str] = []
    for name in _MAILERS:
        if value := _text(root, name):
            found.append(f"mailer:{value}")
            break
    found += [f"priority:{value.lower()[:12]}" for n in _PRIORITIES if (value := _text(root, n))]
    if root.content_type != "text/plain":
        found.append(f"type:{root.content_type[:40]}")
    if boundary := root.parameters.get("boundary", "")[:70]:
        shape = _LOWER.sub("a", _HEX.sub("0", boundary))
        found.append(f"boundary:{shape[:_BOUNDARY_CHARACTERS]}")
    return tuple(dict.fromkeys(found))


def _text(root: mime.Part, name: str) -> str:
    value = root.first(name)
    return header_words.text_of(value[: 4 * LONGEST]).strip()[:LONGEST] if value else ""
