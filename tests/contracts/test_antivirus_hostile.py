"""The embedded scanner on archives that were damaged or made to hurt: a verdict, never an error."""

import asyncio
import base64
import bz2
import gzip
import io
import lzma
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.scanner import sealed
from connectors.scanner.bounds import Budget, TooMuch
from connectors.scanner.rules import EICAR, RulesScanner
from connectors.scanner.vba import decompressed
from tests.contracts.hostile_files import (
    FOUND,
    MSI,
    TEXT,
    compound,
    in_7z,
    in_rar,
    pdf,
    stream,
    vba,
)
from topologies.errors import Misconfigured, Retryable
from topologies.events import Finding, VirusVerdict


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
DOCUMENTS = [
    (content, name)
    for kind in ("suspicious", "macro", "executable", "encrypted")
    for name, content in FOUND[kind]
    if not content.startswith((b"7z", b"Rar!")) and len(content) < 20_000
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
        ("setup.exe", "clean"),  # a program all the same, which is a finding
        ("", "clean"),
    ],
)
async def test_a_program_that_is_called_a_document_is_malware(name: str, expected: str) -> None:
    assert (await RulesScanner().scan(b"MZ" + bytes(100), file_name=name)).result == expected


@settings(max_examples=300, deadline=None)
@given(
    document=st.sampled_from(DOCUMENTS),
    changes=st.lists(
        st.tuples(st.integers(0, 20_000), st.binary(max_size=4), st.integers(0, 8)), max_size=6
    ),
)
async def test_a_damaged_document_has_a_verdict(
    document: tuple[bytes, str], changes: list[tuple[int, bytes, int]]
) -> None:
    content = bytearray(document[0])
    for at, new, gone in changes:
        place = at % (len(content) + 1)
        content[place : place + gone] = new
    verdict = await RulesScanner().scan(bytes(content), file_name=document[1])
    assert isinstance(verdict, VirusVerdict)


@pytest.mark.parametrize("made", [in_7z({"a.txt": TEXT}), in_rar("a.txt", TEXT)])
@pytest.mark.parametrize("step", [7, 23, 61])
async def test_a_damaged_archive_of_a_sealed_kind_has_a_verdict(made: bytes, step: int) -> None:
    content = bytearray(made)
    for at in range(8, len(content), step):
        content[at] ^= 0xFF
    verdict = await RulesScanner().scan(bytes(content), file_name="a")
    assert verdict.result == "unscannable"


async def test_a_sealed_archive_that_unpacks_to_very_much_is_a_bomb() -> None:
    verdict = await RulesScanner().scan(in_7z({"a.bin": bytes(3 * 1024**2)}), file_name="a.7z")
    assert [finding.kind for finding in verdict.findings] == ["bomb"]


async def test_sealed_archives_within_each_other_do_not_wait_for_themselves() -> None:
    content = TEXT
    for _ in range(4):
        content = in_7z({"a.7z": content})
    async with asyncio.timeout(4 * sealed.PATIENCE_S):
        both = [RulesScanner().scan(content, file_name="a.7z") for _ in range(sealed.AT_ONCE + 1)]
        verdicts = await asyncio.gather(*both)
    assert {verdict.result for verdict in verdicts} == {"clean"}


@pytest.mark.long
async def test_a_sealed_archive_that_waits_for_those_of_others_uses_up_no_attempt() -> None:
    is_over = threading.Event()

    def take_long() -> None:
        with sealed.place():
            is_over.wait()

    others = [asyncio.to_thread(take_long) for _ in range(sealed.AT_ONCE)]
    working = asyncio.gather(*others)
    await asyncio.sleep(0.1)
    try:
        with pytest.raises(Retryable, match="busy with other archives") as found:
            await RulesScanner().scan(in_7z({"a.txt": TEXT}), file_name="a.7z")
    finally:
        is_over.set()
        await working
    assert found.value.outage


async def test_a_compound_file_that_leads_in_circles_ends() -> None:
    content = bytearray(compound({"WordDocument": bytes(5_000)}, class_id=MSI))
    for sector in range(120):
        content[512 + 4 * sector : 516 + 4 * sector] = (3).to_bytes(4, "little")
    verdict = await RulesScanner().scan(bytes(content), file_name="a.doc")
    assert isinstance(verdict, VirusVerdict)


