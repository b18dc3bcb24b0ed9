"""What every blob store keeps to."""

import asyncio
import functools
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from connectors.files.blobs import FileBlobs
from connectors.files.blobs_by_size import SMALL_BYTES, BlobsBySize
from connectors.memory.blobs import MemoryBlobs
from connectors.s3.blobs import PART_BYTES, SPOOL_BYTES, S3Blobs
from connectors.sqlite.blobs import MIGRATIONS, SqliteBlobs
from connectors.sqlite.database import Database
from tests.engines.stages import until
from tests.live import engines
from topologies.errors import BlobMissing, NoSpace
from topologies.mail.sweep import Swept, sweep
from topologies.ports.blob_sweep import GRACE, SweptBlobs
from topologies.ports.blobs import Blobs

T = TypeVar("T")
DAY = timedelta(days=1)


async def test_a_blob_is_given_back_by_the_hash_of_its_content(blobs: Blobs) -> None:
    contents = [b"", b"one", bytes(range(256)) * 5_000, b"large" * (PART_BYTES // 4)]
    ids = await blobs.put(contents)
    assert ids == [hashlib.sha256(content).hexdigest() for content in contents]
    assert [await blobs.get(blob) for blob in ids] == contents
    assert [await blobs.size(blob) for blob in ids] == [len(content) for content in contents]


async def test_the_same_content_again_is_the_same_blob(blobs: Blobs) -> None:
    assert await blobs.put([b"same"]) == await blobs.put([b"same"])


async def test_a_stream_becomes_the_blob_that_its_content_would(blobs: Blobs) -> None:
    blob, size = await blobs.put_stream(chunks([b"ab", b"", b"cd"]))
    assert ([blob], size) == (await blobs.put([b"abcd"]), 4)


@pytest.mark.parametrize("size", [0, SPOOL_BYTES + 1, 2 * PART_BYTES + 1])
async def test_a_stream_of_any_size_is_stored_whole(blobs: Blobs, size: int) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    pieces = [content[at : at + 100_000] for at in range(0, size, 100_000)]
    blob, found = await blobs.put_stream(chunks(pieces))
    assert (blob, found) == (hashlib.sha256(content).hexdigest(), size)
    assert await blobs.get(blob) == content


async def test_a_stream_that_breaks_off_leaves_nothing(blobs: Blobs) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.put_stream(broken())
    with pytest.raises(BlobMissing):
        await blobs.get(hashlib.sha256(b"half").hexdigest())


@pytest.mark.parametrize(("start", "end"), [(0, None), (3, None), (1, 700_000), (5, 5)])
async def test_a_range_is_streamed_exactly(blobs: Blobs, start: int, end: int | None) -> None:
    content = bytes(range(251)) * 4_000
    [blob] = await blobs.put([content])
    found = [chunk async for chunk in blobs.stream(blob, start, end)]
    assert b"".join(found) == content[start:end]


async def test_what_is_not_there_is_missing(blobs: Blobs) -> None:
    unknown = "0" * 64
    with pytest.raises(BlobMissing):
        await blobs.get(unknown)
    with pytest.raises(BlobMissing):
        await blobs.size(unknown)
    with pytest.raises(BlobMissing):
        await anext(aiter(blobs.stream(unknown)))


@pytest.mark.parametrize("kind", ["files", "sqlite"])
async def test_a_nearly_full_disk_refuses_a_new_blob(tmp_path: Path, kind: str) -> None:
    async with made(kind, tmp_path, disk_free=-1) as blobs:
        with pytest.raises(NoSpace):
            await blobs.put([b"x"])
        with pytest.raises(NoSpace):
            await blobs.put_stream(chunks([b"x"]))


async def test_where_a_blob_lies_follows_from_its_size(tmp_path: Path) -> None:
    small, large = MemoryBlobs(), MemoryBlobs()
    blobs = BlobsBySize(small, large)
    contents = [b"l" * (SMALL_BYTES + 1), b"s" * SMALL_BYTES, b"", b"L" * 2 * SMALL_BYTES]
    ids = await blobs.put(contents)
    assert [await blobs.get(blob) for blob in ids] == contents
    for content in contents:
        half = len(content) // 2
        blob, _ = await blobs.put_stream(chunks([content[:half], content[half:]]))
        assert blob in ids
        other = small if len(content) > SMALL_BYTES else large
        with pytest.raises(BlobMissing):
            await other.get(blob)


async def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    async with made("files", tmp_path):
        left = tmp_path / "blobs" / "unfinished" / "999999999-ab"
        left.write_bytes(b"half")
    async with made("files", tmp_path):
        assert not left.exists()


async def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    contents = [b"small", b"large" * 100_000]
    async with made("by-size", tmp_path) as blobs:
        ids = await blobs.put(contents)
    async with made("by-size", tmp_path) as blobs:
        assert [await blobs.get(blob) for blob in ids] == contents


async def test_a_file_of_the_first_version_keeps_its_blobs_and_they_are_young(
    tmp_path: Path,
) -> None:
    path, content = tmp_path / "blobs.db", b"from before"
    key = hashlib.sha256(content).digest()
    with closing(Database(path, MIGRATIONS[:1])) as database:
        insert = "INSERT INTO blobs VALUES (?, ?)"
        await database.write(lambda c: c.execute(insert, (key, content)).rowcount)
    with closing(Database(path, MIGRATIONS)) as database:
        blobs = SqliteBlobs(database, disk_reserve_bytes=0, disk_free=lambda: 1)
        assert await blobs.get(key.hex()) == content
        assert not await is_old(blobs, key.hex(), datetime.now(UTC) - DAY)
        assert await is_old(blobs, key.hex(), datetime.now(UTC) + DAY)


# --- the sweep ----------------------------------------------------------------------


async def test_all_that_was_put_before_a_moment_is_told_to_be_old(blobs: SweptBlobs) -> None:
    ids = await blobs.put([b"", b"one", b"two" * SMALL_BYTES])
    now = datetime.now(UTC)
    assert sorted([blob async for blob in blobs.old(now + DAY)]) == sorted(ids)
    assert [blob async for blob in blobs.old(now - DAY)] == []


async def test_what_is_deleted_is_missing_and_can_be_put_anew(blobs: SweptBlobs) -> None:
    [gone, large, kept] = await blobs.put([b"gone", b"gone" * SMALL_BYTES, b"kept"])
    before = datetime.now(UTC) + DAY
    assert await blobs.delete([gone, large, "0" * 64], before) == 2
    for blob in (gone, large):
        with pytest.raises(BlobMissing):
            await blobs.get(blob)
    assert await blobs.get(kept) == b"kept"
    assert await blobs.put([b"gone"]) == [gone]
    assert await blobs.get(gone) == b"gone"


async def test_what_is_young_is_not_deleted(blobs: SweptBlobs) -> None:
    [blob] = await blobs.put([b"young"])
    assert await blobs.delete([blob], datetime.now(UTC) - DAY) == 0
    assert await blobs.get(blob) == b"young"


@pytest.mark.parametrize("size", [5, SMALL_BYTES + 1])
async def test_what_is_put_again_while_a_sweep_runs_survives_it(
    impatient: SweptBlobs, size: int
) -> None:
    content = b"x" * size
    [blob] = await impatient.put([content])
    before = datetime.now(UTC) + timedelta(seconds=0.01)
    async with asyncio.timeout(10):
        while not await is_old(impatient, blob, before):
            before += timedelta(seconds=0.01)
        assert [each async for each in impatient.old(before)] == [blob]  # the sweep has seen it
        while await is_old(impatient, blob, before):
            assert await impatient.put([content]) == [blob]
    assert await impatient.delete([blob], before) == 0
    assert await impatient.get(blob) == content


@pytest.mark.parametrize("size", [5, SMALL_BYTES + 1])
@pytest.mark.parametrize("kind", ["files", "memory", "sqlite", "by-size"])
async def test_what_is_put_again_at_the_moment_of_its_deletion_is_there(
    kind: str, size: int, tmp_path: Path
) -> None:
    async with made(kind, tmp_path, grace=timedelta(0)) as blobs:
        for number in range(15):
            content = number.to_bytes(2, "big") * size
            [blob] = await blobs.put([content])
            before = datetime.now(UTC) + timedelta(milliseconds=8)
            await until(functools.partial(is_past, before + timedelta(milliseconds=8)))
            await asyncio.gather(blobs.delete([blob], before), blobs.put([content]))
            assert await blobs.get(blob) == content


async def test_a_stream_of_what_is_there_makes_it_young_again(impatient: SweptBlobs) -> None:
    [blob] = await impatient.put([b"abcd"])
    before = datetime.now(UTC) + timedelta(seconds=0.01)
    async with asyncio.timeout(10):
        while await is_old(impatient, blob, before):
            assert await impatient.put_stream(chunks([b"ab", b"cd"])) == (blob, 4)
    assert await impatient.delete([blob], before) == 0


async def test_a_sweep_takes_what_nothing_refers_to(blobs: SweptBlobs) -> None:
    ids = await blobs.put([b"%d" % number for number in range(60)])
    used, unused = ids[:50], ids[50:]
    now = datetime.now(UTC)

    async def sweep_at(at: datetime) -> Swept:
        return await sweep(blobs, chunks(used), now=at, filter_bytes=64 * 1024)

    assert await sweep_at(now) == Swept(marked=50, old=0, deleted=0)
    assert await sweep_at(now + GRACE + DAY) == Swept(marked=50, old=60, deleted=10)
    for blob in unused:
        with pytest.raises(BlobMissing):
            await blobs.size(blob)
    assert [await blobs.size(blob) for blob in used] == [len(b"%d" % n) for n in range(50)]


async def test_a_sweep_whose_marks_can_not_be_read_deletes_nothing(blobs: SweptBlobs) -> None:
    async def broken() -> AsyncIterator[str]:
        yield "0" * 64
        raise ConnectionResetError

    [blob] = await blobs.put([b"kept"])
    with pytest.raises(ConnectionResetError):
        await sweep(blobs, broken(), now=datetime.now(UTC) + 2 * GRACE, filter_bytes=1024)
    assert await blobs.get(blob) == b"kept"


KINDS = ["files", "memory", "sqlite", "by-size", pytest.param("s3", marks=pytest.mark.live)]


@asynccontextmanager
async def made(
    kind: str, folder: Path, *, disk_free: int = 1, grace: timedelta = GRACE
) -> AsyncGenerator[SweptBlobs]:
    disk = {"disk_reserve_bytes": 0, "disk_free": lambda: disk_free}
    async with AsyncExitStack() as opened:
        if kind == "s3":
            client = await opened.enter_async_context(engines.s3())
            yield S3Blobs(client, grace=grace, spool_folder=folder)
            return
        files = FileBlobs(folder / "blobs", **disk, grace=grace)
        database = Database(folder / "blobs.db", MIGRATIONS)
        opened.callback(database.close)
        rows = SqliteBlobs(database, **disk, grace=grace)
        yield {
            "files": files,
            "memory": MemoryBlobs(),
            "sqlite": rows,
            "by-size": BlobsBySize(rows, files),
        }[kind]


@pytest.fixture(params=KINDS)
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[SweptBlobs]:
    async with made(request.param, tmp_path) as blobs:
        yield blobs


@pytest.fixture(params=KINDS)
async def impatient(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[SweptBlobs]:
    """A store that makes young again whatever is put again."""
    async with made(request.param, tmp_path, grace=timedelta(0)) as blobs:
        yield blobs


def is_past(at: datetime) -> bool:
    return datetime.now(UTC) > at


async def is_old(blobs: SweptBlobs, blob: str, before: datetime) -> bool:
    return blob in [each async for each in blobs.old(before)]


async def chunks(contents: list[T]) -> AsyncIterator[T]:
    for content in contents:
        yield content
