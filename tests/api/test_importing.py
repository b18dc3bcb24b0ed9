"""POST /import: mail that one brings along, whole, once, with its folder and its marks."""

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli import import_files
from tests.api.desk import Desks, memory_alone
from tests.api.test_mailbox import got

FROM = b"From ann@far.example Mon Mar  2 10:00:00 2026\n"
MBOX = (
    FROM
    + b"Subject: one\nStatus: RO\n\nfirst\n>From here\n\n"
    + FROM
    + b"Subject: two\nStatus: O\nX-Status: F\n\nsecond\n"
)


async def test_a_mailbox_file_comes_in_once_with_what_it_tells(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        told = await brought(ann, MBOX)
        assert told == {"added": 2, "already_there": 0, "refused": [], "refused_count": 0}
        emails = (await got(ann, "/folders/inbox/emails"))["emails"]
        marks = {each["subject"]: (each["is_read"], each["is_starred"]) for each in emails}
        assert marks == {"one": (True, False), "two": (False, True)}
        [first] = [each for each in emails if each["subject"] == "one"]
        raw = (await ann.get(f"/emails/{first['email_id']}/raw")).content
        assert raw == b"Subject: one\r\nStatus: RO\r\n\r\nfirst\r\nFrom here\r\n"

        again = await brought(ann, in_pieces(MBOX, 7))
        assert (again["added"], again["already_there"]) == (0, 2)


async def test_what_was_exported_comes_back_byte_for_byte(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        raw = b"From: Cy <cy@far.example>\r\nSubject: x\r\n\r\nFrom me\r\n>From you\r\n\r\n"
        await brought(ann, raw, folder="Work/2025", is_starred="true", is_read="false")
        folders = {each["path"]: each for each in await got(ann, "/folders")}
        [mail] = (await got(ann, f"/folders/{folders['Work/2025']['folder_id']}/emails"))["emails"]
        assert (mail["is_starred"], mail["is_read"]) == (True, False)
        assert (await ann.get(f"/emails/{mail['email_id']}/raw")).content == raw
        assert (await got(bo, "/folders/inbox/emails"))["emails"] == []


async def test_a_maildir_comes_out_and_goes_in_file_by_file(a_desk: Desks, tmp_path: Path) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        raw = b"Date: Mon, 2 Mar 2026 10:00:00 +0000\r\nSubject: x\r\n\r\nFrom me\r\n"
        await brought(ann, raw, folder="Wörk/2025", is_starred="true")
        await brought(ann, raw + b"more\r\n")
        answer = await ann.get("/export", params={"what": "mail", "format": "maildir"})
        with zipfile.ZipFile(io.BytesIO(answer.content)) as held:
            assert held.testzip() is None
            held.extractall(tmp_path)
        found = import_files.files(tmp_path / "Maildir")
        messages = [each for _, each in import_files.read(found, 10**6, lambda _: None)]
        told = {
            each.raw: (each.filing.folder, each.filing.is_starred)
            for each in messages
            if each.filing is not None
        }
        assert told == {raw: ("Wörk/2025", True), raw + b"more\r\n": ("inbox", False)}
        for folder in (tmp_path / "Maildir", tmp_path / "Maildir" / ".W&APY-rk.2025"):
            assert {each.name for each in folder.iterdir()} >= {"cur", "new", "tmp"}


@memory_alone
@pytest.mark.parametrize(
    ("body", "query", "status", "detail"),
    [
        (b"", "", 422, "holds no mail"),
        (b"\x1f\x8b\x08\x00rubbish", "", 415, "gzip"),
        (b"PK\x03\x04", "", 415, "zip"),
        (b"Subject: x\n\ny", "folder=%00", 400, "folder"),
        (b"Subject: x\n\ny", "folder=a//b", 400, "folder"),
        (b"Subject: x\n\ny", "is_read=maybe", 400, "is_read"),
    ],
)
async def test_what_is_no_mail_is_refused(
    a_desk: Desks, body: bytes, query: str, status: int, detail: str
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        answer = await ann.post(f"/import?{query}", content=body)
        assert answer.status_code == status, answer.text
        assert detail in answer.text
        assert (await got(ann, "/folders/inbox/emails"))["emails"] == []


@memory_alone
async def test_a_message_that_is_too_large_is_told_and_the_others_come(a_desk: Desks) -> None:
    async with a_desk(max_message_bytes=1_000) as desk:
        ann = await desk.signed_in("ann")
        large = FROM + b"Subject: large\n\n" + b"text\n" * 300 + b"\n"
        told = await brought(ann, MBOX + b"\n" + large + MBOX.replace(b"one", b"three"))
        assert (told["added"], told["refused_count"]) == (3, 1)
        [refused] = told["refused"]
        assert refused["number"] == 3
        assert "1,000" in refused["detail"]


@memory_alone
async def test_a_mailbox_that_is_full_takes_what_has_room_and_tells(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        root = await desk.signed_in("root")
        user = await desk.user("ann")
        patch = {"quota_bytes": 60}
        answer = await root.patch(f"/admin/users/{user.user_id}", json=patch)
        assert answer.status_code == 200, answer.text
        answer = await ann.post("/import", content=MBOX)
        assert answer.status_code == 507
        assert answer.json()["type"].endswith("quota-exceeded")
        assert "1 added" in answer.json()["detail"]
        assert len((await got(ann, "/folders/inbox/emails"))["emails"]) == 1


@memory_alone
async def test_one_of_a_user_runs_at_a_time(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")

        async def slowly() -> AsyncIterator[bytes]:
            yield MBOX[:20]
            second = await ann.post("/import", content=MBOX)
            assert second.status_code == 429
            assert int(second.headers["Retry-After"])
            assert (await bo.post("/import", content=MBOX)).status_code == 202
            yield MBOX[20:]

        assert (await ann.post("/import", content=slowly())).json()["added"] == 2
        assert (await ann.post("/import", content=MBOX)).status_code == 202


async def brought(
    client: httpx.AsyncClient, content: bytes | AsyncIterator[bytes], **query: str
) -> dict[str, Any]:
    """Return what is told of *content*."""
    headers = {"Content-Type": "application/mbox"}
    answer = await client.post("/import", content=content, params=query, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]
