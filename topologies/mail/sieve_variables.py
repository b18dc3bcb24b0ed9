"""Variables of Sieve scripts (RFC 5229): what `${name}` stands for, and what `set` makes of it.

Pure; how many there are and how long they get is bounded.
"""

import re

from topologies.mail.sieve import Node

MOST = 128
LONGEST = 4_000  # characters of one value; the rest is cut off
LONGEST_EXPANDED = 16_000  # of a text with several

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*|[0-9]{1,9})\}")
_WILDCARD = re.compile(r"[*?\\]")


class Variables:
    """What a script has set so far.

    Attributes:
        captures: What the wildcards of the last match stood for, the whole first.
    """

    def __init__(self, *, is_on: bool) -> None:
        self._values: dict[str, str] = {}
        self._is_on = is_on
        self.captures: tuple[str, ...] = ()

    def expanded(self, text: str) -> str:
        """Return *text* with what its references stand for; unknown ones stand for nothing."""
        if not self._is_on or "${" not in text:
            return text
        left = LONGEST_EXPANDED

        def value(match: re.Match[str]) -> str:
            nonlocal left
            found = self._value(match[1])[: max(0, left)]
            left -= len(found)
            return found

        return _REFERENCE.sub(value, text)

    def get(self, name: str) -> str:
        """Return what *name* was set to."""
        return self._values.get(name.lower(), "")

    def put(self, name: str, value: str) -> bool:
        """Set *name*; return False if there are too many."""
        key = name.lower()
        if key not in self._values and len(self._values) >= MOST:
            return False
        self._values[key] = value[:LONGEST]
        return True

    def _value(self, name: str) -> str:
        if not name[0].isdigit():
            return self.get(name)
        number = int(name)
        return self.captures[number] if number < len(self.captures) else ""


def modified(value: str, node: Node) -> str:
    """Return *value* as the modifiers of the `set` in *node* want it, the weightiest first."""
    # RFC 5229 §4.1: 40 case, 30 first letter, 20 quoting, 10 length.
    if node.has("lower"):
        value = value.lower()
    elif node.has("upper"):
        value = value.upper()
    if node.has("lowerfirst"):
        value = value[:1].lower() + value[1:]
    elif node.has("upperfirst"):
        value = value[:1].upper() + value[1:]
    if node.has("quotewildcard"):
        value = _WILDCARD.sub(r"\\\g<0>", value)
    return str(len(value)) if node.has("length") else value
