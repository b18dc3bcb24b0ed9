"""`rillmail export`: a mailbox written to files that others can read, and `rillmail import` too."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import click

from api.cli.export_maildir import MaildirFiles
from api.cli.export_mbox import MboxFile, MboxFolder
from api.cli.export_takeout import write_takeout
from api.cli.output import as_json, examples, print_json, printable, size
from api.cli.progress import nearing
from api.cli.stores import Stores, with_stores
from api.cli.user_account import known
from topologies import exporting
from topologies.errors import BlobMissing
from topologies.exporting import Lying
from topologies.mail import folder_names
from topologies.ports.mailboxes import Email, Folder


class Target(Protocol):
    """Where mails are written to; those that are there already stay."""

    def holds(self, mail: Lying) -> bool:
        """Tell whether the mail is there; a target that can brings its flags up to date."""
        ...

    def write(self, mail: Lying, email: Email, raw: bytes) -> None:
        """Put a mail there, so that a kill leaves it there whole, or in part to be redone."""
        ...

    def close(self) -> None:
        """Make sure that all is written."""
        ...


@dataclass(slots=True)
class Tally:
    """What became of the mails."""

    written: int = 0
    already_there: int = 0
    gone: int = 0  # deleted meanwhile
    missing: list[str] = field(default_factory=list[str])  # whose raw message can't be found


@click.command(
    epilog=examples(
        "rillmail export bo@demo.test --to bo.mbox",
        "rillmail export bo@demo.test --to backup/ --format mbox",
        "rillmail export bo@demo.test --to ~/Maildir --format maildir --folder Inbox --folder Work",
        "rillmail export bo@demo.test --to bo.zip --format takeout",
        "rillmail import bo.mbox --user bo@other.test",
    )
)
@click.argument("address")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(),  # as a text, since a Path has no slash at its end
    help="A file, or a folder with a file (mbox) or folder (maildir) for each folder.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["mbox", "maildir", "takeout"]),
    default="mbox",
    show_default=True,
    help="maildir is written to a folder; takeout is a zip file with everything else, too.",
)
@click.option("--folder", "names", multiple=True, help="Only this one; may be said several times.")
@as_json
def export(
    address: str,
    target: str,
    kind: Literal["mbox", "maildir", "takeout"],
    names: Sequence[str],
    as_json: bool,
) -> None:
    """Write the mail of ADDRESS to files: each message byte for byte, with folder and flags.

    It may be run again, after it was broken off or later on: what is there already is not
    written again, what came since is added, and nothing is deleted. The service may run
    meanwhile. `rillmail import` brings it back exactly. A takeout is written anew each time.
    """
    if kind == "takeout":
        _take_out(address, target, names, as_json=as_json)
        return
    tally = Tally()

    async def work(stores: Stores) -> None:
        user = await known(stores, address)
        folders = await exporting.visible_folders(user.user_id, stores.mailboxes)
        wanted = _wanted(names, folders)
        with _writing(target):
            into = _opened(target, kind)
            try:
                await _copy(stores, user.user_id, wanted, into, tally, is_quiet=as_json)
            finally:
                into.close()

    with_stores(work)
    _print(tally, target, as_json)
    if tally.missing:
        raise click.exceptions.Exit(1)


def _take_out(address: str, target: str, names: Sequence[str], *, as_json: bool) -> None:
    if names:
        raise click.UsageError("a takeout has all folders: leave out --folder")

    async def work(stores: Stores) -> int:
        return await write_takeout(stores, await known(stores, address), Path(target))

    size_bytes = with_stores(work)
    if as_json:
        print_json({"bytes": size_bytes})
    else:
        click.echo(f"Everything of {printable(address)} is in {target}, {size(size_bytes)}")


async def _copy(
    stores: Stores,
    user_id: str,
    folders: Sequence[Folder],
    into: Target,
    tally: Tally,
    *,
    is_quiet: bool,
) -> None:
    only = {folder.folder_id for folder in folders}
    with nearing(is_quiet=is_quiet) as progress:
        total = sum(folder.total_count for folder in folders)
        task = progress.add_task("Exporting", total=total)
        async for mail in exporting.mails(user_id, stores.mailboxes, only):
            email_id = mail.summary.email_id
            if into.holds(mail):
                tally.already_there += 1
            else:
                try:
                    found = await exporting.whole(user_id, email_id, stores.mailboxes, stores.blobs)
                except BlobMissing:
                    tally.missing.append(email_id)
                else:
                    if found is None:
                        tally.gone += 1
                    else:
                        into.write(mail, *found)
                        tally.written += 1
            progress.advance(task)


@contextmanager
def _writing(target: str) -> Generator[None]:
    """Tell why *target* can't be written, whenever that is found out.

    What a full disk does not take may be told by the closing of a file alone.
    """
    try:
        yield
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or target} can't be written: {error.strerror};"
            " what is written so far is good: run it again to go on"
        ) from error


def _wanted(names: Sequence[str], folders: Sequence[Folder]) -> Sequence[Folder]:
    if not names:
        return folders
    paths = folder_names.paths(folders)
    found: list[Folder] = []
    for name in names:
        wanted = name.casefold()
        same = [f for f in folders if wanted in (paths[f.folder_id].casefold(), f.folder_id)]
        if not same:
            there = printable(", ".join(paths.values()))
            raise click.ClickException(f"there is no folder {printable(name)}; there are {there}")
        found += same
    return found


def _opened(target: str, kind: Literal["mbox", "maildir"]) -> Target:
    path = Path(target)
    is_folder = path.is_dir() or target.endswith(os.sep)
    if kind == "maildir":
        return MaildirFiles(path)
    return MboxFolder(path) if is_folder else MboxFile(path)


def _print(tally: Tally, target: str, as_json: bool) -> None:
    if as_json:
        print_json(tally)
        return
    for email_id in tally.missing:
        click.echo(f"Not exported: the raw message of {email_id} is missing", err=True)
    there = f", {tally.already_there} were there already" if tally.already_there else ""
    click.echo(f"{tally.written} written to {target}{there}")
