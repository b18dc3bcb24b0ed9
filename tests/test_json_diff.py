"""What differs between two values of JSON."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.json_diff import MISSING, changes

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("/a", 1, 2)]),
        ({"a": 1}, {"b": 1}, [("/a", 1, MISSING), ("/b", MISSING, 1)]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, [("/a/1", 2, 3), ("/a/2", MISSING, 4)]),
        ({"a/b": {"c~": 1}}, {"a/b": {"c~": 2}}, [("/a~1b/c~0", 1, 2)]),
        ({"a": True}, {"a": 1}, [("/a", True, 1)]),
        ([], 0, [("", [], 0)]),
    ],
)
def test_each_place_that_differs_is_named_by_its_pointer(
    then: Any, now: Any, told: list[tuple[str, Any, Any]]
) -> None:
    assert [(c.pointer, c.then, c.now) for c in changes(then, now)] == told


@given(values)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert list(changes(value, value)) == []


def test_what_is_very_deep_is_compared_in_bounded_depth() -> None:
    then: Any = 1
    now: Any = 2
    for _ in range(500):
        then, now = [then], [now]
    [change] = changes(then, now)
    assert change.pointer == "/0" * 50
