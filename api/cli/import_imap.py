"""`rillmail import imap`: bring the mail that lies at another provider, by IMAP."""

import asyncio
import imaplib
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import click
from rich.progress import Progress

from api.cli.imap_answers import Remote, RemoteFolder
from api.cli.imap_source import Account, ImapSource, Security
from api.cli.imap_state import ImapState, state_path
from api.cli.importing import patiently, tell
from api.cli.output import as_json, examples, printable, size
from api.cli.progress import nearing
from api.cli.stores import Stores, errors_for_people, with_stores
from api.cli.user_account import known
from connectors.settings import load
from topologies.events import Filing
from topologies.importing import Importing, Tally
from topologies.mail.mbox import Stored

PORTS = {"tls": 993, "starttls": 143, "none": 143}
TRIES = 5  # in a row without a message
WAITS_S = (1.0, 5.0, 15.0, 30.0)  # between them


@click.command(
    epilog=examples(
        "rillmail import imap --host imap.far.example --login bo@far.example --user bo@demo.test",
        "rillmail import imap --host imap.far.example --login bo --user bo@demo.test"
        " --password-file pw.txt --folder INBOX --folder Sent",
        "rillmail import imap --host imap.far.example --login bo@far.example --user bo@demo.test"
        " --token-file token.txt",
    )
)
@click.option("--host", required=True, help="Of the other provider.")
@click.option("--port", type=click.IntRange(1, 65_535), help="993, or 143 without --security tls.")
@click.option("--login", help="The name to sign in with there; without it as --user.")
@click.option("--user", "address", required=True, help="Whose mailbox here it goes to.")
@click.option(
    "--password-file",
    type=click.File(encoding="utf-8"),
    help="A file that holds the password there, - for standard input; asked for without it.",
)
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that holds an OAuth 2 access token for the mailbox there, instead of a password.",
)
@click.option(
    "--security",
    type=click.Choice(["tls", "starttls", "none"]),
    default="tls",
    show_default=True,
    help="none sends the password in the clear: on this machine only.",
)
@click.option("--ca-file", type=click.Path(exists=True), help="Trust these, not the system's.")
@click.option("--folder", "names", multiple=True, help="Only this one; may be said several times.")
@as_json
def import_imap(
    host: str,
    port: int | None,
    login: str | None,
    address: str,
    password_file: IO[str] | None,
    token_file: Path | None,
    security: Security,
    ca_file: str | None,
    names: Sequence[str],
    as_json: bool,
) -> None:
    """Bring the mail of a mailbox at another provider to a user here.

    Folders, flags and dates are kept, and every byte. Nothing is changed there: folders are
    only looked into. It may be broken off and run again, and goes on where it was; run later,
    it brings what came since. Mail that is marked as deleted there is left out.
    """
    with errors_for_people():
        settings = load()
    if security == "none" and host not in ("127.0.0.1", "::1", "localhost"):
        raise click.UsageError("--security none is for this machine: a password can be read by all")
    if token_file is not None and password_file is not None:
        raise click.UsageError("--token-file and --password-file: one proof is enough")
    account = Account(
        host=host,
        port=port or PORTS[security],
        login=login or address,
        password="" if token_file is not None else _password(password_file),
        token_file=token_file,
        security=security,
        ca_file=ca_file,
    )
    tally = Tally()
    state = ImapState(state_path(Path(settings.data_dir), host, account.login, address))

    async def work(stores: Stores) -> None:
        user = await known(stores, address)
        importing = Importing(stores, user, tally, is_stored_at_best=True, surely=patiently)
        with nearing(is_quiet=as_json) as progress:
            journey = _Journey(
                account, state, importing, tally, settings.max_message_bytes, progress
            )
            await journey.run(names)

    with_stores(work)
    tell(tally, address, as_json=as_json)
    if tally.refused:
        raise click.exceptions.Exit(1)


