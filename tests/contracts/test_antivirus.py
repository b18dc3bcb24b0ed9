"""What every scanner finds, and what it never calls clean."""

import gzip
import io
import os
import zipfile
from collections.abc import AsyncIterator, Callable
from typing import Literal, TypeAlias

import pytest

from connectors.clamav.clamd import ClamdAntivirus
from connectors.scanner.all import AllScanners
from connectors.scanner.rules import EICAR, RulesScanner
from tests.contracts.hostile_files import FOUND, HARMLESS, PROGRAM, tnef
from topologies.events import VirusVerdict
from topologies.ports.antivirus import Antivirus

VirusResult: TypeAlias = Literal["clean", "infected", "unscannable"]
WITHIN = 200 * 1024  # bytes of random content


@pytest.fixture(params=["rules", pytest.param("rules and clamd", marks=pytest.mark.live)])
async def antivirus(request: pytest.FixtureRequest) -> AsyncIterator[Antivirus]:
    if request.param == "rules":
        yield RulesScanner()
        return
    daemon = await live_clamd()
    yield AllScanners(RulesScanner(), daemon)
    await daemon.close()


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, lambda content: zipped(zipped(content))])
async def test_the_test_file_is_found_also_in_archives(
    antivirus: Antivirus, wrap: Callable[[bytes], bytes]
) -> None:
    assert (await antivirus.scan(wrap(EICAR))).result == "infected"


@pytest.mark.parametrize("content", [b"", b"Good morning.\r\n", b"PK is no archive"])
async def test_what_is_harmless_is_clean(antivirus: Antivirus, content: bytes) -> None:
    assert (await antivirus.scan(content)).result == "clean"


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        pytest.param(kind, name, content, id=f"{kind} {n} {name}")
        for kind, files in FOUND.items()
        for n, (name, content) in enumerate(files)
    ],
)
async def test_what_a_file_is_and_does_is_found_whatever_it_is_called(
    antivirus: Antivirus, kind: str, name: str, content: bytes
) -> None:
    verdict = await antivirus.scan(content, file_name=name)
    # Clamd knows some of them as malware, and nothing is worse than that.
    kinds = {finding.kind for finding in verdict.findings}
    assert kind in kinds or "malware" in kinds
    if kind in ("malware", "suspicious"):
        assert verdict.result == "infected"
    elif kind in ("encrypted", "bomb", "unscannable"):
        assert verdict.result != "clean"


@pytest.mark.parametrize("name", list(HARMLESS))
async def test_usual_files_are_clean(antivirus: Antivirus, name: str) -> None:
    assert await antivirus.scan(HARMLESS[name], file_name=name) == VirusVerdict(result="clean")


async def test_a_finding_names_the_way_to_the_part(antivirus: Antivirus) -> None:
    content = zipped(PROGRAM)
    verdict = await antivirus.scan(tnef("a.zip", content), file_name="winmail.dat")
    assert "a.zip/inner.bin" in {finding.part for finding in verdict.findings}


async def test_an_archive_bomb_is_unscannable(antivirus: Antivirus) -> None:
    bomb = zipped(bytes(40 * 1024 * 1024))
    assert len(bomb) < 1024 * 1024
    assert (await antivirus.scan(bomb)).result == "unscannable"


async def test_an_archive_that_is_cut_off_is_not_called_clean(antivirus: Antivirus) -> None:
    assert (await antivirus.scan(zipped(b"x" * 5_000)[:60])).result != "clean"


@pytest.mark.live
async def test_clamd_finds_what_its_signatures_know_in_small_and_large() -> None:
    antivirus = await live_clamd()
    noise = os.urandom(WITHIN)
    for clean in (b"", b"Good morning.\r\n", noise, bytes(25 * 1024**2)):
        assert (await antivirus.scan(clean)).result == "clean"
        found = await antivirus.scan(EICAR)
        assert (found.result, "Eicar" in found.name) == ("infected", True)
    for wrapped in (gzip.compress(EICAR), zipped(zipped(EICAR)), zipped(noise + EICAR)):
        assert (await antivirus.scan(wrapped)).result == "infected"
    await antivirus.close()


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([], "clean"),
        (["clean", "clean"], "clean"),
        (["unscannable", "clean"], "unscannable"),
        (["clean", "unscannable"], "unscannable"),
        (["unscannable", "infected"], "infected"),
        (["infected", "unscannable"], "infected"),
    ],
)
async def test_of_several_scanners_the_worst_verdict_counts(
    verdicts: list[VirusResult], worst: VirusResult
) -> None:
    scanners = [Decided(verdict) for verdict in verdicts]
    assert (await AllScanners(*scanners).scan(b"content")).result == worst


async def live_clamd() -> ClamdAntivirus:
    from tests.live.engines import clamd  # which loads the libraries of all engines

    return ClamdAntivirus(await clamd())


class Decided:
    """A scanner that says the same of all."""

    def __init__(self, result: VirusResult) -> None:
        self._result: VirusResult = result

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:
        return VirusVerdict(result=self._result)

    async def close(self) -> None: ...


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.bin", content)
    return file.getvalue()
