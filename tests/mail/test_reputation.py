"""What a sender's domain sent lately, by the hour."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from topologies.mail.reputation import FEWEST, HOURS, MOST, counted, log_odds, total, weighed
from topologies.ports.reputations import Reputation

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AGES = st.integers(min_value=0, max_value=3 * HOURS)


@given(mails=st.lists(st.tuples(AGES, st.booleans())))
def test_what_is_counted_is_what_came_within_a_day(mails: list[tuple[int, bool]]) -> None:
    hours: dict[int, tuple[int, int]] = {}
    for age, is_bad in sorted(mails, reverse=True):  # as they came
        hours = counted(hours, NOW - timedelta(hours=age), is_bad=is_bad)
        assert len(hours) <= HOURS
    recent = [is_bad for age, is_bad in mails if age < HOURS]
    assert total(hours, NOW) == Reputation(mails=len(recent), bad=sum(recent))


@given(mails=st.lists(st.tuples(AGES, st.booleans())))
def test_whatever_the_order_no_more_than_a_day_is_kept(mails: list[tuple[int, bool]]) -> None:
    hours: dict[int, tuple[int, int]] = {}
    for age, is_bad in mails:
        hours = counted(hours, NOW - timedelta(hours=age), is_bad=is_bad)
        assert max(hours) - min(hours) < HOURS


@given(mails=st.integers(0, 10_000), bad=st.integers(0, 10_000))
def test_a_reputation_counts_little_and_few_mails_not_at_all(mails: int, bad: int) -> None:
    odds = log_odds(Reputation(mails=mails, bad=min(mails, bad)))
    assert -MOST <= odds <= MOST
    assert mails >= FEWEST or odds == 0


def test_an_unknown_sender_changes_nothing() -> None:
    assert log_odds(None) == 0
    assert weighed(0.3, 0) == 0.3


@given(probability=st.floats(0, 1), by=st.floats(-MOST, MOST))
@example(probability=5e-324, by=1.0)
@example(probability=0.9999999999999999, by=0.25)
def test_a_probability_stays_one(probability: float, by: float) -> None:
    assert 0 <= weighed(probability, by) <= 1
