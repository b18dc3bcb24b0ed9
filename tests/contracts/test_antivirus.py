"""What every scanner finds, and what it never calls clean."""

import gzip
import io
import zipfile

import pytest

from connectors.scanner.rules import EICAR, RulesScanner


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, lambda content: zipped(zipped(content))])
async def test_the_test_file_is_found_also_in_archives(wrap) -> None:  # type: ignore[no-untyped-def]
    assert (await RulesScanner().scan(wrap(EICAR))).result == "infected"


@pytest.mark.parametrize("content", [b"", b"Good morning.\r\n", b"PK is no archive"])
async def test_what_is_harmless_is_clean(content: bytes) -> None:
    assert (await RulesScanner().scan(content)).result == "clean"


async def test_an_archive_bomb_is_unscannable() -> None:
    bomb = zipped(bytes(300 * 1024 * 1024))
    assert len(bomb) < 1024 * 1024
    assert (await RulesScanner().scan(bomb)).result == "unscannable"


async def test_an_archive_that_is_cut_off_is_not_called_clean() -> None:
    assert (await RulesScanner().scan(zipped(b"x" * 5_000)[:60])).result != "clean"


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.bin", content)
    return file.getvalue()
