"""Changing a value of JSON at a place that a pointer names."""

from typing import Any

import pytest

from topologies.json_pointer import put, remove

VALUE: dict[str, Any] = {"a": {"b": [1, 2]}, "c/d": {"~": 3}}


@pytest.mark.parametrize(
    ("pointer", "now"),
    [
        ("/a/b/0", {"a": {"b": [9, 2]}, "c/d": {"~": 3}}),
        ("/a/b/-", {"a": {"b": [1, 2, 9]}, "c/d": {"~": 3}}),
        ("/a/new", {"a": {"b": [1, 2], "new": 9}, "c/d": {"~": 3}}),
        ("/c~1d/~0", {"a": {"b": [1, 2]}, "c/d": {"~": 9}}),
        ("", 9),
    ],
)
def test_a_value_is_put_where_the_pointer_says_and_the_old_one_stays(
    pointer: str, now: Any
) -> None:
    assert put(VALUE, pointer, 9) == now
    assert VALUE == {"a": {"b": [1, 2]}, "c/d": {"~": 3}}


def test_what_is_there_can_be_removed() -> None:
    assert remove(VALUE, "/a/b/1") == {"a": {"b": [1]}, "c/d": {"~": 3}}
    assert remove(VALUE, "/a") == {"c/d": {"~": 3}}


@pytest.mark.parametrize(
    "pointer",
    ["a", "/a/b/2", "/a/b/01", "/a/b/x", "/x/y", "/a/b/0/c", "/a/b/²", "/a/b/" + "9" * 900],
)
def test_a_pointer_that_names_no_place_is_refused_in_a_sentence(pointer: str) -> None:
    with pytest.raises(ValueError, match=r"is not there|is no pointer"):
        put(VALUE, pointer, 9)
    with pytest.raises(ValueError, match=r"is not there|is no pointer"):
        remove(VALUE, pointer)


def test_the_whole_is_not_removed() -> None:
    with pytest.raises(ValueError, match="drop the letter"):
        remove(VALUE, "")
