"""The window of a reader: which records are done, whatever the order they end in."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from topologies.engines.window import Window


@given(offsets=st.lists(st.integers(0, 40), unique=True, max_size=20), data=st.data())
def test_a_position_names_exactly_what_is_done_however_records_end(
    offsets: list[int], data: st.DataObject
) -> None:
    offsets = sorted(offsets)  # gaps are records that were forgotten before they were read
    window = Window(0)
    open_, done = set[int](), set[int]()
    for offset in offsets:
        assert window.take(offset)
        open_.add(offset)
        while open_ and data.draw(st.booleans()):
            ended = data.draw(st.sampled_from(sorted(open_)))
            window.finish(ended)
            open_.discard(ended)
            done.add(ended)
        assert window.offset == (min(open_) if open_ else window.next)
        assert all(each >= window.offset for each in open_)
        told = [each for start, end in window.ahead for each in range(start, end)]
        assert told == sorted(each for each in done if each >= window.offset)
        assert all(end < start for (_, end), (start, _) in pairwise(window.ahead))
        assert len(window) == len(open_)


@given(offsets=st.lists(st.integers(0, 40), unique=True, max_size=20), data=st.data())
def test_a_restart_at_a_position_repeats_what_was_open_and_nothing_else(
    offsets: list[int], data: st.DataObject
) -> None:
    offsets = sorted(offsets)
    window = Window(0)
    for offset in offsets:
        window.take(offset)
    done = data.draw(st.sets(st.sampled_from(offsets))) if offsets else set[int]()
    for offset in done:
        window.finish(offset)
    again = Window(window.offset, window.ahead)
    repeated = [each for each in offsets if each >= again.next and again.take(each)]
    assert repeated == [each for each in offsets if each not in done]
