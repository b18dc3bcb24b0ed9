"""The embedded scanner on archives that were damaged or made to hurt: a verdict, never an error."""

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.scanner.rules import EICAR, RulesScanner
from topologies.events import VirusVerdict


def zipped(content: bytes, method: int = zipfile.ZIP_DEFLATED, name: str = "a.txt") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(name, content)
        archive.writestr("folder/b.txt", b"hello")
    return file.getvalue()


def tarred(content: bytes, size: int | None = None, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo("a.txt")
    info.size, info.type = len(content) if size is None else size, kind
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[257:265] = b"ustar\x0000"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\x00 " % sum(header)
    return bytes(header) + content + bytes(-len(content) % 512) + bytes(1024)


def attached(content: bytes) -> bytes:
    return (
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nhi\n--x\n"
        b"Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(content)
        + b"--x--\n"
    )


ARCHIVES = [
    (zipped(EICAR), "a.zip"),
    (zipped(EICAR, zipfile.ZIP_BZIP2), "a.zip"),
    (zipped(EICAR, zipfile.ZIP_STORED), "a.zip"),
    (tarred(zipped(EICAR)), "a.tar"),
    (gzip.compress(tarred(EICAR)), "a.tgz"),
    (bz2.compress(zipped(EICAR)), "a.bz2"),
    (lzma.compress(zipped(EICAR)), "a.xz"),
    (attached(zipped(EICAR)), "a.eml"),
]


@pytest.mark.parametrize(("content", "name"), ARCHIVES)
async def test_the_test_file_is_found_in_every_kind(content: bytes, name: str) -> None:
    assert (await RulesScanner().scan(content, file_name=name)).result == "infected"


@settings(max_examples=150, deadline=None)
@given(
    archive=st.sampled_from(ARCHIVES),
    changes=st.lists(
        st.tuples(st.integers(0, 100_000), st.binary(max_size=4), st.integers(0, 8)), max_size=6
    ),
)
async def test_a_damaged_archive_has_a_verdict(
    archive: tuple[bytes, str], changes: list[tuple[int, bytes, int]]
) -> None:
    content = bytearray(archive[0])
    for at, new, gone in changes:
        place = at % (len(content) + 1)
        content[place : place + gone] = new
    verdict = await RulesScanner().scan(bytes(content), file_name=archive[1])
    assert isinstance(verdict, VirusVerdict)


async def test_a_file_without_a_name_is_no_error() -> None:
    content = zipped(EICAR, zipfile.ZIP_STORED).replace(b"a.txt", b"\x00.txt")
    assert (await RulesScanner().scan(content)).result != "clean"


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [-512, -1024, -(2**40), 2**40])
async def test_a_size_that_leads_backwards_ends(kind: bytes, size: int) -> None:
    content = tarred(b"hello") + tarred(b"hello", size, kind)
    verdict = await RulesScanner().scan(tarred(b"x" * 512)[:1024] + content)
    assert verdict.result in ("clean", "unscannable")


async def test_archives_in_archives_are_opened_to_some_depth() -> None:
    content = EICAR
    for _ in range(4):
        content = zipped(content)
    assert (await RulesScanner().scan(content)).result == "infected"
    for _ in range(20):
        content = gzip.compress(content)
    assert (await RulesScanner().scan(content)).result == "unscannable"


async def test_an_archive_of_very_many_files_is_unscannable() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for n in range(3_000):
            archive.writestr(str(n), b"")
    assert (await RulesScanner().scan(file.getvalue())).result == "unscannable"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("invoice.pdf.exe", "infected"),
        ("photo\u202egpj.exe", "infected"),
        ("invoice.PDF .scr", "infected"),
        ("setup.exe", "clean"),
        ("", "clean"),
    ],
)
async def test_a_program_that_is_called_a_document_is_malware(name: str, expected: str) -> None:
    assert (await RulesScanner().scan(b"MZ" + bytes(100), file_name=name)).result == expected
