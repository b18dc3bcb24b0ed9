"""rillmail import imap, from a real Dovecot: all of it comes, once, and nothing changes there."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from api.cli.import_imap import import_imap
from tests.cli import dovecot
from tests.cli.dovecot import Dovecot
from tests.cli.mail_desk import ANN, Desk
from tests.process import free_port
from topologies.errors import Misconfigured
from topologies.events import Event

pytestmark = pytest.mark.process

DATE = '"02-Mar-2026 10:00:07 +0100"'
LARGE = b"Subject: large\r\n\r\n" + b"x" * 70 * 1024 + b"\r\n"
# Folder there, flags there, raw; and what becomes of the first two here.
MAILS = [
    ("INBOX", r"(\Seen)", b"Subject: one\r\n\r\nFrom here\r\n", ("Inbox", True, False)),
    ("INBOX", "", LARGE, ("Inbox", False, False)),
    ("Work/2026", r"(\Seen \Flagged)", b"Subject: two\r\n\r\n", ("Work/2026", True, True)),
    ("Junk", "", b"Subject: three\r\n\r\n", ("Spam", False, False)),
    (
        "Entw&APw-rfe &- mehr",
        "",
        b"Subject: four\r\n\r\n\xff\r\n",
        ("Entwürfe & mehr", False, False),
    ),
]
HERE = sorted((raw, *here) for _, _, raw, here in MAILS)


def test_all_mail_comes_with_folders_flags_dates_and_bytes(server: Dovecot, tmp_path: Path) -> None:
    before = state_of(server)
    desk = Desk()
    result = brought(desk, server, tmp_path)
    assert (result.exit_code, result.stdout) == (0, f"5 added to {ANN}\n")
    assert desk.mails(ANN) == HERE
    assert {f"{at:%Y-%m-%d %H:%M:%S}" for at in desk.dates(ANN)} == {"2026-03-02 09:00:07"}
    assert state_of(server) == before


def test_it_is_run_again_and_brings_what_came_since(server: Dovecot, tmp_path: Path) -> None:
    desk = Desk()
    brought(desk, server, tmp_path)
    append(server, "INBOX", "", b"Subject: late\r\n\r\n")
    assert brought(desk, server, tmp_path).stdout == f"1 added to {ANN}\n"
    assert len(desk.mails(ANN)) == len(MAILS) + 1


@pytest.mark.parametrize("is_state_kept", [True, False])
def test_it_goes_on_after_it_was_broken_off(
    server: Dovecot, tmp_path: Path, *, is_state_kept: bool
) -> None:
    desk = Desk()
    log = desk.stores.log
    desk.stores.log = Breaking(log, after=1)
    assert brought(desk, server, tmp_path).exit_code == 1
    assert 0 < len(desk.mails(ANN)) < len(MAILS)
    desk.stores.log = log
    if not is_state_kept:
        shutil.rmtree(tmp_path / "imports")
    assert brought(desk, server, tmp_path).exit_code == 0
    assert desk.mails(ANN) == HERE


def test_a_folder_that_was_made_anew_there_is_read_anew(server: Dovecot, tmp_path: Path) -> None:
    desk = Desk()
    brought(desk, server, tmp_path)
    with server.client() as client:
        client.delete("Work/2026")
    append(server, "Work/2026", "", b"Subject: another\r\n\r\n")
    assert brought(desk, server, tmp_path).stdout == f"1 added to {ANN}\n"


def test_what_is_deleted_there_stays_away_and_what_is_too_large_is_told(
    server: Dovecot, tmp_path: Path
) -> None:
    append(server, "INBOX", r"(\Deleted)", b"Subject: deleted\r\n\r\n")
    desk = Desk()
    result = brought(desk, server, tmp_path, RILLMAIL_MAX_MESSAGE_BYTES="65536")
    assert result.exit_code == 1
    assert "inbox, message 2: 70.0" in result.stderr
    assert desk.mails(ANN) == [line for line in HERE if line[0] != LARGE]


def test_one_folder_comes_alone(server: Dovecot, tmp_path: Path) -> None:
    desk = Desk()
    brought(desk, server, tmp_path, "--folder", "work/2026")
    assert [folder for _, folder, _, _ in desk.mails(ANN)] == ["Work/2026"]


@pytest.mark.parametrize(
    ("options", "password", "told"),
    [
        ((), "wrong", "lets bo not in"),
        (("--ca-file", ""), dovecot.PASSWORD, "does not prove who it is"),
        (("--folder", "Nowhere"), dovecot.PASSWORD, "there is no folder Nowhere there, but "),
        (("--host", "imap.far.example", "--security", "none"), "x", "is for this machine"),
    ],
)
def test_what_can_not_be_done_is_told(
    server: Dovecot, tmp_path: Path, options: tuple[str, ...], password: str, told: str
) -> None:
    result = brought(Desk(), server, tmp_path, *options, password=password)
    assert result.exit_code != 0
    assert told in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("server", ["oauthbearer", "xoauth2"], indirect=True)
def test_a_token_lets_in_and_a_wrong_one_does_not(server: Dovecot, tmp_path: Path) -> None:
    desk, token = Desk(), tmp_path / "token"
    token.write_text("of-somebody-else")
    result = by_token(desk, server, tmp_path, token)
    assert result.exit_code == 1
    assert "lets bo not in" in result.stderr
    assert "Traceback" not in result.output
    token.write_text(dovecot.TOKEN + "\n")
    assert by_token(desk, server, tmp_path, token).stdout == f"5 added to {ANN}\n"


def test_a_host_that_never_answered_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("x")
    port = str(free_port())
    where = ["--host", "127.0.0.1", "--port", port, "--security", "none", "--login", "ann"]
    began = time.monotonic()
    result = Desk().run(
        import_imap, *where, "--user", ANN, "--password-file", str(tmp_path / "password")
    )
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: 127.0.0.1:{port} can't be reached: ")
    assert result.stderr.endswith("look at --host, --port and --security\n")
    assert time.monotonic() - began < 20  # it waits a minute in all for one that has answered


# --- builders -----------------------------------------------------------------------------


class Breaking:
    """A log that can't be written to after some appends."""

    def __init__(self, log: Any, after: int) -> None:
        self._log = log
        self._left = after

    async def append(self, events: list[Event]) -> None:
        if not self._left:
            raise Misconfigured("broken off")
        self._left -= 1
        await self._log.append(events)


