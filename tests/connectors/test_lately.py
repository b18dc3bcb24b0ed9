"""How fast counts grow."""

from connectors.lately import Lately


def test_without_two_notes_nothing_is_known() -> None:
    lately = Lately[str]()
    lately.note({"a": 7}, 100)
    assert lately.per_second() == {}


def test_what_was_added_since_the_first_note_is_told_by_the_second() -> None:
    lately = Lately[str]()
    lately.note({"a": 10}, 100)
    lately.note({"a": 30, "b": 5}, 110)
    assert lately.per_second() == {"a": 2.0, "b": 0.5}


def test_what_is_longer_ago_than_a_minute_is_forgotten() -> None:
    lately = Lately[str]()
    for second in range(0, 300, 5):
        lately.note({"a": 1_000.0 if second >= 100 else 0.0}, second)
    assert lately.per_second() == {"a": 0.0}
