"""What a reader holds, and for how long it is held."""
# pyright: reportPrivateUsage=false

import gc
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from topologies.engines.faust_reader import FaustReader
from topologies.ports.log import Record


async def test_a_reader_that_nobody_uses_any_more_is_let_go_with_all_that_it_holds(
    tmp_path: Path,
) -> None:
    reader = read_by(tmp_path)
    held = weakref.ref(reader)
    del reader
    gc.collect()
    assert held() is None


async def test_a_reader_is_told_of_its_own_partitions_alone(tmp_path: Path) -> None:
    first, second = read_by(tmp_path / "first"), read_by(tmp_path / "second")
    gc.collect()
    assert told_of_revoked(first) == [first]
    assert told_of_revoked(second) == [second]


def told_of_revoked(reader: FaustReader) -> list[Any]:
    signal: Any = reader._app.on_partitions_revoked
    return [handler.__self__ for handler in signal.iter_receivers(reader._app)]


def read_by(folder: Path) -> FaustReader:
    async def work(record: Record) -> Sequence[Any]:
        raise AssertionError(record)

    async def write(entries: Sequence[Any]) -> None:
        raise AssertionError(entries)

    return FaustReader(
        ["127.0.0.1:1"],
        group="parse",
        topic="mail.received",
        prefix="",
        folder=folder,
        work=work,
        write=write,
        in_flight=4,
    )
