"""Mails written to mbox files: one for all folders, or one for each.

A file is only added to. What was written in part when a run was killed is cut off by the next.
"""

import fcntl
from pathlib import Path
from typing import BinaryIO

import click

from topologies.exporting import Lying
from topologies.mail import mbox_writing
from topologies.ports.mailboxes import Email


def alone_in(file: BinaryIO, path: Path) -> None:
    """Keep other exports out of *file* until it is closed: each would write over the other's.

    Raises:
        click.ClickException: One is there already; *file* is closed.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise click.ClickException(f"{path} is being written by another export") from None


class MboxFile:
    """One mbox file."""

    def __init__(self, path: Path) -> None:
        """Open *path*, made when absent.

        Raises:
            click.ClickException: It holds something that was not exported here, or another
                export writes it.
            OSError: It can't be opened.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._file: BinaryIO = path.open("r+b")
        alone_in(self._file, path)
        try:
            self._there = set(mbox_writing.resumed(self._file))
        except ValueError as error:
            self._file.close()
            raise click.ClickException(f"{path} is left as it is: {error}") from error

    def holds(self, mail: Lying) -> bool:
        """Tell whether the mail is there; its flags stay those of the day it was written."""
        return mail.summary.email_id in self._there

    def write(self, mail: Lying, email: Email, raw: bytes) -> None:
        """Add a mail at the end."""
        self._file.write(mail.as_mbox(email, raw))
        self._there.add(mail.summary.email_id)

    def close(self) -> None:
        """Make sure that all is written."""
        self._file.close()


class MboxFolder:
    """A folder with an mbox file for each folder of the mailbox."""

    def __init__(self, path: Path) -> None:
        """Use *path*, made when absent.

        Raises:
            OSError: It can't be made.
        """
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._files: dict[str, MboxFile] = {}

    def holds(self, mail: Lying) -> bool:
        """Tell whether the mail is in the file of its folder."""
        return self._of(mail).holds(mail)

    def write(self, mail: Lying, email: Email, raw: bytes) -> None:
        """Add a mail to the file of its folder."""
        self._of(mail).write(mail, email, raw)

    def close(self) -> None:
        """Make sure that all is written."""
        for file in self._files.values():
            file.close()

    def _of(self, mail: Lying) -> MboxFile:
        name = mail.path
        if name not in self._files:
            self._files[name] = MboxFile(self._path / mbox_writing.file_name(name))
        return self._files[name]
