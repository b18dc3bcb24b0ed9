"""How a content is handed out: its name can say nothing but a name, its type nothing but a type."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail.disposition import UNKNOWN_TYPE, disposition, shown_type


@given(st.text(max_size=60))
def test_any_name_becomes_one_header_value_of_printable_ascii(name: str) -> None:
    value = disposition(name)
    assert value.isascii()
    assert value.isprintable()
    assert value.startswith('attachment; filename="')


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_a_name_is_read_back_as_it_was(name: str) -> None:
    plain, _, extended = disposition(name).partition("; filename*=UTF-8''")
    assert (unquote(extended) or plain.partition('"')[2][:-1]) == name


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ("application/pdf", "application/pdf"),
        ("image/svg+xml", "image/svg+xml"),
        ("text/html; charset=utf-8", UNKNOWN_TYPE),
        ("text/plain\r\nX: y", UNKNOWN_TYPE),
        ("pdf", UNKNOWN_TYPE),
        ("", UNKNOWN_TYPE),
    ],
)
def test_a_type_is_shown_only_when_it_is_plain(declared: str, shown: str) -> None:
    assert shown_type(declared) == shown
