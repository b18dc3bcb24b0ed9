"""What every blob store keeps to."""

import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from connectors.files.blobs import FileBlobs
from connectors.memory.blobs import MemoryBlobs
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


async def test_a_nearly_full_disk_refuses_a_new_blob(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs", disk_reserve_bytes=10, disk_free=lambda: 9)
    with pytest.raises(NoSpace):
        await blobs.put([b"x"])
    with pytest.raises(NoSpace):
        await blobs.put_stream(chunks([b"x"]))


async def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    in_files(tmp_path)
    left = tmp_path / "blobs" / "unfinished" / "999999999-ab"
    left.write_bytes(b"half")
    in_files(tmp_path)
    assert not left.exists()


def in_files(folder: Path) -> FileBlobs:
    return FileBlobs(folder / "blobs", disk_reserve_bytes=0, disk_free=lambda: 1)


def in_memory(folder: Path) -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture(params=[in_files, in_memory])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    make: Callable[[Path], Blobs] = request.param
    return make(tmp_path)


async def chunks(contents: list[bytes]) -> AsyncIterator[bytes]:
    for content in contents:
        yield content
