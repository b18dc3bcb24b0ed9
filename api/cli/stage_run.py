"""`rillmail stage run`: one mail at the desk, through the stages up to one of them."""

import asyncio
from collections.abc import Sequence
from email.utils import parseaddr
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import click
import msgspec

from api.cli.output import as_json, examples, print_json, printable
from api.cli.stores import errors_for_people
from connectors.settings import load
from topologies.engines.handling import Emit
from topologies.errors import Misconfigured
from topologies.events import Event, MailReceived, MailSubmitted, event_tag
from topologies.mail import ids
from topologies.mail.message import parse_message
from topologies.one_mail import Tried, failed, leading_to, walk
from topologies.ports.classifier import SpamClassifier
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory
from topologies.stage import Stage
from topologies.topics import topic_of
from topologies.topology import Topology, build

SHOWN_CHARACTERS = 300  # of a field, for people; --json has it whole
HERE, ELSEWHERE = "you@desk.test", "somebody@elsewhere.test"
_SENT_BY = ("outbound", "feedback")  # paths of what users here send


@click.command(
    epilog=examples(
        "rillmail stage run score --on message.eml",
        "rillmail stage run store --on message.eml --to ann@shop.example",
        "rillmail stage run sign --on message.eml --json",
        "rillmail stage run route --on message.eml --sent    # as if a user here had sent it",
    )
)
@click.argument("name")
@click.option(
    "--on",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A message (RFC 5322).",
)
@click.option("--from", "mail_from", help="The sender; without it the message's From.")
@click.option("--to", "recipients", multiple=True, help="A recipient; may be repeated.")
@click.option(
    "--sent/--received",
    "is_sent",
    default=None,
    help="As if a user here had sent it, or as if it came in; without it as NAME's path has it.",
)
@as_json
def run(
    name: str,
    file: Path,
    mail_from: str | None,
    recipients: tuple[str, ...],
    is_sent: bool | None,
    as_json: bool,
) -> None:
    """Run one mail through the stages up to NAME, and tell what each makes of it.

    All ports are answered in memory: nothing is kept, nobody is written to, and DNS knows nothing,
    so that SPF, DKIM and DMARC find no domain. The times are those of a process that has run the
    mail once before, as a service has. The exit code is 1 if a stage could not pass it.
    """
    with errors_for_people():
        topology = build()
        stage = topology.stage(name)
        sent = stage.path in _SENT_BY if is_sent is None else is_sent
        _check_way(topology, stage, is_sent=sent)
        raw = _read(file)
        tried = asyncio.run(_tried(topology, stage, raw, mail_from, recipients, is_sent=sent))
    reached = any(each.stage is stage for each in tried)
    if as_json:
        told = [_fields(each) for each in tried]
        way = list(dict.fromkeys(each.stage.name for each in tried))
        print_json({"way": way, "reached": reached, "stages": told})
    else:
        for each in tried:
            _print(each)
        if not reached:
            click.echo(f"Nothing of what followed is read by {name}.")
    if failed(tried):
        raise SystemExit(1)


def _check_way(topology: Topology, stage: Stage, *, is_sent: bool) -> None:
    kinds = {kind for each in leading_to(topology, stage) for kind in each.reads}
    if (MailSubmitted if is_sent else MailReceived) in kinds:
        return
    if MailSubmitted not in kinds and MailReceived not in kinds:
        raise Misconfigured(
            f"no mail that comes in or is sent leads to {stage.name}: try it in a test"
        )
    raise Misconfigured(
        f"only a mail that {'comes in' if is_sent else 'is sent'} leads to {stage.name}:"
        f" say {'--received' if is_sent else '--sent'}"
    )


def _read(file: Path) -> bytes:
    try:
        raw = file.read_bytes()
        largest = load().max_message_bytes
    except OSError as error:
        raise click.ClickException(f"{file} can't be read: {error.strerror}") from None
    if len(raw) > largest:
        raise click.ClickException(f"{file} has {len(raw):,} bytes, and {largest:,} are allowed")
    # As SMTP hands it on (RFC 5321 §2.3.8).
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


