"""Windows of an hour: a mail counts once, in its own hour, in bounded room."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from topologies.mail.sender_windows import (
    HOURS,
    MOST_KEPT,
    Hours,
    Window,
    counted,
    hour_of,
    packed,
    size,
    start_of,
    unpacked,
    with_mail,
)

AT = datetime(2026, 3, 1, 12, 59, 59, tzinfo=UTC)


def test_an_hour_begins_on_the_hour() -> None:
    assert start_of(hour_of(AT)) == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert hour_of(AT + timedelta(seconds=1)) == hour_of(AT) + 1


@given(st.lists(st.integers(0, 60), max_size=80))
def test_in_whatever_order_and_however_often_each_mail_counts_once(mails: list[int]) -> None:
    assert size(window(mails)) == len(set(mails))
    assert window(mails) == window(sorted(set(mails), reverse=True))


def test_many_mails_are_counted_to_a_few_percent_in_bounded_room() -> None:
    many = window(range(20_000))
    assert len(many) == MOST_KEPT
    assert abs(size(many) - 20_000) < 20_000 * 0.2  # three times the error that is to be expected
    assert window([*range(20_000), *range(20_000)]) == many


def test_a_late_mail_counts_in_its_own_hour() -> None:
    hours = counted({}, AT, "a", is_bad=False)
    hours = counted(hours, AT - timedelta(hours=3), "b", is_bad=True)
    assert sizes(hours) == {hour_of(AT): (1, 0), hour_of(AT) - 3: (1, 1)}


def test_what_is_older_than_all_windows_counts_nowhere_and_windows_end() -> None:
    hours = counted({}, AT, "a", is_bad=False)
    assert counted(hours, AT - timedelta(hours=HOURS), "b", is_bad=False) == hours
    later = counted(hours, AT + timedelta(hours=HOURS), "c", is_bad=False)
    assert sizes(later) == {hour_of(AT) + HOURS: (1, 0)}


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_a_window_is_read_as_it_was_written(values: list[int]) -> None:
    assert unpacked(packed(tuple(values))) == tuple(values)


def window(mails: Iterable[int]) -> Window:
    found: Window = ()
    for mail in mails:
        found = with_mail(found, f"mail {mail}")
    return found


def sizes(hours: Hours) -> dict[int, tuple[int, int]]:
    return {hour: (size(mails), size(bad)) for hour, (mails, bad) in hours.items()}
