"""Changing a value of JSON at a place that a JSON Pointer names (RFC 6901). Pure."""

import copy
from typing import Any, cast

LONGEST = 1_000  # characters of a pointer


def put(value: Any, pointer: str, new: Any) -> Any:
    """Return *value* with *new* at *pointer*: instead of what is there, or added to its object.

    In a list, the step ``-`` adds to its end (RFC 6902 §4.1).

    Raises:
        ValueError: It names no place; says why.
    """
    steps = _steps(pointer)
    if not steps:
        return new
    changed = copy.deepcopy(value)
    inside = _parent(changed, steps, pointer)
    if isinstance(inside, dict):
        cast("dict[str, Any]", inside)[steps[-1]] = new
    else:
        items = cast("list[Any]", inside)
        if steps[-1] == "-":
            items.append(new)
        else:
            items[_index(items, steps[-1], pointer)] = new
    return changed


def remove(value: Any, pointer: str) -> Any:
    """Return *value* without what is at *pointer*.

    Raises:
        ValueError: Nothing is there.
    """
    steps = _steps(pointer)
    if not steps:
        raise ValueError("the whole event can't be removed: drop the letter")
    changed = copy.deepcopy(value)
    inside = _parent(changed, steps, pointer)
    if isinstance(inside, dict):
        if steps[-1] not in inside:
            raise ValueError(f"{pointer} is not there")
        del inside[steps[-1]]
    else:
        items = cast("list[Any]", inside)
        del items[_index(items, steps[-1], pointer)]
    return changed


def _steps(pointer: str) -> list[str]:
    if pointer and (not pointer.startswith("/") or len(pointer) > LONGEST):
        raise ValueError(f"{pointer[:50]!r} is no pointer, which looks like /message/subject")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _parent(value: Any, steps: list[str], pointer: str) -> Any:
    for step in steps[:-1]:
        if isinstance(value, dict) and step in value:
            value = cast("dict[str, Any]", value)[step]
        elif isinstance(value, list):
            items = cast("list[Any]", value)
            value = items[_index(items, step, pointer)]
        else:
            raise ValueError(f"{pointer} is not there")
    if not isinstance(value, (dict, list)):
        raise ValueError(f"{pointer} is not there")
    return cast("Any", value)


def _index(items: list[Any], step: str, pointer: str) -> int:
    is_index = step.isascii() and step.isdecimal() and (step == "0" or step[0] != "0")
    if not is_index or len(step) > len(str(len(items))) or int(step) >= len(items):
        raise ValueError(f"{pointer} is not there")
    return int(step)
