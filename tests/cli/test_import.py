"""rillmail import, on memory stores and by SMTP."""

import asyncio
import bz2
import gzip
import hashlib
import lzma
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from structlog.testing import capture_logs

from api.cli.import_mbox import import_mbox
from tests.cli.stores_in_memory import MemoryStores, in_json
from tests.cli.test_send import serving
from topologies.errors import NoSpace
from topologies.events import RAW_INLINE_BYTES, Event, MailReceived
from topologies.mail.ids import time_of

FROM = b"From ann@far.example Mon Mar  2 10:00:00 2026\n"
ONE = b"Subject: one\nDate: Sun, 1 Mar 2026 08:30:00 +0100\n\nfirst\n\n"
TWO = b"Subject: two\n\nsecond\n\n"
MBOX = FROM + ONE + FROM + TWO


def test_each_message_enters_as_if_it_was_received_then(tmp_path: Path) -> None:
    stores = furnished()
    result = stores.bring(saved(tmp_path, MBOX))
    assert (result.exit_code, result.stdout) == (0, "2 added to bo@shop.example\n")
    one, two = stores.log.mails
    assert one.raw == b"Subject: one\r\nDate: Sun, 1 Mar 2026 08:30:00 +0100\r\n\r\nfirst\r\n"
    assert two.raw == b"Subject: two\r\n\r\nsecond\r\n"
    assert one.received_at == datetime(2026, 3, 1, 7, 30, tzinfo=UTC) == time_of(one.mail_id)
    assert two.received_at == datetime(2026, 3, 2, 10, tzinfo=UTC)  # of the From line
    assert (one.origin, one.recipients) == ("import", ("bo@shop.example",))
    assert (one.mail_from, one.size_bytes) == ("ann@far.example", len(one.raw))


def test_a_second_run_adds_nothing_and_says_so(tmp_path: Path) -> None:
    stores = furnished()
    stores.bring(saved(tmp_path, MBOX))
    stores.deliver_all()
    result = stores.bring(saved(tmp_path, MBOX + FROM + b"Subject: three\n\n"))
    assert result.stdout == "1 added to bo@shop.example, 2 were there already\n"
    assert len(stores.log.mails) == 3


def test_a_second_run_before_the_first_is_worked_off_derives_the_same_ids(tmp_path: Path) -> None:
    stores = furnished()
    for _ in range(2):
        stores.bring(saved(tmp_path, MBOX))
    assert [mail.mail_id for mail in stores.log.mails[:2]] == [
        mail.mail_id for mail in stores.log.mails[2:]
    ]


def test_it_ends_when_the_mail_can_be_seen(tmp_path: Path) -> None:
    stores = furnished()
    stores.mailboxes.looks_until_seen = 2
    result = stores.bring(saved(tmp_path, MBOX), "--wait", "60")
    assert result.stdout == "2 added to bo@shop.example\n"


def test_it_says_what_can_not_be_seen_yet(tmp_path: Path) -> None:
    result = furnished().bring(saved(tmp_path, MBOX), "--wait", "0.1")
    assert result.stdout == (
        "2 added to bo@shop.example\n2 of them will be seen when the service has stored them.\n"
    )


def test_a_message_that_is_in_the_file_twice_is_added_once(tmp_path: Path) -> None:
    stores = furnished()
    result = stores.bring(saved(tmp_path, MBOX + MBOX), "--json")
    assert in_json(result) == {"added": 2, "already_there": 2, "not_seen_yet": 0, "refused": []}


@pytest.mark.parametrize(
    "date", ["Fri, 1 Jan 2900 00:00:00 +0000", "Thu, 1 Jan 1970 00:00:00 +0000"]
)
def test_a_date_that_can_not_be_is_not_believed(date: str, tmp_path: Path) -> None:
    stores = furnished()
    stores.clock.move(timedelta(days=365))
    stores.bring(saved(tmp_path, FROM + f"Date: {date}\n\n".encode()))
    assert [mail.received_at for mail in stores.log.mails] == [datetime(2026, 3, 2, 10, tzinfo=UTC)]


def test_large_messages_go_to_the_blob_store(tmp_path: Path) -> None:
    stores = furnished()
    stores.bring(saved(tmp_path, FROM + b"Subject: x\n\n" + b"y" * RAW_INLINE_BYTES))
    [mail] = stores.log.mails
    raw = b"Subject: x\r\n\r\n" + b"y" * RAW_INLINE_BYTES + b"\r\n"
    assert (mail.raw, mail.raw_blob) == (None, hashlib.sha256(raw).hexdigest())
    assert stores.blobs.kept == {mail.raw_blob: raw}


def test_what_is_too_large_is_told_and_the_rest_is_added(tmp_path: Path) -> None:
    stores = furnished()
    path = saved(tmp_path, FROM + b"Subject: x\n\n" + b"y" * 2_000 + b"\n\n" + MBOX)
    result = stores.bring(path, RILLMAIL_MAX_MESSAGE_BYTES="1000")
    assert (result.exit_code, result.stdout) == (1, "2 added to bo@shop.example\n")
    assert result.stderr == "Not imported: mail, message 1: 1.969 KiB is more than 1000 B\n"


