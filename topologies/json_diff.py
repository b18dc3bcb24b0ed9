"""What differs between two values of JSON, by JSON Pointer (RFC 6901). Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

MISSING = object()  # in the place of a value that is not there
DEEPEST = 50  # below, two values are compared as a whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One place at which two values differ.

    Attributes:
        pointer: Where; empty: the value itself.
        then: What was there; ``MISSING``: nothing.
        now: What is there now; ``MISSING``: nothing.
    """

    pointer: str
    then: Any
    now: Any


def changes(then: Any, now: Any, pointer: str = "", depth: int = 0) -> Iterator[Change]:
    """Yield where *now* differs from *then*, in the order of *then*, and what is new after it."""
    if depth < DEEPEST and isinstance(then, dict) and isinstance(now, dict):
        old, new = cast("dict[str, Any]", then), cast("dict[str, Any]", now)
        for name in dict.fromkeys((*old, *new)):
            step = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            values = (old.get(name, MISSING), new.get(name, MISSING))
            yield from changes(*values, step, depth + 1)
    elif depth < DEEPEST and isinstance(then, list) and isinstance(now, list):
        before = cast("list[Any]", then)
        after = cast("list[Any]", now)
        for index in range(max(len(before), len(after))):
            values = (
                before[index] if index < len(before) else MISSING,
                after[index] if index < len(after) else MISSING,
            )
            yield from changes(*values, f"{pointer}/{index}", depth + 1)
    elif then is not now and (then != now or isinstance(then, bool) != isinstance(now, bool)):
        yield Change(pointer=pointer, then=then, now=now)
