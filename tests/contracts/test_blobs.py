"""What every blob store keeps to."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from connectors.files.blobs import FileBlobs
from connectors.files.blobs_by_size import SMALL_BYTES, BlobsBySize
from connectors.memory.blobs import MemoryBlobs
from connectors.sqlite.blobs import MIGRATIONS, SqliteBlobs
from connectors.sqlite.database import Database
from topologies.errors import BlobMissing, NoSpace
from topologies.ports.blobs import Blobs


async def test_a_blob_is_given_back_by_the_hash_of_its_content(blobs: Blobs) -> None:
    contents = [b"", b"one", bytes(range(256)) * 5_000]
    ids = await blobs.put(contents)
    assert ids == [hashlib.sha256(content).hexdigest() for content in contents]
    assert [await blobs.get(blob) for blob in ids] == contents
    assert [await blobs.size(blob) for blob in ids] == [len(content) for content in contents]


async def test_the_same_content_again_is_the_same_blob(blobs: Blobs) -> None:
    assert await blobs.put([b"same"]) == await blobs.put([b"same"])


async def test_a_stream_becomes_the_blob_that_its_content_would(blobs: Blobs) -> None:
    blob, size = await blobs.put_stream(chunks([b"ab", b"", b"cd"]))
    assert ([blob], size) == (await blobs.put([b"abcd"]), 4)


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
    with made(kind, tmp_path, disk_free=-1) as blobs:
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
    with made("files", tmp_path):
        left = tmp_path / "blobs" / "unfinished" / "999999999-ab"
        left.write_bytes(b"half")
    with made("files", tmp_path):
        assert not left.exists()


async def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    contents = [b"small", b"large" * 100_000]
    with made("by-size", tmp_path) as blobs:
        ids = await blobs.put(contents)
    with made("by-size", tmp_path) as blobs:
        assert [await blobs.get(blob) for blob in ids] == contents


@contextmanager
def made(kind: str, folder: Path, *, disk_free: int = 1) -> Iterator[Blobs]:
    files = FileBlobs(folder / "blobs", disk_reserve_bytes=0, disk_free=lambda: disk_free)
    with closing(Database(folder / "blobs.db", MIGRATIONS)) as database:
        rows = SqliteBlobs(database, disk_reserve_bytes=0, disk_free=lambda: disk_free)
        yield {
            "files": files,
            "memory": MemoryBlobs(),
            "sqlite": rows,
            "by-size": BlobsBySize(rows, files),
        }[kind]


@pytest.fixture(params=["files", "memory", "sqlite", "by-size"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blobs]:
    with made(request.param, tmp_path) as blobs:
        yield blobs


async def chunks(contents: list[bytes]) -> AsyncIterator[bytes]:
    for content in contents:
        yield content
