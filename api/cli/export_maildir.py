"""Mails written to a Maildir: a file for each, complete when it can be seen.

A mail that is there already keeps its file; when it was moved or marked since, the file is
renamed. What was deleted in the mailbox stays.
"""

import os
from pathlib import Path

import click

from topologies.exporting import Lying
from topologies.mail import maildir
from topologies.ports.mailboxes import Email


class MaildirFiles:
    """One Maildir and the folders in it."""

    def __init__(self, path: Path) -> None:
        """Use *path*, made when absent.

        Raises:
            click.ClickException: It is a folder of something else.
            OSError: It can't be made or read.
        """
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (path / "cur").is_dir() and any(path.iterdir()):
            raise click.ClickException(
                f"{path} is left as it is: it is a folder with something else in it"
            )
        self._root = path
        self._made: set[Path] = set()
        self._there = {
            said.email_id: file
            for folder in [path, *sorted(path.glob(".*/"))]
            for part in ("cur", "new")
            for file in (folder / part).glob("*")
            if (said := maildir.named(file.name)).email_id
        }
        self._folder(path)

    def holds(self, mail: Lying) -> bool:
        """Tell whether the mail is there; it is moved to where it lies now."""
        there = self._there.get(mail.summary.email_id)
        if there is None:
            return False
        wanted = self._place(mail)
        if there != wanted:
            there.replace(wanted)
            self._there[mail.summary.email_id] = wanted
        return True

    def write(self, mail: Lying, email: Email, raw: bytes) -> None:  # noqa: ARG002  as the mbox
        """Write a mail; it is seen once all of it is there."""
        place = self._place(mail)
        half = place.parent.parent / "tmp" / place.name
        half.write_bytes(raw)
        stored_at = mail.summary.created_at.timestamp()
        os.utime(half, (stored_at, stored_at))  # where IMAP servers look for the date
        half.replace(place)
        self._there[mail.summary.email_id] = place

    def close(self) -> None:
        """Make sure that all is written."""
        os.sync()

    def _place(self, mail: Lying) -> Path:
        path, name_of_folder = mail.maildir_folder
        folder = self._folder(self._root / path)
        if name_of_folder:
            (folder / maildir.NAME_FILE).write_text(name_of_folder, encoding="utf-8")
        return folder / "cur" / mail.maildir_name

    def _folder(self, path: Path) -> Path:
        if path not in self._made:
            for part in ("tmp", "new", "cur"):
                (path / part).mkdir(parents=True, exist_ok=True)
            if path != self._root:
                (path / "maildirfolder").touch()  # by Maildir++
            self._made.add(path)
        return path