async def _tried(
    topology: Topology,
    last: Stage,
    raw: bytes,
    mail_from: str | None,
    recipients: tuple[str, ...],
    *,
    is_sent: bool,
) -> Sequence[Tried]:
    tried: Sequence[Tried] = ()
    with TemporaryDirectory(prefix="rillmail-desk-") as folder:
        for _ in range(2):  # the first time is for what is loaded and compiled
            services = await _services(folder)
            event = await _entered(raw, mail_from, recipients, services, is_sent=is_sent)
            tried = await walk(topology, last, event, services)
    return tried


async def _services(folder: str) -> dict[type, Any]:
    """Return what answers the ports; those of other distributions have *folder* to write to."""
    # Here, since they know every system, and `--help` needs none.
    from connectors.assembly.in_memory import in_memory
    from connectors.assembly.stores import classifier_of
    from topologies import extensions

    settings = load()
    at_the_desk = msgspec.structs.replace(settings, profile="embedded", data_dir=folder)
    own = extensions.services(at_the_desk)
    return {**own, **await in_memory(), SpamClassifier: classifier_of(settings)}


async def _entered(
    raw: bytes,
    mail_from: str | None,
    recipients: tuple[str, ...],
    services: dict[type, Any],
    *,
    is_sent: bool,
) -> Event:
    clock: Clock = services[Clock]
    directory: Directory = services[Directory]
    at = clock.now()
    senders = parse_message(raw).message.from_
    sender = mail_from if mail_from is not None else (senders[0].address if senders else "")
    mail_id = ids.derived_id(at, raw)
    if is_sent:
        sender = sender if parseaddr(sender)[1] else HERE
        await _add(directory, sender)
        user = await directory.user_by_address(sender)
        return MailSubmitted(
            mail_id=mail_id,
            submitted_at=at,
            user_id=user.user_id if user is not None else "",
            mail_from=sender,
            recipients=recipients or (ELSEWHERE,),
            size_bytes=len(raw),
            raw=raw,
        )
    for recipient in recipients or (HERE,):
        await _add(directory, recipient)
    return MailReceived(
        mail_id=mail_id,
        received_at=at,
        origin="smtp",
        mail_from=sender,
        recipients=recipients or (HERE,),
        size_bytes=len(raw),
        raw=raw,
    )


async def _add(directory: Directory, address: str) -> None:
    """Let *address* be one of ours."""
    try:
        await directory.add_domain(address.rpartition("@")[2])
        await directory.add_user(address, "at the desk")
    except ValueError as error:
        if await directory.user_by_address(address) is None:
            raise click.ClickException(f"{address}: {error}") from None


def _print(tried: Tried) -> None:
    name = tried.stage.name
    took = f"{tried.seconds * 1000:.2f} ms, {tried.cpu_seconds * 1000:.2f} ms of CPU"
    click.echo(f"{name:<14}{took}")
    if not isinstance(tried.outcome, Emit):
        kind: Literal["again"] | str = getattr(tried.outcome, "kind", "again")
        click.echo(f"  ✗ {kind}: {printable(tried.outcome.reason)}")
        if trace := getattr(tried.outcome, "traceback", ""):
            click.echo(printable(trace, keep="\n"))
        return
    if not tried.outcome.events:
        click.echo("  writes nothing")
    for event in tried.outcome.events:
        click.echo(f"  → {topic_of(type(event)).name}  {event_tag(type(event))}")
        for field, value in _new(event, tried.given).items():
            text = msgspec.json.encode(value).decode()
            cut = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"
            click.echo(f"      {field:<16}{printable(cut)}")


def _new(event: Event, given: Event) -> dict[str, Any]:
    """Return the fields of *event* that say something, and that *given* does not say already."""
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(event):
        value = getattr(event, field.name)
        if field.name == "raw" or value == field.default:
            continue
        if value != getattr(given, field.name, None):
            fields[field.encode_name] = value
    return fields


def _fields(tried: Tried) -> dict[str, Any]:
    told: dict[str, Any] = {
        "stage": tried.stage.name,
        "path": tried.stage.path,
        "read": event_tag(type(tried.given)),
        "seconds": round(tried.seconds, 6),
        "cpu_seconds": round(tried.cpu_seconds, 6),
    }
    if isinstance(tried.outcome, Emit):
        written = [
            {"topic": topic_of(type(event)).name, "key": event.key, "event": event}
            for event in tried.outcome.events
        ]
        return told | {"result": "done", "written": written}
    kind = getattr(tried.outcome, "kind", "again")
    return told | {"result": kind, "reason": tried.outcome.reason, "written": []}
