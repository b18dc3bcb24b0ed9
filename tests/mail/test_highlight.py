"""Highlighting: what the search found is what is marked, in any script."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail.highlight import PASSAGE, Piece, marked, passage, terms_of
from topologies.mail.query import parse
from topologies.ports.search import Term

NOW = datetime(2026, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "text", "found"),
    [
        ("proc", "A procedure, in process", ["procedure", "process"]),
        ('"proc"', "A procedure", []),
        ("NAIVE strasse", "naïve Straße", ["naïve", "Straße"]),
        ('"annual report"', "annual report, report annual", ["annual report"]),
        ("会議", "明日の会議です。会、議", ["会議", "会、議"]),
        ("INV-2026", "see INV-2026-0042", ["INV-2026"]),
        ("a OR b", "a b c", ["a", "b"]),
        ("-word other", "word other", ["other"]),
        ("subject:word", "word", []),
        ("is:unread", "unread", []),
    ],
)
def test_marks(typed: str, text: str, found: list[str]) -> None:
    pieces = marked(text, terms_of(parse(typed, now=NOW), "any", "text"))

    assert [piece.text for piece in pieces if piece.is_hit] == found
    assert "".join(piece.text for piece in pieces) == text


def test_a_passage_is_the_text_around_the_first_place() -> None:
    text = "before " * 100 + "the needle\n\n lies here " + "after " * 100

    pieces = passage(text, [Term(field="any", words="needle")])

    said = "".join(piece.text for piece in pieces)
    assert (said[0], said[-1]) == ("…", "…")
    assert "the needle lies here" in said
    assert len(said) <= PASSAGE + 2
    assert [piece.text for piece in pieces if piece.is_hit] == ["needle"]
    assert passage("nothing of it", [Term(field="any", words="needle")]) == []
    assert passage("needle", [Term(field="any", words="needle")]) == [Piece("needle", True)]


@given(st.text(max_size=60), st.lists(st.text(max_size=4), max_size=3))
def test_marking_loses_nothing_whatever_the_text(text: str, typed: list[str]) -> None:
    terms = [Term(field="any", words=words) for words in typed]

    assert "".join(piece.text for piece in marked(text, terms)) == text
    passage(text, terms)
