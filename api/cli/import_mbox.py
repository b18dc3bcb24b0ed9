"""`rillmail import`: bring the mail of an mbox file, a Maildir or a single file into a mailbox.

Writes `mail.received` with origin ``import``, so that each message goes through all stages;
the log is shared, so the service may run meanwhile. How messages become events, and how those
that are there already are known: ``topologies.importing``.
"""

import asyncio
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from api.cli import import_files
from api.cli.importing import patiently, tell
from api.cli.output import as_json, examples, printable, size
from api.cli.smtp_client import connected
from api.cli.stores import Stores, errors_for_people, with_stores
from connectors.settings import load
from topologies.importing import Importing, Tally, placed
from topologies.mail.mbox import Stored

LOOK_EVERY_S = 0.2


@click.command(
    epilog=examples(
        "rillmail import old.mbox --user bo@demo.test",
        "rillmail import ~/Maildir --user bo@demo.test --json",
        "rillmail import backup/ --user bo@demo.test",
        "rillmail import old.mbox --user bo@demo.test --folder 'Before 2026'",
        "zcat old.mbox.gz | rillmail import - --user bo@demo.test",
        "rillmail import old.mbox --user bo@demo.test --by smtp --server 127.0.0.1:2525",
    )
)
@click.argument("source", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--user", "address", required=True, help="Whose mailbox it goes to.")
@click.option(
    "--by",
    type=click.Choice(["log", "smtp"]),
    default="log",
    show_default=True,
    help="Into this data folder, or by SMTP to a service anywhere.",
)
@click.option("--folder", help="Into this folder, wherever it lay before; made when absent.")
@click.option("--server", help="HOST:PORT, for --by smtp; without it as the settings say.")
@click.option(
    "--wait",
    "patience_s",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    help="Seconds to wait while none of the mail comes to be seen; 0: safe is enough.",
)
@as_json
def import_mbox(
    source: Path,
    address: str,
    by: Literal["log", "smtp"],
    folder: str | None,
    server: str | None,
    patience_s: float,
    as_json: bool,
) -> None:
    """Bring the mail in SOURCE, an mbox file, a Maildir or - for standard input, to a user.

    It may be run again, and after it was broken off: what is there already is not added twice.
    Folders and flags are kept where the source tells them (Maildir; Status and X-Status,
    X-Gmail-Labels); what says nothing counts as read. Every byte is kept; of what was not
    exported here, line ends become CRLF. The service may run meanwhile; if not, the mail is
    seen once it runs. By SMTP, mail is new, in the inbox, and is added again.

    `rillmail import imap` brings mail from another provider.
    """
    with errors_for_people():
        settings = load()
    if server and by == "log":
        raise click.UsageError("--server goes with --by smtp")
    if folder and by == "smtp":
        raise click.UsageError("by SMTP all mail goes to the inbox: leave out --folder")
    tally = Tally()
    with _progress(source) as progress:
        incoming = _read(source, folder, settings.max_message_bytes, progress, tally)
        if by == "smtp":
            where = server or f"{settings.host}:{settings.smtp_port}"
            _by_smtp(incoming, address, where, tally)
        else:

            async def work(stores: Stores) -> None:
                added = await _by_log(stores, incoming, address, tally)
                if patience_s:
                    tally.not_seen_yet = await _unseen(stores, added, patience_s, progress)

            with_stores(work)
    tell(tally, address, as_json=as_json)
    if tally.refused:
        raise click.exceptions.Exit(1)


async def _by_log(
    stores: Stores, incoming: Iterator[Stored], address: str, tally: Tally
) -> list[str]:
    """Hand the messages over; return the mail_ids of those that were not there."""
    user = await stores.directory.user_by_address(address)
    if user is None:
        raise click.ClickException(
            f"there is no user {printable(address)}; `rillmail user list` shows who there is"
        )
    importing = Importing(stores, user, tally, surely=patiently)
    for message in incoming:
        await importing.add(message)
    await importing.finish()
    return importing.mail_ids


async def _unseen(
    stores: Stores, mail_ids: Sequence[str], patience_s: float, progress: Progress
) -> int:
    """Wait until the mails can be seen; return how many can't when nothing moves any more."""
    task = progress.add_task("Storing", total=len(mail_ids))
    done, waited_s = 0, 0.0
    while done < len(mail_ids) and waited_s < patience_s:
        if await stores.mailboxes.places(mail_ids[done]):
            done, waited_s = done + 1, 0.0
            continue
        progress.update(task, completed=done)
        await asyncio.sleep(LOOK_EVERY_S)
        waited_s += LOOK_EVERY_S
    return len(mail_ids) - done


def _by_smtp(incoming: Iterator[Stored], address: str, server: str, tally: Tally) -> None:
    with connected(server) as client:
        for message in incoming:
            answer = client.send(message.raw, message.sender, [address])
            if answer.accepted:
                tally.added += 1
            else:
                tally.refused.append(answer.refused[0][1])


def _read(
    source: Path, folder: str | None, max_bytes: int, progress: Progress, tally: Tally
) -> Iterator[Stored]:
    """Yield the messages in *source* that are not too large; the others are told."""
    found = import_files.files(source)
    task = progress.add_task("Importing", total=import_files.total(found))
    reached = partial(_reached, progress, task)
    for where, message in import_files.read(found, max_bytes, reached):
        if message.size_bytes > max_bytes:
            tally.refused.append(
                f"{where}: {size(message.size_bytes)} is more than {size(max_bytes)}"
            )
        else:
            yield placed(message, folder=folder or None)


def _reached(progress: Progress, task: TaskID, done: int) -> None:
    progress.update(task, completed=done)


@contextmanager
def _progress(source: Path) -> Generator[Progress]:
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal or source == Path("-"),
        transient=True,
    ) as progress:
        yield progress
