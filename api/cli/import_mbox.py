"""`rillmail import`: bring the mail of an mbox file, a Maildir or a single file into a mailbox.

Writes `mail.received` with origin ``import``, so that each message goes through all stages;
the log is shared, so the service may run meanwhile. A message's id is derived from its date,
the user and its bytes: what was imported before is known by it, and is not added twice.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from api.cli.output import as_json, examples, print_json, printable, size
from api.cli.smtp_client import connected
from api.cli.stores import Stores, errors_for_people, with_stores
from connectors.settings import load
from topologies.errors import Retryable
from topologies.events import RAW_INLINE_BYTES, MailReceived
from topologies.mail.ids import derived_id
from topologies.mail.mbox import Stored, date_of, messages
from topologies.ports.directory import User

T = TypeVar("T")

BATCH = 32  # messages that share one sync of the disk
BATCH_BYTES = 4 * 1024**2
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 15.0  # while the log takes nothing
LOOK_EVERY_S = 0.2
OLDEST = datetime(1971, 1, 1, tzinfo=UTC)  # an earlier date is none; also of what has none


@dataclass(slots=True)
class Tally:
    """What became of the messages."""

    added: int = 0
    already_there: int = 0
    not_seen_yet: int = 0
    refused: list[str] = field(default_factory=list[str])


@click.command(
    epilog=examples(
        "rillmail import old.mbox --user bo@demo.test",
        "rillmail import ~/Maildir --user bo@demo.test --json",
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
    server: str | None,
    patience_s: float,
    as_json: bool,
) -> None:
    """Bring the mail in SOURCE, an mbox file, a Maildir or - for standard input, to a user.

    It may be run again: what is there already is not added twice. Line ends become CRLF;
    apart from that every byte is kept. Imported mail counts as read. The service may run
    meanwhile; if not, the mail is seen once it runs. By SMTP, mail is new, and is added again.
    """
    with errors_for_people():
        settings = load()
    if server and by == "log":
        raise click.UsageError("--server goes with --by smtp")
    tally = Tally()
    with _progress(source) as progress:
        incoming = _read(source, settings.max_message_bytes, progress, tally)
        if by == "smtp":
            where = server or f"{settings.host}:{settings.smtp_port}"
            _by_smtp(incoming, address, where, tally)
        else:

            async def work(stores: Stores) -> None:
                added = await _by_log(stores, incoming, address, tally)
                if patience_s:
                    tally.not_seen_yet = await _unseen(stores, added, patience_s, progress)

            with_stores(work)
    _print(tally, address, as_json)
    if tally.refused:
        raise click.exceptions.Exit(1)


# --- where it goes ----------------------------------------------------------------------


async def _by_log(
    stores: Stores, incoming: Iterator[Stored], address: str, tally: Tally
) -> list[str]:
    """Hand the messages over; return the mail_ids of those that were not there."""
    user = await stores.directory.user_by_address(address)
    if user is None:
        raise click.ClickException(
            f"there is no user {printable(address)}; `rillmail user list` shows who there is"
        )
    added: dict[str, None] = {}
    batch: list[MailReceived] = []
    batch_bytes = 0
    for message in incoming:
        dates = _dates(message)
        ids = [derived_id(date, user.user_id, message.raw) for date in dates]
        if ids[0] in added or await _is_there(stores, ids):
            tally.already_there += 1
            continue
        added[ids[0]] = None
        batch.append(await _received(stores, message, user, ids[0], dates[0]))
        batch_bytes += min(message.size_bytes, RAW_INLINE_BYTES)
        if len(batch) >= BATCH or batch_bytes >= BATCH_BYTES:
            await _append(stores, tuple(batch), tally)
            batch.clear()
            batch_bytes = 0
    if batch:
        await _append(stores, tuple(batch), tally)
    return list(added)


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


async def _is_there(stores: Stores, mail_ids: Sequence[str]) -> bool:
    # Each of its dates: which of them counted may have been another when it was imported.
    for mail_id in mail_ids:
        if await stores.mailboxes.places(mail_id):
            return True
    return False


async def _received(
    stores: Stores, message: Stored, user: User, mail_id: str, date: datetime
) -> MailReceived:
    is_small = message.size_bytes <= RAW_INLINE_BYTES
    blob = None
    if not is_small:
        [blob] = await _patiently(lambda: stores.blobs.put([message.raw]))
    return MailReceived(
        mail_id=mail_id,
        received_at=date,
        origin="import",
        mail_from=message.sender,
        recipients=(user.address,),
        size_bytes=message.size_bytes,
        raw=message.raw if is_small else None,
        raw_blob=blob,
        smtputf8=not message.sender.isascii(),
    )


async def _append(stores: Stores, events: Sequence[MailReceived], tally: Tally) -> None:
    await _patiently(lambda: stores.log.append(events))
    tally.added += len(events)


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do *work*, again and again while there is no space or the store is out of reach."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            return await work()
        except Retryable as error:
            click.echo(f"{error}; waiting, Ctrl-C ends it", err=True)
        await asyncio.sleep(wait_s)
        wait_s = min(LONGEST_WAIT_S, wait_s * 2)


# --- where it comes from ------------------------------------------------------------------


def _read(source: Path, max_bytes: int, progress: Progress, tally: Tally) -> Iterator[Stored]:
    """Yield the messages in *source* that are not too large; the others are told."""
    done = 0
    task = progress.add_task("Importing", total=_total(source))
    for path in _files(source):
        end = 0
        with _opened(path) as file:
            for number, message in enumerate(messages(file, max_bytes), start=1):
                if message.size_bytes > max_bytes:
                    where = f"{path.name}, message {number}"
                    tally.refused.append(
                        f"{where}: {size(message.size_bytes)} is more than {size(max_bytes)}"
                    )
                else:
                    yield message
                end = message.end
                progress.update(task, completed=done + end)
        done += end


def _files(source: Path) -> Sequence[Path]:
    if not source.is_dir():
        return [source]
    folders = [source / "cur", source / "new"]
    if not any(folder.is_dir() for folder in folders):
        raise click.ClickException(f"{source} is a folder, but no Maildir: cur and new are missing")
    found = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return sorted(path for path in found if path.is_file())


def _total(source: Path) -> int | None:
    if source == Path("-"):
        return None
    return sum(path.stat().st_size for path in _files(source))


@contextmanager
def _opened(path: Path) -> Generator[BinaryIO]:
    if path == Path("-"):
        yield sys.stdin.buffer
        return
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise click.ClickException(f"{path} can't be read: {error.strerror}") from error


def _dates(message: Stored) -> list[datetime]:
    """Return the dates that the message can have, the best one first."""
    named = [date for date in (date_of(message.raw), message.stored_at) if date]
    # A date to come would stay on top of all mail for as long.
    now = datetime.now(UTC)
    return [*sorted((d for d in named if d >= OLDEST), key=lambda d: d > now), OLDEST]


# --- what is told -------------------------------------------------------------------------


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


def _print(tally: Tally, address: str, as_json: bool) -> None:
    if as_json:
        print_json(tally)
        return
    for reason in tally.refused:
        click.echo(f"Not imported: {printable(reason)}", err=True)
    there = f", {tally.already_there} were there already" if tally.already_there else ""
    click.echo(f"{tally.added} added to {printable(address)}{there}")
    if tally.not_seen_yet:
        click.echo(f"{tally.not_seen_yet} of them will be seen when the service has stored them.")
