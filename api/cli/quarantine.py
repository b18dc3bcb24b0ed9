"""`rillmail quarantine`: mails that are kept from their recipients, and what becomes of them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import click

from api.cli.output import as_json, examples, print_json, print_table, printable, size
from api.cli.progress import nearing
from api.cli.stores import Stores, with_stores
from topologies import quarantine as rules
from topologies.events import QUARANTINE_USER
from topologies.mail import ids, malware
from topologies.mail.listing import pages
from topologies.mail.raw import read_raw
from topologies.ports.mailboxes import Email, Mailboxes

MOST = 10_000  # mails listed, or settled by --older, at once
Settle = Callable[[Stores, Email], Awaitable[str]]  # returns what stood in its way, or ""


@click.group()
def quarantine() -> None:
    """The quarantine: mails that are kept from their recipients.

    MAIL is the id that is listed here, or the one that log lines and `rillmail trace` name.
    """


@quarantine.command(
    "list",
    epilog=examples(
        "rillmail quarantine list",
        "rillmail quarantine list --released --json",
    ),
)
@click.option("--released", is_flag=True, help="Those that were let out, instead of those held.")
@click.option("--limit", type=click.IntRange(1, MOST), default=100, show_default=True)
@as_json
def list_(released: bool, limit: int, as_json: bool) -> None:
    """List held mails, newest first."""

    async def work(stores: Stores) -> tuple[Sequence[Email], int]:
        state: rules.State = "released" if released else "held"
        found = [email async for email in _emails(stores.mailboxes, state, limit)]
        folders = await stores.mailboxes.folders(QUARANTINE_USER)
        wanted = rules.FOLDERS[state]
        return found, sum(f.total_count for f in folders if f.folder_id == wanted)

    emails, total = with_stores(work)
    if as_json:
        print_json([_fields(email) for email in emails])
        return
    print_table(
        ["MAIL", "RECEIVED", "FROM", "TO", "SIZE", "FOUND", "SUBJECT"],
        [
            [
                email.summary.email_id,
                f"{email.summary.created_at:%Y-%m-%d %H:%M:%S}",
                email.mail_from or "<>",
                _few(rules.recipients_of(email)),
                size(email.summary.size_bytes),
                email.note,
                email.summary.subject,
            ]
            for email in emails
        ],
        "No mail was let out." if released else "No mail is held.",
    )
    if total > len(emails):
        click.echo(f"{len(emails)} of {total} are shown; --limit shows more", err=True)


@quarantine.command(
    epilog=examples(
        "rillmail quarantine show MAIL",
        "rillmail quarantine show MAIL --raw > held.eml     # to be examined with care",
    )
)
@click.argument("mail")
@click.option("--raw", is_flag=True, help="The message itself, as it was accepted.")
@as_json
def show(mail: str, raw: bool, as_json: bool) -> None:
    """Show one held mail: who it was for, and what was found in it."""
    if raw and as_json:
        raise click.UsageError("--raw is no JSON: leave one of them out")

    async def work(stores: Stores) -> tuple[Email, bytes]:
        email = await _found(stores, mail)
        if email is None:
            raise click.ClickException(
                f"there is no mail {mail} in the quarantine: see rillmail quarantine list"
            )
        return email, await read_raw(stores.blobs, email.raw_ref) if raw else b""

    email, message = with_stores(work)
    if raw:
        click.get_binary_stream("stdout").write(message)
        return
    fields = _fields(email)
    if as_json:
        print_json(fields)
        return
    for name, value in (fields | {"recipients": ", ".join(fields["recipients"])}).items():
        if name not in ("findings", "attachments"):
            click.echo(f"{name:<12}{printable(str(value))}")
    for title, rows in (("findings", fields["findings"]), ("attachments", fields["attachments"])):
        for row in rows:
            click.echo(f"{title:<12}{printable('  '.join(str(v) for v in row.values() if v))}")


@quarantine.command(
    epilog=examples(
        "rillmail quarantine release MAIL",
        "rillmail quarantine release MAIL MAIL --json",
    )
)
@click.argument("mails", nargs=-1, required=True)
@as_json
def release(mails: tuple[str, ...], as_json: bool) -> None:
    """Hand held mails in again, to all whom they were for; nobody gets one twice.

    They take the way of any mail, except that nobody looks for malware in them, and are dated
    as they were received. What was let out stays in the quarantine, under --released.
    """
    _settle(mails, None, as_json, "released", _release)


@quarantine.command(
    epilog=examples(
        "rillmail quarantine drop MAIL",
        "rillmail quarantine drop --older 30     # days, released ones too",
    )
)
@click.argument("mails", nargs=-1)
@click.option(
    "--older", "older_days", type=click.FloatRange(min=0), help="All received before: days."
)
@as_json
def drop(mails: tuple[str, ...], older_days: float | None, as_json: bool) -> None:
    """Delete held mails for good; the audit still knows that they were quarantined."""
    if bool(mails) == (older_days is not None):
        raise click.UsageError("name the mails, or say --older DAYS")
    _settle(mails, older_days, as_json, "dropped", _drop)


async def _release(stores: Stores, email: Email) -> str:
    mail = await rules.release(email, stores.blobs, by="the command line")
    if mail is None:
        return "its envelope was not kept, so nobody knows whom it is for"
    # First what must not be lost: done again, it leads to no second copy.
    await stores.log.append([mail])
    await stores.log.append([rules.moved(email, at=stores.clock.now())])
    return ""


async def _drop(stores: Stores, email: Email) -> str:
    await stores.log.append([rules.dropped(email, at=stores.clock.now())])
    return ""


def _settle(
    mails: Sequence[str], older_days: float | None, is_quiet: bool, done_word: str, settle: Settle
) -> None:
    async def work(stores: Stores) -> tuple[list[str], dict[str, str]]:
        chosen = mails if older_days is None else await _older(stores, older_days)
        done: list[str] = []
        failed: dict[str, str] = {}
        with nearing(is_quiet=is_quiet) as progress:
            for mail in progress.track(chosen, description="Mails"):
                email = await _found(stores, mail)
                trouble = await settle(stores, email) if email is not None else "it is not there"
                if not trouble:
                    done.append(mail)
                elif older_days is None or email is not None:
                    failed[mail] = trouble
        return done, failed

    done, failed = with_stores(work)
    if is_quiet:
        print_json({done_word: done, "failed": failed})
    else:
        click.echo(f"{len(done)} {done_word}")
    if failed:
        reasons = "; ".join(f"{mail}: {why}" for mail, why in failed.items())
        raise click.ClickException(f"{reasons}; see rillmail quarantine list")


async def _found(stores: Stores, mail: str) -> Email | None:
    """Return the held mail of that id: its own here, or the one that log lines and traces name."""
    if found := await stores.mailboxes.email(QUARANTINE_USER, mail):
        return found
    try:
        email_id = ids.email_id(mail, QUARANTINE_USER)
    except ValueError:
        return None
    return await stores.mailboxes.email(QUARANTINE_USER, email_id)


async def _older(stores: Stores, days: float) -> list[str]:
    before = stores.clock.now() - timedelta(days=days)
    chosen: list[str] = []
    for folder_id in rules.FOLDERS.values():
        async for lines in pages(stores.mailboxes, QUARANTINE_USER, folder_id):
            chosen += [line.email_id for line in lines if line.created_at < before]
    return sorted(chosen)[:MOST]  # the oldest first: their ids sort by time


async def _emails(mailboxes: Mailboxes, state: rules.State, limit: int) -> AsyncGenerator[Email]:
    left = limit
    async for lines in pages(mailboxes, QUARANTINE_USER, rules.FOLDERS[state]):
        for line in lines[:left]:
            email = await mailboxes.email(QUARANTINE_USER, line.email_id)
            if email is not None:
                yield email
        left -= len(lines)
        if left <= 0:
            return


def _few(addresses: Sequence[str]) -> str:
    more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
    return ", ".join(addresses[:3]) + more


def _fields(email: Email) -> dict[str, Any]:
    findings = malware.findings_of(email.virus) if email.virus is not None else ()
    return {
        "email_id": email.summary.email_id,
        "mail_id": email.mail_id,
        "state": rules.state_of(email),
        "received_at": email.summary.created_at,
        "mail_from": email.mail_from,
        "recipients": list(rules.recipients_of(email)),
        "subject": email.summary.subject,
        "size": email.summary.size_bytes,
        "note": email.note,
        "findings": [{"kind": f.kind, "name": f.name, "part": f.part} for f in findings],
        "attachments": [
            {"file_name": a.file_name, "content_type": a.content_type, "size": a.size_bytes}
            for a in email.message.attachments
        ],
    }
