"""rillmail export, and rillmail import of what it wrote: the same mails, whatever happened."""

import fcntl
import resource
import zipfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.cli.export import export
from tests.cli.mail_desk import ANN, BO, ODD, Desk
from tests.cli.stores_in_memory import in_json


@pytest.mark.parametrize(
    "options",
    [("mail.mbox",), ("folder/",), ("Maildir", "--format", "maildir")],
    ids=["one mbox", "an mbox for each folder", "maildir"],
)
def test_what_is_exported_is_imported_byte_for_byte_with_folders_and_flags(
    options: Sequence[str], tmp_path: Path
) -> None:
    desk = Desk()
    desk.fill(BO)
    desk.nest(BO, ODD[3], "Ideas", "Inbox")  # no system folder, within another
    before = desk.mails(BO)
    assert "Work/Ideas/Inbox" in [folder for _, folder, _, _ in before]
    assert desk.exported(tmp_path, *options).exit_code == 0
    result = desk.brought(tmp_path / options[0], ANN)
    assert (result.exit_code, result.stdout) == (0, f"5 added to {ANN}\n")
    assert desk.mails(ANN) == before
    assert (tmp_path / options[0]).is_dir() == (options != ("mail.mbox",))


@pytest.mark.parametrize("options", [("mail.mbox",), ("Maildir", "--format", "maildir")])
def test_it_goes_on_where_it_was_and_adds_what_came_since(
    options: Sequence[str], tmp_path: Path
) -> None:
    desk = Desk()
    desk.fill(BO)
    desk.exported(tmp_path, *options)
    desk.deliver(BO, b"Subject: late\r\n\r\n")
    told = in_json(desk.exported(tmp_path, *options, "--json"))
    assert (told["written"], told["already_there"]) == (1, 5)
    desk.brought(tmp_path / options[0], ANN)
    assert desk.mails(ANN) == desk.mails(BO)


def test_what_is_there_is_not_brought_twice_to_the_mailbox_it_came_from(tmp_path: Path) -> None:
    desk = Desk()
    desk.fill(BO)
    before = desk.mails(BO)
    desk.exported(tmp_path, "mail.mbox")
    result = desk.brought(tmp_path / "mail.mbox", BO)
    assert result.stdout == f"0 added to {BO}, 5 were there already\n"
    desk.delete(BO, before[0][0])
    assert desk.brought(tmp_path / "mail.mbox", BO).stdout.startswith("1 added")
    assert desk.mails(BO) == before


def test_a_maildir_follows_what_was_moved_and_marked(tmp_path: Path) -> None:
    desk = Desk()
    desk.fill(BO)
    desk.exported(tmp_path, "Maildir", "--format", "maildir")
    desk.mark(BO, ODD[0], folder_id="trash", is_starred=True)
    told = in_json(desk.exported(tmp_path, "Maildir", "--format", "maildir", "--json"))
    assert told["written"] == 0
    desk.brought(tmp_path / "Maildir", ANN)
    assert desk.mails(ANN) == desk.mails(BO)


def test_what_is_exported_is_for_nobody_else_on_the_machine(tmp_path: Path) -> None:
    desk = Desk()
    desk.fill(BO)
    desk.exported(tmp_path, "mail.mbox")
    desk.exported(tmp_path, "Maildir", "--format", "maildir")
    modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert modes == {"mail.mbox": 0o600, "Maildir": 0o700}


def test_labels_come_along_in_an_mbox(tmp_path: Path) -> None:
    desk = Desk()
    desk.fill(BO)
    desk.label(BO, ODD[0], "Red", "Blüe, or so")
    desk.exported(tmp_path, "mail.mbox")
    desk.brought(tmp_path / "mail.mbox", ANN)
    assert desk.labels(ANN) == [(ODD[0], ("Blüe, or so", "Red"))] == desk.labels(BO)


def test_one_folder_is_exported_alone(tmp_path: Path) -> None:
    desk = Desk()
    desk.fill(BO)
    told = in_json(desk.exported(tmp_path, "mail.mbox", "--folder", "work", "--json"))
    assert told["written"] == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody@shop.example", "--to", "OUT"], "there is no user nobody@shop.example"),
        ([BO, "--to", "OUT", "--folder", "Nowhere"], "there is no folder Nowhere; there are Inbox"),
        ([BO, "--to", "FOREIGN"], "is left as it is: it holds something else"),
        ([BO, "--to", "FOLDER", "--format", "maildir"], "a folder with something else in it"),
    ],
)
def test_what_can_not_be_done_is_told(arguments: list[str], told: str, tmp_path: Path) -> None:
    paths = {"OUT": tmp_path / "out", "FOREIGN": tmp_path / "foreign", "FOLDER": tmp_path}
    paths["FOREIGN"].write_bytes(b"something")
    result = Desk().run(export, *(str(paths.get(each, each)) for each in arguments))
    assert result.exit_code == 1
    assert told in result.stderr
    assert paths["FOREIGN"].read_bytes() == b"something"


def test_a_file_of_something_else_in_the_folder_is_left_as_it_is_and_named(tmp_path: Path) -> None:
    (tmp_path / "Work.mbox").write_bytes(b"something")
    desk = Desk()
    desk.fill(BO)
    result = desk.exported(tmp_path, "./")
    told = f"Error: {tmp_path}/Work.mbox is left as it is: it holds something else\n"
    assert (result.exit_code, result.stderr) == (1, told)
    assert (tmp_path / "Work.mbox").read_bytes() == b"something"