async def test_a_stream_that_says_it_is_huge_is_not_believed() -> None:
    content = compound({"WordDocument": bytes(5_000)})
    huge = content.replace((5_000).to_bytes(8, "little"), (2**30).to_bytes(8, "little"))
    assert huge != content
    assert (await RulesScanner().scan(huge, file_name="a.doc")).result == "unscannable"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"%PDF-1.7\n" + b"stream\n" * 300_000, id="streams that do not end"),
        pytest.param(b"%PDF-1.7\n" + b"/S " * 500_000 + b" " * 500_000, id="actions"),
        pytest.param(pdf(*[stream(b"/Type /ObjStm", b"x" * 50)] * 1_500), id="streams of objects"),
        pytest.param(b"<svg><script>" + b"new Blob(" * 200_000, id="a page"),
        pytest.param(b"{\\rt" + b"4 5 7 1 7 5 6 1" * 100_000, id="RTF"),
        pytest.param(b"<Relationships" + b" Target='http:" * 150_000, id="relationships"),
        pytest.param(b"powershell " * 200_000, id="commands"),
    ],
)
async def test_what_is_made_to_be_slow_ends_soon(content: bytes) -> None:
    async with asyncio.timeout(20):
        assert (await RulesScanner().scan(content, file_name="a.txt")).result != "unscannable"


async def test_riddles_without_end_are_not_solved() -> None:
    content = b"%PDF-1.7\n" + b"/#" * 1_000_000
    verdict = await RulesScanner().scan(content, file_name="a.pdf")
    assert [finding.kind for finding in verdict.findings] == ["unscannable"]


async def test_a_document_full_of_bombs_is_one_bomb() -> None:
    bomb = stream(b"/Type /EmbeddedFile", bytes(8 * 1024**2))
    verdict = await RulesScanner().scan(pdf(*[bomb] * 40), file_name="a.pdf")
    assert [finding.kind for finding in verdict.findings] == ["bomb"]


def test_what_is_large_by_itself_is_no_bomb() -> None:
    for size_bytes, kind in ((100, "bomb"), (10 * 1024**2, "unscannable")):
        with pytest.raises(TooMuch) as caught:
            Budget(size_bytes=size_bytes).spend(200 * 1024**2)
        assert caught.value.kind == kind


def test_a_small_content_may_hold_some_megabytes() -> None:
    Budget(size_bytes=100).spend(8 * 1024**2)


@pytest.mark.parametrize("source", ["", "Sub AutoOpen()\r\n" * 5_000])
def test_the_source_of_a_macro_comes_out_as_it_went_in(source: str) -> None:
    expected = b'Attribute VB_Name = "ThisDocument"\r\n' + source.encode()
    assert decompressed(vba(source)) == expected


def test_a_macro_that_repeats_itself_is_unpacked() -> None:
    # The example of [MS-OVBA] §3.2.3, "#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa".
    packed = bytes.fromhex(
        "01 2f b0 00 23 61 61 61 62 63 64 65 82 66 00 70 61 67 68 69 6a 01 38 08 61 6b 6c 00 30 6d"
        " 6e 6f 70 06 71 02 70 04 10 72 73 74 75 76 10 77 78 79 7a 00 3c"
    )
    assert decompressed(packed) == b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"


async def test_rules_of_the_deployment_have_a_say(tmp_path: Path) -> None:
    (tmp_path / "ours.yar").write_text(
        """
        rule pump { strings: $a = "pump" condition: $a }
        rule plan { meta: kind = "macro" name = "a plan" strings: $a = "plan" condition: $a }
        rule named { meta: kind = "nonsense" condition: file_name == "a.txt" and filesize == 0 }
        """
    )
    scanner = RulesScanner(str(tmp_path))
    assert (await scanner.scan(b"a pump")).findings == (Finding(kind="malware", name="pump"),)
    assert (await scanner.scan(b"a plan")).findings == (Finding(kind="macro", name="a plan"),)
    assert (await scanner.scan(b"", file_name="A.txt")).findings[0].kind == "malware"
    assert (await scanner.scan(EICAR)).name == "Eicar-Test-Signature"


def test_rules_that_are_none_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "ours.yar").write_text("rule pump { condition: pomp }")
    with pytest.raises(Misconfigured, match=r"ours\.yar.*\n.*1:24"):
        RulesScanner(str(tmp_path))
    with pytest.raises(Misconfigured, match="there is no folder"):
        RulesScanner(str(tmp_path / "absent"))
