"""Buckets of a folder: every mail is found where it was put, and no bucket outgrows its bounds."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from connectors.cassandra.mailboxes_buckets import Bucket, Buckets, buckets_of, kept_of

FULL = 4
KEYS = st.integers(0, 60)


@given(st.lists(st.tuples(KEYS, st.integers(0, 3))))
def test_after_any_history_every_mail_is_found_and_every_count_is_exact(
    history: list[tuple[int, int]],
) -> None:
    buckets = Buckets(full=FULL)
    numbers = count(1)
    model: dict[bytes, tuple[int, bool]] = {}  # bucket and is_read, by key
    for number, action in history:
        key = key_of(number)
        if key not in model:
            renew(buckets, key, model, numbers)
            is_read = action % 2 == 0
            bucket = buckets.add(key, is_read=is_read, number=lambda: next(numbers))
            model[key] = (bucket.number, is_read)
        elif action == 0:
            renew(buckets, key, model, numbers)
            where, was_read = model[key]
            is_read = not was_read
            assert buckets.mark(key, was_read=was_read, is_read=is_read).number == where
            model[key] = (where, is_read)
        else:
            renew(buckets, key, model, numbers)
            where, was_read = model.pop(key)
            assert buckets.remove(key, was_read=was_read).number == where
        check(buckets, model)
    assert list(buckets_of(kept_of(buckets))) == list(buckets)


@given(st.permutations(range(64)))
def test_however_mails_come_no_bucket_has_more_than_twice_its_rows(order: list[int]) -> None:
    buckets = Buckets(full=FULL)
    numbers = count(1)
    model: dict[bytes, tuple[int, bool]] = {}
    for number in order:
        key = key_of(number)
        renew(buckets, key, model, numbers)
        bucket = buckets.add(key, is_read=True, number=lambda: next(numbers))
        model[key] = (bucket.number, True)
        assert bucket.rows <= 2 * FULL
    assert len(buckets) <= 64 // (FULL // 2)


def test_mails_that_come_in_order_fill_one_bucket_after_another() -> None:
    for order in (range(20), reversed(range(20))):
        buckets = Buckets(full=FULL)
        for number in order:
            buckets.add(key_of(number), is_read=True, number=count(1).__next__)
        assert [bucket.live for bucket in buckets] == [FULL] * 5


def test_an_empty_bucket_leaves_the_list() -> None:
    buckets = Buckets(full=FULL)
    for number in range(8):
        buckets.add(key_of(number), is_read=False, number=count(number).__next__)
    for number in range(4):
        buckets.remove(key_of(number), was_read=False)
    assert [(bucket.number, bucket.live, bucket.unread) for bucket in buckets] == [(4, 4, 4)]


def test_a_bucket_of_little_but_deleted_rows_is_worn() -> None:
    buckets = Buckets(full=1_000)
    assert not buckets.is_worn(Bucket(1, b"a", b"b", live=10, dead=260))
    assert buckets.is_worn(Bucket(1, b"a", b"b", live=10, dead=261))
    assert buckets.is_worn(Bucket(1, b"a", b"b", live=1_500, dead=500))


def renew(
    buckets: Buckets, key: bytes, model: dict[bytes, tuple[int, bool]], numbers: "count[int]"
) -> None:
    """Write the bucket that *key* falls in anew if it is worn, as a writer does."""
    bucket = buckets.of(key)
    if bucket is None or not buckets.is_worn(bucket):
        return
    rows = [(k, is_read) for k, (number, is_read) in model.items() if number == bucket.number]
    fresh = buckets.halves(rows, lambda: next(numbers))
    fresh[0].start = min(bucket.start, fresh[0].start)
    buckets.replace(bucket, fresh)
    for k, is_read in rows:
        into = buckets.of(k)
        assert into is not None
        model[k] = (into.number, is_read)


def check(buckets: Buckets, model: dict[bytes, tuple[int, bool]]) -> None:
    starts = [bucket.start for bucket in buckets]
    assert starts == sorted(set(starts))
    assert {bucket.number for bucket in buckets} == {number for number, _ in model.values()}
    for bucket in buckets:
        held = [is_read for number, is_read in model.values() if number == bucket.number]
        assert (bucket.live, bucket.unread) == (len(held), held.count(False))
    for key, (number, _) in model.items():
        found = buckets.of(key)
        assert found is not None
        assert found.number == number
        assert found.start <= key <= found.newest


def key_of(number: int) -> bytes:
    return number.to_bytes(16, "big")