@pytest.mark.parametrize(
    "options",
    [("mail.mbox",), ("folder/",), ("Maildir", "--format", "maildir")],
    ids=["one mbox", "an mbox for each folder", "maildir"],
)
@pytest.mark.parametrize("most_bytes", [500, 100_000])
def test_a_full_disk_is_told_and_the_next_run_goes_on(
    options: Sequence[str], most_bytes: int, tmp_path: Path
) -> None:
    desk = Desk()
    desk.fill(BO)
    with files_of_at_most(most_bytes):
        result = desk.exported(tmp_path, *options)
    assert result.exit_code == 1
    assert "can't be written: File too large; what is written so far is good" in result.stderr
    assert desk.exported(tmp_path, *options).exit_code == 0
    desk.brought(tmp_path / options[0], ANN)
    assert desk.mails(ANN) == desk.mails(BO)


def test_a_takeout_is_one_file_whose_mail_is_imported_exactly(tmp_path: Path) -> None:
    desk = Desk()
    desk.fill(BO)
    path = tmp_path / "bo.zip"
    for _ in range(2):
        assert desk.run(export, BO, "--to", str(path), "--format", "takeout").exit_code == 0
    assert [each.name for each in tmp_path.iterdir()] == ["bo.zip"]
    with zipfile.ZipFile(path) as file:
        file.extractall(tmp_path / "out")
    desk.brought(tmp_path / "out" / "mail", ANN)
    assert desk.mails(ANN) == desk.mails(BO)


@pytest.mark.parametrize("options", [("bo.mbox",), ("bo.zip", "--format", "takeout")])
def test_a_file_that_another_export_writes_is_left_to_that_one(
    options: Sequence[str], tmp_path: Path
) -> None:
    desk = Desk()
    desk.fill(BO)
    desk.exported(tmp_path, "half")
    written = tmp_path / ("bo.mbox" if len(options) == 1 else "bo.zip.part")
    written.write_bytes((tmp_path / "half").read_bytes()[:1_000])
    with written.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        result = desk.exported(tmp_path, *options)
    told = f"Error: {written} is being written by another export\n"
    assert (result.exit_code, result.stderr) == (1, told)
    assert written.stat().st_size == 1_000
    assert desk.exported(tmp_path, *options).exit_code == 0


def test_a_takeout_that_can_not_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    desk = Desk()
    desk.fill(BO)
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "bo.zip", tmp_path / "folder"):
        with files_of_at_most(500):
            result = desk.run(export, BO, "--to", str(path), "--format", "takeout")
        assert (result.exit_code, "can't be written" in result.stderr) == (1, True)
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_a_maildir_of_others_keeps_folders_and_flags(tmp_path: Path) -> None:
    files = {
        "cur/1:2,S": b"Subject: one\n\n>From x\n",
        "new/2": b"Subject: two\n\n",
        ".Work.2026/cur/3:2,FS": b"Subject: three\n\n",
        ".Junk/cur/4:2,": b"Subject: four\n\n",
    }
    lay_out(tmp_path, files)
    desk = Desk()
    for _ in range(2):
        desk.brought(tmp_path, ANN)
    assert desk.mails(ANN) == sorted(
        [
            (b"Subject: one\r\n\r\n>From x\r\n", "Inbox", True, False),
            (b"Subject: two\r\n\r\n", "Inbox", False, False),
            (b"Subject: three\r\n\r\n", "Work/2026", True, True),
            (b"Subject: four\r\n\r\n", "Spam", False, False),
        ]
    )


@pytest.mark.parametrize("inbox", ["", "INBOX/"], ids=["Dovecot", "mbsync"])
def test_maildirs_that_lie_within_folders_are_folders_too(inbox: str, tmp_path: Path) -> None:
    files = {
        f"{inbox}cur/1:2,S": b"Subject: one\n\n",
        "Work/2026/cur/2:2,S": b"Subject: two\n\n",
        "Entw&APw-rfe.alt/new/3": b"Subject: three\n\n",
        "Work/tmp/4": b"Subject: half\n\n",
    }
    lay_out(tmp_path, files)
    desk = Desk()
    desk.brought(tmp_path, ANN)
    assert desk.mails(ANN) == sorted(
        [
            (b"Subject: one\r\n\r\n", "Inbox", True, False),
            (b"Subject: two\r\n\r\n", "Work/2026", True, False),
            (b"Subject: three\r\n\r\n", "Entwürfe.alt", False, False),
        ]
    )


def test_all_of_it_can_be_put_into_one_folder(tmp_path: Path) -> None:
    path = tmp_path / "old.mbox"
    path.write_bytes(b"From x@y.example Mon Mar  2 10:00:00 2026\nSubject: x\n\n\n")
    desk = Desk()
    desk.brought(path, ANN, "--folder", "Before")
    assert desk.mails(ANN) == [(b"Subject: x\r\n\r\n", "Before", True, False)]


@contextmanager
def files_of_at_most(most_bytes: int) -> Generator[None]:
    """Let no file grow larger meanwhile, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