def brought(
    desk: Desk,
    server: Dovecot,
    data: Path,
    *options: str,
    password: str = dovecot.PASSWORD,
    **env: str,
) -> Result:
    secret = data / "password"
    secret.write_text(password + "\n")
    given = ["--host", dovecot.HOST, "--port", str(server.port), "--login", dovecot.LOGIN]
    given += ["--user", ANN, "--password-file", str(secret)]
    rest = [each for each in options if each]
    if "--ca-file" in rest:
        rest.remove("--ca-file")
    else:
        given += ["--ca-file", server.ca_file]
    return desk.run(import_imap, *given, *rest, RILLMAIL_DATA_DIR=str(data), **env)


def by_token(desk: Desk, server: Dovecot, data: Path, token: Path) -> Result:
    given = ["--host", dovecot.HOST, "--port", str(server.port), "--login", dovecot.LOGIN]
    given += ["--user", ANN, "--token-file", str(token), "--ca-file", server.ca_file]
    return desk.run(import_imap, *given, RILLMAIL_DATA_DIR=str(data))


def append(server: Dovecot, folder: str, flags: str, raw: bytes) -> None:
    with server.client() as client:
        client.create(f'"{folder}"')  # it may be there
        status, _ = client.append(f'"{folder}"', flags, DATE, raw)
        assert status == "OK"


def state_of(server: Dovecot) -> dict[str, Any]:
    """Return what can be seen of every folder there."""
    found: dict[str, Any] = {}
    with server.client() as client:
        for folder in dict.fromkeys(folder for folder, *_ in MAILS):
            client.select(f'"{folder}"', readonly=True)
            found[folder] = client.fetch("1:*", "(UID FLAGS INTERNALDATE)")
    return found


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    """A Dovecot with all ``MAILS``; its parameter is how it takes tokens."""
    if reason := dovecot.why_not():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="rillmail-dovecot-"))
    folder.chmod(0o755)
    try:
        with dovecot.running(folder, getattr(request, "param", "oauthbearer")) as started:
            for name, flags, raw, _ in MAILS:
                append(started, name, flags, raw)
            yield started
    finally:
        shutil.rmtree(folder, ignore_errors=True)