class _Journey:
    """The way of all mails from there to here."""

    def __init__(
        self,
        account: Account,
        state: ImapState,
        importing: Importing,
        tally: Tally,
        max_bytes: int,
        progress: Progress,
    ) -> None:
        self._account = account
        self._state = state
        self._importing = importing
        self._tally = tally
        self._max_bytes = max_bytes
        self._progress = progress
        self._failures = 0
        self._was_in = False

    async def run(self, names: Sequence[str]) -> None:
        """Bring all folders, or those that are named."""
        finished: set[str] = set()
        while True:
            try:
                source = await asyncio.to_thread(ImapSource, self._account)
            except (imaplib.IMAP4.abort, OSError) as error:
                await self._wait(error)
                continue
            except imaplib.IMAP4.error as error:
                raise click.ClickException(
                    f"{self._account.host} lets {printable(self._account.login)} not in:"
                    f" {_words(error)}"
                ) from error
            self._was_in = True
            try:
                await self._folders(source, names, finished)
            except (imaplib.IMAP4.abort, OSError) as error:
                await self._wait(error)
                continue
            except imaplib.IMAP4.error as error:
                raise click.ClickException(
                    f"{self._account.host} can't go on: {_words(error)}; what is brought so far"
                    " is safe: run it again to go on"
                ) from error
            finally:
                await asyncio.to_thread(source.close)
            return

    async def _folders(self, source: ImapSource, names: Sequence[str], finished: set[str]) -> None:
        folders = await asyncio.to_thread(source.folders)
        holds_all = any(folder.holds_all for folder in folders)
        for folder in _wanted(names, folders):
            if folder.name not in finished:
                await self._folder(source, folder, holds_all=holds_all)
                finished.add(folder.name)

    async def _folder(self, source: ImapSource, folder: RemoteFolder, *, holds_all: bool) -> None:
        validity, uids = await asyncio.to_thread(source.open, folder)
        last = self._state.last(folder.name, validity)
        wanted = [uid for uid in uids if uid > last]
        task = self._progress.add_task(printable(folder.own_name), total=len(wanted))
        groups = source.messages(wanted, self._max_bytes)
        while (group := await asyncio.to_thread(next, groups, None)) is not None:
            for remote in group:
                await self._message(folder, remote, holds_all=holds_all)
            await self._importing.finish()
            self._state.reached(folder.name, validity, group[-1].uid)
            self._failures = 0
            self._progress.advance(task, len(group))

    async def _message(self, folder: RemoteFolder, remote: Remote, *, holds_all: bool) -> None:
        if remote.is_deleted:
            return
        if remote.size_bytes > self._max_bytes:
            self._tally.refused.append(
                f"{folder.own_name}, message {remote.uid}: {size(remote.size_bytes)} is more than"
                f" {size(self._max_bytes)}"
            )
            return
        if folder.holds_all and self._state.is_seen(remote.raw):
            return  # it is in a folder of its own, too
        await self._importing.add(
            Stored(
                raw=remote.raw,
                size_bytes=remote.size_bytes,
                stored_at=remote.received_at,
                end=remote.size_bytes,
                filing=Filing(
                    folder=folder.own_name,
                    is_read=remote.is_read,
                    is_starred=remote.is_starred,
                ),
            )
        )
        if holds_all:
            self._state.see(remote.raw)

    async def _wait(self, error: Exception) -> None:
        """Wait a while, since the other side can't be reached; give up after some tries."""
        if isinstance(error, ssl.SSLCertVerificationError):
            raise click.ClickException(
                f"{self._account.host} does not prove who it is: {error.verify_message};"
                " --ca-file names who is trusted"
            ) from error
        if not self._was_in:  # what never answered is as a rule mistyped: to wait helps nobody
            raise click.ClickException(
                f"{self._account.host}:{self._account.port} can't be reached: {_words(error)};"
                " look at --host, --port and --security"
            ) from error
        self._failures += 1
        if self._failures >= TRIES:
            raise click.ClickException(
                f"{self._account.host}:{self._account.port} can't be reached: {_words(error)};"
                " what is brought so far is safe: run it again to go on"
            ) from error
        click.echo(f"{_words(error)}; trying again, Ctrl-C ends it", err=True)
        await asyncio.sleep(WAITS_S[self._failures - 1])


def _wanted(names: Sequence[str], folders: Sequence[RemoteFolder]) -> Sequence[RemoteFolder]:
    if not names:
        return folders
    found: list[RemoteFolder] = []
    for name in names:
        same = [f for f in folders if name.casefold() in (f.name.casefold(), f.own_name.casefold())]
        if not same:
            there = ", ".join(folder.own_name for folder in folders)
            raise click.ClickException(
                f"there is no folder {printable(name)} there, but {printable(there)}"
            )
        found += same
    return found


def _words(error: Exception) -> str:
    text = error.args[-1] if error.args else type(error).__name__
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return printable(str(text))[:300]


def _password(file: IO[str] | None) -> str:
    if file is not None:
        return file.read(4_096).removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        raise click.UsageError("say where the password is: --password-file FILE, - for stdin")
    entered: str = click.prompt("Password there", hide_input=True)
    return entered