def test_it_waits_while_there_is_no_space(tmp_path: Path) -> None:
    stores = furnished()
    stores.log.errors.append(NoSpace("the log is full"))
    result = stores.bring(saved(tmp_path, MBOX))
    assert (result.exit_code, len(stores.log.mails)) == (0, 2)
    assert result.stderr == "the log is full; waiting, Ctrl-C ends it\n"


def test_a_maildir_is_read(tmp_path: Path) -> None:
    for folder, name, content in [("cur", "1:2,S", ONE), ("new", "2", TWO), ("tmp", "3", b"half")]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(content)
    stores = furnished()
    assert stores.bring(tmp_path).stdout == "2 added to bo@shop.example\n"


def test_standard_input_is_read() -> None:
    stores = furnished()
    result = stores.run(import_mbox, "-", "--user", "bo@shop.example", "--wait", "0", typed=MBOX)
    assert result.stdout == "2 added to bo@shop.example\n"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_is_packed_is_told_and_not_taken_for_a_mail(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    stores = furnished()
    path = saved(tmp_path, pack(MBOX))
    result = stores.bring(path)
    assert (result.exit_code, result.stdout, stores.log.mails) == (1, "", [])
    assert f"{path} is no mailbox file but" in result.stderr
    options = ("-", "--user", "bo@shop.example")
    assert stores.run(import_mbox, *options, typed=pack(MBOX)).exit_code == 1


def test_it_goes_by_smtp_to_a_service_anywhere(tmp_path: Path) -> None:
    raw = FROM + b"Subject: x\n\n.\n..\n\n"
    with serving() as house, capture_logs():
        server = f"127.0.0.1:{house.smtp.smtp_port}"
        options = ("--by", "smtp", "--server", server)
        result = furnished().bring(saved(tmp_path, MBOX + raw), *options)
        assert (result.exit_code, result.stdout) == (0, "3 added to bo@shop.example\n")
        assert [mail.mail_from for mail in house.log.mails] == ["ann@far.example"] * 3
        assert house.log.raws[2] == b"Subject: x\r\n\r\n.\r\n..\r\n"


def test_what_the_server_refuses_is_told(tmp_path: Path) -> None:
    with serving() as house, capture_logs():
        server = f"127.0.0.1:{house.smtp.smtp_port}"
        options = ("--by", "smtp", "--server", server)
        result = furnished().bring(saved(tmp_path, MBOX), *options, user="full@shop.example")
        assert (result.exit_code, result.stdout) == (1, "0 added to full@shop.example\n")
        assert result.stderr.startswith("Not imported: 452 4.2.2 The mailbox is full")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["FILE", "--user", "nobody@shop.example"], 1, "there is no user nobody@shop.example"),
        (["/no/such/file", "--user", "bo@shop.example"], 2, "does not exist"),
        (["FOLDER", "--user", "bo@shop.example"], 1, "no Maildir"),
        (["FILE", "--user", "bo@shop.example", "--server", "x:1"], 2, "goes with --by smtp"),
        (["FILE"], 2, "--user"),
    ],
)
def test_what_can_not_be_done_is_told(
    arguments: list[str], exit_code: int, told: str, tmp_path: Path
) -> None:
    paths = {"FILE": str(saved(tmp_path, MBOX)), "FOLDER": str(tmp_path)}
    result = furnished().run(import_mbox, *(paths.get(a, a) for a in arguments))
    assert result.exit_code == exit_code
    assert told in result.stderr
    assert "Traceback" not in result.output


# --- builders -----------------------------------------------------------------------------


class KeptLog:
    def __init__(self) -> None:
        self.mails: list[MailReceived] = []
        self.errors: list[Exception] = []  # each raised once

    async def append(self, events: Sequence[Event]) -> None:
        if self.errors:
            raise self.errors.pop()
        self.mails += [event for event in events if isinstance(event, MailReceived)]


class KeptBlobs:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, contents: Sequence[bytes]) -> list[str]:
        ids = [hashlib.sha256(content).hexdigest() for content in contents]
        self.kept.update(zip(ids, contents, strict=True))
        return ids


class KeptPlaces:
    def __init__(self) -> None:
        self.mail_ids: set[str] = set()
        self.looks = Counter[str]()
        self.looks_until_seen = 1_000_000

    async def places(self, mail_id: str) -> Sequence[tuple[str, str]]:
        self.looks[mail_id] += 1
        if self.looks[mail_id] > self.looks_until_seen:
            self.mail_ids.add(mail_id)
        return [("bo", mail_id)] if mail_id in self.mail_ids else []


@dataclass
class MailStores(MemoryStores):
    log: KeptLog = field(default_factory=KeptLog)
    blobs: KeptBlobs = field(default_factory=KeptBlobs)
    mailboxes: KeptPlaces = field(default_factory=KeptPlaces)

    def bring(self, path: Path, *options: str, user: str = "bo@shop.example", **env: str) -> Result:
        return self.run(import_mbox, str(path), "--user", user, "--wait", "0", *options, **env)

    def deliver_all(self) -> None:
        self.mailboxes.mail_ids = {mail.mail_id for mail in self.log.mails}


def furnished() -> MailStores:
    async def furnish() -> MailStores:
        stores = MailStores()
        await stores.directory.add_domain("shop.example")
        await stores.directory.add_user("bo@shop.example", "secret")
        return stores

    return asyncio.run(furnish())


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "mail"
    path.write_bytes(content)
    return path
