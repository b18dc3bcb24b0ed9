"""scan: malware in a mail is found wherever it is hidden."""

import base64
import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.memory.blobs import MemoryBlobs
from connectors.scanner.rules import EICAR, RulesScanner
from tests.contracts.hostile_files import PROGRAM, zipped
from topologies.errors import BlobMissing, Retryable
from topologies.events import (
    Attachment,
    Authentication,
    Finding,
    MailAuthenticated,
    MailScanned,
    MalwareAction,
    Message,
    RawRef,
    Release,
    VirusVerdict,
)
from topologies.inbound.scan import scan
from topologies.ports.antivirus import Antivirus
from topologies.ports.policy import MalwarePolicy

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
USUAL = MalwarePolicy()
RAW = b"Subject: hello\r\n\r\nhello\r\n"
ENCODED = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(EICAR)


class KeepingScanner:
    """Finds what it was told to find, and keeps what it was shown."""

    def __init__(self, **verdicts: VirusVerdict) -> None:
        self._verdicts = verdicts
        self.shown: list[tuple[bytes, str]] = []

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:
        self.shown.append((content, file_name))
        return self._verdicts.get(content.decode(), VirusVerdict(result="clean"))


class DeadScanner:
    """Is down."""

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:
        raise Retryable("the scanner is down", outage=True)


async def test_a_harmless_mail_is_clean() -> None:
    blobs, attachments = await stored(("a.txt", b"hello"), ("b.bin", bytes(100)))
    mail = authenticated(message=Message(text="hello", html="<p>hello", attachments=attachments))
    assert await found(mail, blobs) == VirusVerdict(result="clean")


@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
async def test_an_infected_attachment_is_found_and_named(wrap: Any) -> None:
    blobs, attachments = await stored(("a.txt", b"hello"), ("invoice.pdf", wrap(EICAR)))
    mail = authenticated(raw=ENCODED, message=Message(attachments=attachments))
    assert await found(mail, blobs) == quarantined("Eicar-Test-Signature", "invoice.pdf")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"raw": b"Subject: x\r\n\r\n" + EICAR}, id="the raw message"),
        pytest.param({"message": Message(text=EICAR.decode())}, id="the decoded text"),
        pytest.param({"message": Message(html=EICAR.decode())}, id="the decoded HTML"),
    ],
)
async def test_what_is_in_the_message_itself_is_found(changes: dict[str, Any]) -> None:
    verdict = await found(authenticated(**changes), MemoryBlobs())
    assert verdict == quarantined("Eicar-Test-Signature")


async def test_bodies_and_messages_in_blobs_are_scanned_as_a_whole() -> None:
    blobs = MemoryBlobs()
    raw, text, html = await blobs.put([RAW, b"x" * 200_000 + EICAR, b"<p>"])
    message = Message(text="x" * 100, text_blob=text, html_blob=html)
    ref = RawRef(blob=raw, kind="whole", size_bytes=len(RAW))
    mail = authenticated(raw=None, raw_ref=ref, message=message)
    assert (await found(mail, blobs)).result == "infected"


async def test_what_can_not_be_scanned_says_so_and_an_infected_part_says_more() -> None:
    closed = ("secret.rar", b"Rar!\x1a\x07\x00 nobody can look into this")
    blobs, attachments = await stored(closed, ("b.txt", b"hello"))
    verdict = await found(authenticated(message=Message(attachments=attachments)), blobs)
    assert (verdict.result, verdict.part) == ("unscannable", "secret.rar")
    blobs, attachments = await stored(closed, ("b.txt", EICAR))
    verdict = await found(authenticated(message=Message(attachments=attachments)), blobs)
    assert (verdict.result, verdict.part) == ("infected", "b.txt")


async def test_a_mail_with_more_parts_than_were_listed_is_not_called_clean() -> None:
    verdict = await found(authenticated(message=Message(truncated=True)), MemoryBlobs())
    assert (verdict.result, verdict.name, verdict.action) == (
        *("unscannable", "too many parts"),
        "tag",
    )


async def test_the_same_file_twice_is_looked_at_once() -> None:
    blobs, attachments = await stored(*[("a.txt", b"hello")] * 50, ("b.txt", b"hello"))
    scanner = KeepingScanner()
    await found(authenticated(message=Message(attachments=attachments)), blobs, scanner)
    assert [name for _, name in scanner.shown] == ["", "a.txt", "b.txt"]


async def test_after_an_infected_part_nothing_more_is_read() -> None:
    blobs, attachments = await stored(("a.txt", b"bad"), ("b.txt", b"hello"))
    scanner = KeepingScanner(bad=VirusVerdict(result="infected", name="Bad", part="inner.exe"))
    mail = authenticated(message=Message(attachments=attachments))
    assert await found(mail, blobs, scanner) == quarantined("Bad", "a.txt/inner.exe")
    assert len(scanner.shown) == 2


