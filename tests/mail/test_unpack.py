"""One file out of what may be packed, whoever packed it."""

import gzip
import io
import struct
import time
import zipfile

import pytest

from tests.reports import zipped
from topologies.mail.unpack import unpacked

CONTENT = b"<feedback/>" * 100
MOST = 10_000


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(CONTENT, id="as it is"),
        pytest.param(gzip.compress(CONTENT), id="gzip"),
        pytest.param(gzip.compress(CONTENT) + b"\0\0", id="gzip with bytes behind"),
        pytest.param(zipped(CONTENT), id="zip"),
    ],
)
def test_what_is_packed_is_unpacked(packed: bytes) -> None:
    assert unpacked(packed, MOST) == CONTENT


def test_a_zip_may_be_stored_and_begin_with_a_folder() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.mkdir("reports")
        archive.writestr("reports/one.xml", CONTENT)
        archive.writestr("reports/two.xml", b"another")
    assert unpacked(file.getvalue(), MOST) == CONTENT


def test_a_zip_that_tells_sizes_behind_its_file_is_unpacked() -> None:
    file = Unseekable()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.xml", CONTENT)
    assert unpacked(file.getvalue(), MOST) == CONTENT


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        pytest.param(CONTENT * 100, "more than 10000 bytes", id="too much as it is"),
        pytest.param(gzip.compress(CONTENT)[:-10], "ends in the middle", id="half a gzip"),
        pytest.param(zipped(CONTENT)[:40], "ends in the middle", id="half a zip"),
        pytest.param(b"\x1f\x8b" + b"x" * 50, "can't be unpacked", id="no gzip"),
        pytest.param(b"PK\x03\x04", "no file", id="a zip of four bytes"),
        pytest.param(b"PK\x03\x04" + b"\xff" * 60, "encrypted", id="noise after the magic"),
    ],
)
def test_what_can_not_be_unpacked_says_why(packed: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpacked(packed, MOST)


def test_an_encrypted_and_an_oddly_packed_file_are_refused() -> None:
    header = bytearray(zipped(CONTENT))
    struct.pack_into("<H", header, 6, 1)
    with pytest.raises(ValueError, match="encrypted"):
        unpacked(bytes(header), MOST)
    header = bytearray(zipped(CONTENT))
    struct.pack_into("<H", header, 8, 14)  # LZMA
    with pytest.raises(ValueError, match="not known"):
        unpacked(bytes(header), MOST)


@pytest.mark.parametrize("pack", [gzip.compress, zipped], ids=["gzip", "zip"])
def test_a_bomb_is_unpacked_no_further_than_was_asked(pack: object) -> None:
    bomb = pack(bytes(50_000_000))  # type: ignore[operator]
    began = time.perf_counter()
    with pytest.raises(ValueError, match="more than 10000 bytes"):
        unpacked(bomb, MOST)
    assert time.perf_counter() - began < 1.0


class Unseekable(io.BytesIO):
    """A file that can't go back, so that what is written tells sizes behind."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise OSError("it can't go back")

    def tell(self) -> int:
        raise OSError("it does not say")
