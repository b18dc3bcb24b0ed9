"""Our stages, as Rillmail runs them: run this in an environment where both are installed."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from rillmail_extras.archive import Archive, GroupedArchive, Row, row_of
from rillmail_extras.enrich.archive_mail import archive_mail
from rillmail_extras.enrich.classify_language import classify_language
from rillmail_extras.enrich.find_invitations import find_invitations
from rillmail_extras.events import InvitationFound, LanguageFound
from rillmail_extras.services import FolderStore

from connectors.assembly.in_memory import DOMAIN, in_memory
from connectors.kafka.topics import paths
from topologies.drawing.asyncapi import described
from topologies.errors import Retryable
from topologies.events import INBOX, Attachment, Deliver, MailReceived, Message, RawRef
from topologies.ports.blobs import Blobs
from topologies.testing import Driver, run_twice
from topologies.topology import build

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CALENDAR = (
    b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@far.example\r\n"
    b'SUMMARY:Coffee\\, at\r\n  last\r\nDTSTART;TZID="Europe/Berlin":20260302T100000\r\n'
    b"BEGIN:VALARM\r\nSUMMARY:no\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
MAIL = (
    b"From: zoe@far.example\r\nTo: ann@shop.example\r\nSubject: Kaffee\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nDas ist die Einladung zu dem Kaffee mit uns.\r\n"
    b"--b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n" + CALENDAR + b"--b--\r\n"
)


def test_the_stages_are_found_on_a_path_of_their_own() -> None:
    ours = {stage.name for stage in build().stages if stage.path == "enrich"}
    assert ours == {"classify_language", "find_invitations", "archive_mail"}
    assert "enrich" in paths()  # of the topics that a cluster is prepared with
    assert {"mail.languages", "enrich.dead"} < described(build())["channels"].keys()


async def test_a_mail_that_comes_in_is_classified_and_its_invitation_found(tmp_path: Path) -> None:
    services = await in_memory() | {Archive: archive_in(tmp_path)}
    driver = Driver(services)
    await driver.pipe(received())
    [language] = driver.read(LanguageFound)
    [invitation] = driver.read(InvitationFound)
    assert language.language == "de"
    assert (invitation.method, invitation.uid) == ("REQUEST", "1@far.example")
    assert (invitation.summary, invitation.starts) == ("Coffee, at last", "20260302T100000")
    assert invitation.time_zone == "Europe/Berlin"
    [row] = rows_in(tmp_path)
    assert (row["email_id"], row["language"]) == (language.email_id, "de")
    assert driver.dead_letters() == []


@pytest.mark.parametrize("stage", [classify_language, find_invitations, archive_mail])
async def test_a_replay_leads_to_the_same(stage: Any, tmp_path: Path) -> None:
    services = await in_memory() | {Archive: archive_in(tmp_path)}
    [blob] = await services[Blobs].put([CALENDAR])
    await run_twice(stage, delivery(blob), services)
    assert len(rows_in(tmp_path)) in (0, 1)  # the archive has one row, the others none


@pytest.mark.parametrize("content", [b"", b"BEGIN:VEVENT", b"\xff" * 999, b":" * 999, b'"' * 999])
async def test_what_is_no_calendar_holds_no_invitation(content: bytes, tmp_path: Path) -> None:
    services = await in_memory()
    [blob] = await services[Blobs].put([content])
    assert await run_twice(find_invitations, delivery(blob), services) == ()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the invoice of this month is with you", "en"),
        ("la facture est dans le courrier que nous avons", "fr"),
        ("Это письмо на русском языке", "ru"),
        ("これは日本語の手紙です", "ja"),
        ("42", "und"),
    ],
)
async def test_languages_are_told_apart(text: str, language: str) -> None:
    [found] = await classify_language(delivery("0" * 64, text=text))
    assert isinstance(found, LanguageFound)
    assert found.language == language


async def test_rows_that_come_together_are_one_file_and_a_replay_of_them_too(
    tmp_path: Path,
) -> None:
    for _ in range(2):
        archive = archive_in(tmp_path)
        await asyncio.gather(*(archive.add(row(f"{number}")) for number in range(20)))
    assert len(files_in(tmp_path)) == 1
    assert [each["email_id"] for each in rows_in(tmp_path)] == sorted(map(str, range(20)))


async def test_a_row_that_could_not_be_written_is_told_to_all_who_wait(tmp_path: Path) -> None:
    (tmp_path / "mail").touch()  # no folder can be made there
    archive = archive_in(tmp_path)
    told = await asyncio.gather(
        *(archive.add(row(f"{number}")) for number in range(3)), return_exceptions=True
    )
    assert [type(each) for each in told] == [Retryable] * 3
    (tmp_path / "mail").unlink()
    await archive.add(row("0"))
    assert len(rows_in(tmp_path)) == 1


async def test_who_is_stopped_while_writing_leaves_the_others_to_try_again(tmp_path: Path) -> None:
    archive = archive_in(tmp_path, linger_s=30)
    first = asyncio.create_task(archive.add(row("1")))
    await asyncio.sleep(0)
    second = asyncio.create_task(archive.add(row("2")))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(Retryable):
        await second
    assert rows_in(tmp_path) == []


def archive_in(folder: Path, linger_s: float = 0.01) -> GroupedArchive:
    return GroupedArchive(FolderStore(folder), linger_s=linger_s)


def files_in(folder: Path) -> Sequence[Path]:
    return sorted(folder.rglob("*.parquet"))


def rows_in(folder: Path) -> Sequence[dict[str, Any]]:
    return [
        row
        for file in files_in(folder)
        for row in pyarrow.parquet.read_table(io.BytesIO(file.read_bytes())).to_pylist()
    ]


def row(email_id: str) -> Row:
    return replace(row_of(delivery("0" * 64)), email_id=email_id)


def delivery(blob: str, text: str = "hello") -> Deliver:
    part = Attachment(
        attachment_id="1",
        file_name="invite.ics",
        content_type="text/calendar",
        size_bytes=1,
        blob=blob,
    )
    return Deliver(
        user_id="user-1",
        command_id="command-1",
        issued_at=AT,
        email_id="email-1",
        mail_id="mail-1",
        folder_id=INBOX,
        message=Message(subject="", text=text, attachments=(part,)),
        raw_ref=RawRef(blob="0" * 64, kind="whole", size_bytes=1),
        received_at=AT,
    )


def received() -> MailReceived:
    return MailReceived(
        mail_id="019ca945-0a00-788f-aaa8-18612655d5a4",
        received_at=AT,
        origin="smtp",
        mail_from="zoe@far.example",
        recipients=(f"ann@{DOMAIN}",),
        size_bytes=len(MAIL),
        raw=MAIL,
    )