async def test_no_mail_passes_while_the_scanner_is_down() -> None:
    with pytest.raises(Retryable):
        await scan(authenticated(), antivirus=DeadScanner(), blobs=MemoryBlobs(), policy=USUAL)


async def test_a_part_that_is_missing_is_not_passed_over() -> None:
    _, attachments = await stored(("a.txt", b"hello"))
    mail = authenticated(message=Message(attachments=attachments))
    with pytest.raises(BlobMissing):
        await scan(mail, antivirus=RulesScanner(), blobs=MemoryBlobs(), policy=USUAL)


async def test_a_mail_scanned_again_gives_the_same_event() -> None:
    mail = authenticated(message=Message(text="hello"))
    first = await scan(mail, antivirus=RulesScanner(), blobs=MemoryBlobs(), policy=USUAL)
    assert await scan(mail, antivirus=RulesScanner(), blobs=MemoryBlobs(), policy=USUAL) == first


@pytest.mark.parametrize("action", ["reject", "quarantine", "tag", "deliver"])
async def test_the_policy_says_what_follows_from_a_kind_of_finding(action: MalwareAction) -> None:
    blobs, attachments = await stored(("setup.exe", PROGRAM))
    mail = authenticated(message=Message(attachments=attachments))
    verdict = await found(mail, blobs, policy=MalwarePolicy(executable=action))
    assert (verdict.result, verdict.action) == ("clean", action)
    assert verdict.is_held == (action in ("reject", "quarantine"))


async def test_the_strictest_of_several_actions_counts_and_its_finding_is_told() -> None:
    locked = zipped({"letter.txt": b"secret"}, is_locked=True)
    blobs, attachments = await stored(("a.exe", PROGRAM), ("b.zip", locked))
    mail = authenticated(message=Message(attachments=attachments))
    policy = MalwarePolicy(executable="tag", encrypted="quarantine")
    verdict = await found(mail, blobs, policy=policy)
    assert (verdict.action, verdict.part) == ("quarantine", "b.zip/letter.txt")
    assert verdict.findings[0].kind == "encrypted"
    assert {finding.kind for finding in verdict.findings} == {"encrypted", "executable"}


async def test_what_was_let_out_of_the_quarantine_is_not_looked_at_again() -> None:
    found_before = (Finding(kind="malware", name="Eicar-Test-Signature", part="a.txt"),)
    release = Release(by="root@shop.example", mail_id="m0", findings=found_before)
    mail = authenticated(raw=ENCODED, released=release)
    [event] = await scan(mail, antivirus=DeadScanner(), blobs=MemoryBlobs(), policy=USUAL)
    assert isinstance(event, MailScanned)
    assert event.virus == VirusVerdict(result="clean", findings=found_before, action="tag")


async def test_a_mail_full_of_bombs_costs_one() -> None:
    blobs, attachments = await stored(*[(f"{n}.txt", b"bomb") for n in range(50)])
    scanner = KeepingScanner(
        bomb=VirusVerdict(result="unscannable", findings=(Finding(kind="bomb", name="bomb"),))
    )
    await found(authenticated(message=Message(attachments=attachments)), blobs, scanner)
    assert len(scanner.shown) == 2  # the message itself, and the first of them


# --- builders -----------------------------------------------------------------------


def authenticated(**changes: Any) -> MailAuthenticated:
    mail = MailAuthenticated(
        mail_id="m1",
        received_at=AT,
        origin="smtp",
        mail_from="ann@elsewhere.example",
        recipients=("bo@shop.example",),
        size_bytes=len(RAW),
        raw=RAW,
        message=Message(text="hello"),
        raw_ref=RawRef(blob="0" * 64, kind="whole", size_bytes=len(RAW)),
        authentication=Authentication(),
    )
    return msgspec.structs.replace(mail, **changes)


async def stored(*files: tuple[str, bytes]) -> tuple[MemoryBlobs, Sequence[Attachment]]:
    blobs = MemoryBlobs()
    ids = await blobs.put([content for _, content in files])
    return blobs, tuple(
        Attachment(
            attachment_id=str(n),
            file_name=name,
            content_type="application/octet-stream",
            size_bytes=len(content),
            blob=blob,
        )
        for n, ((name, content), blob) in enumerate(zip(files, ids, strict=True), 1)
    )


async def found(
    mail: MailAuthenticated,
    blobs: MemoryBlobs,
    antivirus: Antivirus | None = None,
    policy: MalwarePolicy = USUAL,
) -> VirusVerdict:
    [event] = await scan(mail, antivirus=antivirus or RulesScanner(), blobs=blobs, policy=policy)
    assert isinstance(event, MailScanned)
    return event.virus


def quarantined(name: str, part: str = "") -> VirusVerdict:
    return VirusVerdict(
        result="infected",
        name=name,
        part=part,
        findings=(Finding(kind="malware", name=name, part=part),),
        action="quarantine",
    )
