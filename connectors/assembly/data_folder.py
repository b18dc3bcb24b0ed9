"""What lies in the data folder of the embedded profile, as far as several processes use it.

The service opens all of it, a process that takes mail what it needs. Each opens files of its own
on the same folder; SQLite and locks keep them in step.
"""

import fcntl
import os
import pwd
import shutil
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from connectors.files.blobs import FileBlobs
from connectors.files.blobs_by_size import BlobsBySize
from connectors.files.restore import RESTORING
from connectors.generations import MailboxGenerations
from connectors.memory.limits import MemoryLimits
from connectors.memory.seen import MemorySeen
from connectors.settings import Settings
from connectors.sqlite import blobs as blob_rows
from connectors.sqlite import directory as directory_rows
from connectors.sqlite import limits as limit_rows
from connectors.sqlite import log as log_rows
from connectors.sqlite import mailboxes as mailbox_rows
from connectors.sqlite import push_subscriptions as push_rows
from connectors.sqlite import seen as seen_rows
from connectors.sqlite import sending_rows
from connectors.sqlite import webhooks as webhook_rows
from connectors.sqlite.blobs import SqliteBlobs
from connectors.sqlite.database import PAGE_BYTES, Database
from connectors.sqlite.directory import SqliteDirectory
from connectors.sqlite.limits import SqliteLimits
from connectors.sqlite.log import SqliteLog
from connectors.sqlite.mailboxes import SqliteMailboxes
from connectors.sqlite.push_subscriptions import SqlitePushSubscriptions
from connectors.sqlite.seen import SqliteSeen
from connectors.sqlite.webhooks import SqliteWebhooks
from topologies.errors import Misconfigured
from topologies.ports.clock import Clock
from topologies.ports.limits import Limits
from topologies.ports.seen import Seen


