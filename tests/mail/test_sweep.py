"""Marks of a sweep: none that was made is lacking, and few are there that were not made."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory.blobs import MemoryBlobs
from topologies.mail.sweep import Marks, sweep


@given(st.sets(st.binary(max_size=8), max_size=200))
def test_all_that_is_marked_is_found_however_small_the_memory(contents: set[bytes]) -> None:
    marks = Marks(filter_bytes=16)
    blobs = [hashlib.sha256(content).hexdigest() for content in contents]
    for blob in blobs:
        marks.add(blob)
    assert all(blob in marks for blob in blobs)


def test_at_ten_bits_a_mark_about_one_of_a_hundred_is_found_that_was_not_marked() -> None:
    marks = Marks(filter_bytes=10_000 * 10 // 8)
    for number in range(10_000):
        marks.add(a_blob(number))
    assert sum(a_blob(number) in marks for number in range(10_000, 20_000)) < 200


def test_what_one_sweep_keeps_by_mistake_the_next_does_not() -> None:
    kept = set(range(10_000, 20_000))
    for _ in range(3):
        marks = Marks(filter_bytes=10_000 * 10 // 8)
        for number in range(10_000):
            marks.add(a_blob(number))
        kept = {number for number in kept if a_blob(number) in marks}
    assert len(kept) < 5


async def test_a_sweep_without_a_grace_time_is_refused() -> None:
    async def nothing() -> AsyncIterator[str]:
        return
        yield ""

    with pytest.raises(ValueError, match="grace"):
        await sweep(MemoryBlobs(), nothing(), now=datetime.now(UTC), grace=timedelta(0))


def a_blob(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()
