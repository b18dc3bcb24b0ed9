"""A data folder is copied as of one moment, and put back whole or not at all."""

import asyncio
import shutil
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.assembly.data_folder import DataFolder
from connectors.files import restore as restoring
from connectors.files.backup import back_up
from connectors.files.copies import BLOBS, STATES, Manifest
from connectors.files.restore import RESTORING, restore
from connectors.memory.clock import SystemClock
from connectors.settings import Settings
from topologies.errors import Misconfigured

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
LARGE = b"large enough to be a file of its own\r\n" * 40_000


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a user and a large blob."""
    folder = tmp_path_factory.mktemp("once") / "data"
    asyncio.run(add(folder, "ann@mail.example", LARGE))
    return folder


@pytest.fixture
def data(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "data"))


async def test_what_was_copied_is_there_after_all_was_lost(data: Path, tmp_path: Path) -> None:
    made = copied(data, tmp_path / "copy")
    shutil.rmtree(data)
    assert restore(tmp_path / "copy", data, silent) == made
    assert await people(data) == ["ann@mail.example"]
    [kept] = blob_files(data)
    assert kept.read_bytes() == LARGE


async def test_what_is_kept_from_others_is_kept_from_them_in_the_copy(
    data: Path, tmp_path: Path
) -> None:
    copied(data, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o700
    restore(tmp_path / "copy", tmp_path / "new", silent)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    for name in ("sending.db", "webhooks.db"):
        assert (tmp_path / "new" / name).stat().st_mode & 0o777 == 0o600


async def test_a_copy_is_brought_up_to_date_and_blobs_are_copied_once(
    data: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    copied(data, copy)
    [first] = blob_files(copy)
    inode = first.stat().st_ino
    await add(data, "bo@mail.example", LARGE + b"more")
    copied(data, copy, minutes=1)
    assert len(list((copy / STATES).iterdir())) == 1
    assert len(blob_files(copy)) == 2
    assert first.stat().st_ino == inode
    (data / BLOBS / first.parent.name / first.name).unlink()  # as a sweep does
    copied(data, copy, minutes=2)
    assert not first.exists()
    restore(copy, tmp_path / "new", silent)
    assert await people(tmp_path / "new") == ["ann@mail.example", "bo@mail.example"]


async def test_a_copying_that_is_killed_leaves_the_copy_before(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copied(data, copy)
    await add(data, "bo@mail.example", LARGE + b"more")
    for hours, fatal in enumerate(("directory.db", "log.db", BLOBS), start=1):
        with pytest.raises(KeyboardInterrupt):
            back_up(data, copy, Killer(fatal), now=NOW + timedelta(hours=hours))
        shutil.rmtree(tmp_path / "new", ignore_errors=True)
        restore(copy, tmp_path / "new", silent)
        assert await people(tmp_path / "new") == ["ann@mail.example"]
    made = copied(data, copy, minutes=240)
    assert [left.name for left in (copy / STATES).iterdir()] == [made.state]


async def test_a_restore_that_is_killed_is_told_by_the_service_and_is_run_again(
    data: Path, tmp_path: Path
) -> None:
    copy, new = tmp_path / "copy", tmp_path / "new"
    copied(data, copy)
    for fatal in ("databases", BLOBS):
        with pytest.raises(KeyboardInterrupt):
            restore(copy, new, Killer(fatal))
        with pytest.raises(Misconfigured, match="run `rillmail restore` once more"):
            await people(new)
    restore(copy, new, silent)
    assert await people(new) == ["ann@mail.example"]


async def test_a_restore_that_is_killed_while_it_moves_into_place_is_run_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, new = tmp_path / "copy", tmp_path / "new"
    copied(data, copy)
    moved: list[Path] = []
    replace = Path.replace

    def dies(path: Path, target: Path) -> Path:
        if path.parent.name == RESTORING and len(moved) == 5:
            raise KeyboardInterrupt
        moved.append(path)
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(restoring.Path, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            restore(copy, new, silent)
    assert (new / RESTORING).exists()
    restore(copy, new, silent)
    assert await people(new) == ["ann@mail.example"]


async def test_damage_is_told_before_anything_is_put_into_place(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    made = copied(data, copy)
    [blob] = blob_files(copy)
    log = copy / STATES / made.state / "log.db"
    for victim, told in ((blob, "the blob "), (log, "log.db of the backup is damaged")):
        content = bytearray(victim.read_bytes())
        content[len(content) // 2] ^= 1
        victim.write_bytes(content)
        with pytest.raises(Misconfigured, match=told):
            restore(copy, tmp_path / "new", silent)
        assert [path.name for path in (tmp_path / "new").iterdir()] == [RESTORING]


async def test_nothing_is_overwritten(data: Path, tmp_path: Path) -> None:
    copied(data, tmp_path / "copy")
    with pytest.raises(Misconfigured, match="is not empty: move it away"):
        restore(tmp_path / "copy", data, silent)
    with pytest.raises(Misconfigured, match="is no backup, and not empty"):
        copied(data, tmp_path)
    with pytest.raises(Misconfigured, match="is in the data folder"):
        copied(data, data / "copy")
    with pytest.raises(Misconfigured, match="is no backup: it has no manifest"):
        restore(data, tmp_path / "new", silent)
    with pytest.raises(Misconfigured, match="holds no mail"):
        copied(tmp_path / "nowhere", tmp_path / "other")


async def test_a_manifest_that_leads_elsewhere_is_refused(data: Path, tmp_path: Path) -> None:
    copied(data, tmp_path / "copy")
    manifest = tmp_path / "copy" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"log.db"', '"../log.db"'))
    with pytest.raises(Misconfigured, match="another version"):
        restore(tmp_path / "copy", tmp_path / "new", silent)


# --- builders -----------------------------------------------------------------------


def silent(_name: str, _done: int, _total: int) -> None: ...


class Killer:
    """Ends the work as a signal does, when it tells of the first of *fatal*."""

    def __init__(self, fatal: str) -> None:
        self._fatal = fatal

    def __call__(self, name: str, _done: int, _total: int) -> None:
        if name == self._fatal:
            raise KeyboardInterrupt


def copied(folder: Path, target: Path, *, minutes: int = 0) -> Manifest:
    return back_up(folder, target, silent, now=NOW + timedelta(minutes=minutes))


async def add(folder: Path, address: str, content: bytes) -> None:
    with ExitStack() as opened:
        files = DataFolder(Settings(data_dir=str(folder)), SystemClock(), opened)
        directory = files.directory()
        await directory.add_domain(address.partition("@")[2])
        await directory.add_user(address, "of-no-secret", name="Somebody")
        await files.blobs().put([content])
        for another in (files.log_database, files.sending, files.webhooks):
            another()


async def people(folder: Path) -> list[str]:
    with ExitStack() as opened:
        files = DataFolder(Settings(data_dir=str(folder)), SystemClock(), opened)
        return sorted(user.address for user in await files.directory().users())


def blob_files(copy: Path) -> list[Path]:
    return sorted((copy / BLOBS).glob("??/*"))