class DataFolder:
    """The folder that the settings name, made when absent."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        open_files: ExitStack,
        *,
        runs_stages: bool = False,
    ) -> None:
        """Open nothing yet; whatever is opened is closed with *open_files*.

        *runs_stages*: What stages alone write is durable before their position is, and not before.

        Raises:
            Misconfigured: The folder can't be used.
        """
        self.path = usable_folder(settings)
        self._settings = settings
        self._clock = clock
        self._open_files = open_files
        self._runs_stages = runs_stages
        self._late: list[Database] = []

    def database(
        self,
        name: str,
        migrations: tuple[str, ...],
        *,
        page_bytes: int = PAGE_BYTES,
        is_shared: bool = False,
        is_durable: bool = True,
        is_of_stages: bool = False,
    ) -> Database:
        """Open the file of that *name*, which maybe stages alone write; see ``Database``."""
        is_late = is_of_stages and self._runs_stages
        opened = Database(
            self.path / f"{name}.db",
            migrations,
            page_bytes=page_bytes,
            is_shared=is_shared,
            is_durable=is_durable,
            is_late=is_late,
        )
        self._open_files.callback(opened.close)
        if is_late:
            self._late.append(opened)
        return opened

    def free_bytes(self) -> int:
        """Return how much room the disk has."""
        return shutil.disk_usage(self.path).free

    def log_database(self) -> Database:
        """Open the file of the log."""
        return self.database(
            "log", log_rows.MIGRATIONS, page_bytes=log_rows.PAGE_BYTES, is_shared=True
        )

    def log(self, database: Database, on_append: Callable[[], None] = lambda: None) -> SqliteLog:
        """Return the log in *database*."""
        settings = self._settings
        return SqliteLog(
            database,
            clock=self._clock,
            partitions=settings.partitions,
            max_bytes=settings.log_max_bytes,
            disk_reserve_bytes=settings.disk_reserve_bytes,
            disk_free=self.free_bytes,
            retention=timedelta(hours=settings.log_retention_hours),
            on_append=on_append,
            before_position=self._sync,
        )

    def blobs(self) -> BlobsBySize:
        """Open the blobs."""
        reserve_bytes = self._settings.disk_reserve_bytes
        return BlobsBySize(
            SqliteBlobs(
                self.database("blobs", blob_rows.MIGRATIONS, page_bytes=blob_rows.PAGE_BYTES),
                disk_reserve_bytes=reserve_bytes,
                disk_free=self.free_bytes,
            ),
            FileBlobs(
                self.path / "blobs", disk_reserve_bytes=reserve_bytes, disk_free=self.free_bytes
            ),
        )

    def directory(self) -> SqliteDirectory:
        """Open the directory."""
        return SqliteDirectory(
            self.database("directory", directory_rows.MIGRATIONS),
            self._clock,
            default_quota_bytes=self._settings.default_quota_bytes,
        )

    def mailboxes(self) -> MailboxGenerations:
        """Open the mailboxes."""
        kept = self.database(
            "mailboxes",
            mailbox_rows.MIGRATIONS,
            page_bytes=mailbox_rows.PAGE_BYTES,
            is_of_stages=True,
        )
        return MailboxGenerations(SqliteMailboxes(kept, self._clock), self._clock)

    def limits(self) -> Limits:
        """Return who counts for all processes of the service."""
        if not self._settings.smtp_processes:
            return MemoryLimits(self._clock)
        return SqliteLimits(
            self.database("limits", limit_rows.MIGRATIONS, is_shared=True, is_durable=False),
            self._clock,
        )

    def sending(self) -> Database:
        """Open the file of keys, app passwords and restraints, which its owner alone may read."""
        sending_rows.private_file(self.path / "sending.db")
        return self.database("sending", sending_rows.MIGRATIONS)

    def webhooks(self) -> SqliteWebhooks:
        """Open the file of webhooks and their secrets, which its owner alone may read."""
        sending_rows.private_file(self.path / "webhooks.db")
        return SqliteWebhooks(self.database("webhooks", webhook_rows.MIGRATIONS))

    def push_subscriptions(self) -> SqlitePushSubscriptions:
        """Open the file of browsers' subscriptions, which its owner alone may read."""
        sending_rows.private_file(self.path / "push.db")
        return SqlitePushSubscriptions(self.database("push", push_rows.MIGRATIONS))

    def seen(self) -> Seen:
        """Return who remembers whom greylisting met."""
        if not self._settings.greylist:
            return MemorySeen(self._clock)  # asked by nobody
        return SqliteSeen(self.database("seen", seen_rows.MIGRATIONS), self._clock)

    def mails_seen(self) -> Seen:
        """Return who remembers, for all processes of the service, which mails came lately."""
        return SqliteSeen(
            self.database("again", seen_rows.MIGRATIONS, is_shared=True, is_durable=False),
            self._clock,
        )

    async def _sync(self) -> None:
        for database in self._late:
            await database.sync()


def usable_folder(settings: Settings) -> Path:
    """Return the data folder, made when absent.

    Raises:
        Misconfigured: It can't be written, a backup is put back into it, or it is another's.
    """
    folder = Path(settings.data_dir)
    if (folder / RESTORING).exists():
        raise Misconfigured(
            f"a restore into {folder.resolve()} is not finished: run `rillmail restore` once more"
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # all mail of all users
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Misconfigured(
            f"the data folder {folder.resolve()} can't be written ({error.strerror}):"
            " let RILLMAIL_DATA_DIR name a folder of yours"
        ) from error
    _check_ours(folder)
    return folder


def _check_ours(folder: Path) -> None:
    """Make sure that root does not work on what another user's service keeps.

    Root may, but the files and folders that come of it are root's, and that service could
    neither read these nor put anything beside them.
    """
    kept = folder / "directory.db"
    if os.geteuid() != 0 or not kept.exists() or not (owner := kept.stat().st_uid):
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:  # as on the outside of a container
        name = f"#{owner}"
    raise Misconfigured(
        f"what {folder.resolve()} holds is kept by {name}, who could not read what root puts"
        f" there: run it as {name}, as by sudo -u '{name}'"
    )


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold *folder* for one service.

    Raises:
        Misconfigured: A service runs on it already.
    """
    # The kernel lets go of it when the process ends, however it ends.
    with (folder / "service.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured(
                f"a service runs on {folder.resolve()} already: stop it, or let"
                " RILLMAIL_DATA_DIR name another folder"
            ) from error
        yield
