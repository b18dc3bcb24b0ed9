"""`rillmail trace`: where is my mail, by its id."""

import base64
from collections.abc import Mapping

import click

from api.cli.output import as_json, examples, print_json, printable
from api.cli.queue_view import fields as delivery_fields
from api.cli.queue_view import print_delivery
from api.cli.stores import Stores, errors_for_people, with_stores
from api.cli.trace_words import in_words
from topologies.events import QUARANTINE_USER
from topologies.ports.dead_letters import DeadLetter
from topologies.topology import build
from topologies.trail import Trail, TrailCopy, TrailEvent
from topologies.trail_finding import TrailFinder


@click.command(epilog=examples("rillmail trace MAIL_ID", "rillmail trace MAIL_ID --json"))
@click.argument("mail_id")
@as_json
def trace(mail_id: str, as_json: bool) -> None:
    """Tell what became of a mail: every event about it on the log, and where it is now.

    MAIL_ID is the one that the log lines of the service name, `rillmail audit` and `queue`, and a
    mail's headers: for each mail that is accepted one, whoever it is for. The time line shows
    which stage wrote what, and how long after the beginning. What the log has forgotten is not in
    it; where the mail is now is told all the same. The exit code is 1 if nothing is known of it.
    """
    with errors_for_people():
        topology = build()

    async def work(stores: Stores) -> Trail:
        finder = TrailFinder(
            stores.reader,
            stores.directory,
            stores.mailboxes,
            stores.deliveries,
            stores.dead_letters,
            topology,
            stores.clock,
        )
        try:
            return await finder.find(mail_id)
        except ValueError:
            raise click.ClickException(
                f"{mail_id} is no id of a mail, which looks like"
                " 019ca945-0a00-788f-aaa8-18612655d5a4"
            ) from None

    trail = with_stores(work)
    if as_json:
        print_json(_fields(trail))
    elif not trail.is_empty:
        _print(trail)
    if trail.is_empty:
        raise click.ClickException(
            f"nothing is known of a mail {mail_id}: the log has forgotten it, and nobody has a"
            " copy, or there never was one"
        )


def _print(trail: Trail) -> None:
    if trail.events:
        click.echo(f"Events, from {trail.events[0].at:%Y-%m-%d %H:%M:%S} UTC on")
    for event in trail.events:
        _print_event(event, trail)
    if trail.copies:
        click.echo("\nCopies")
    for copy in trail.copies:
        click.echo(f"  {printable(_whose(copy))}: {copy.folder_id or 'deleted'}, {copy.email_id}")
    for delivery in trail.deliveries:
        click.echo()
        print_delivery(delivery)
    if trail.dead_letters:
        click.echo("\nDead letters")
    for letter in trail.dead_letters:
        click.echo(
            f"  {letter.letter_id}  {letter.path}/{letter.stage}: {letter.kind}, {letter.state}"
            f"\n    {printable(letter.reason)}"
        )
    for what in trail.incomplete:
        click.echo(f"Not all was looked into: {printable(what)}", err=True)


def _print_event(event: TrailEvent, trail: Trail) -> None:
    seconds = (event.at - trail.events[0].at).total_seconds()
    kind = event.tag.partition("/")[0] or "unreadable"
    by = f"by {event.written_by}" if event.written_by else "from outside"
    if event.is_replay:
        by = "again, for one stage"
    click.echo(f"  +{seconds:<9.3f} {kind:<22} {by:<20} {_place(event)}")
    if said := in_words(event.tag, event.fields):
        click.echo(f"  {'':<10} {printable(said)}")
    if event.mail_id != trail.mail_ids[0]:
        click.echo(f"  {'':<10} as the mail {event.mail_id}")


def _place(event: TrailEvent) -> str:
    return f"{event.topic}/{event.partition}/{event.offset}"


def _whose(copy: TrailCopy) -> str:
    if copy.user_id == QUARANTINE_USER:
        return "the quarantine"
    return copy.address or copy.user_id


def _fields(trail: Trail) -> Mapping[str, object]:
    return {
        "mail_ids": trail.mail_ids,
        "events": trail.events,
        "copies": trail.copies,
        "deliveries": [delivery_fields(each) for each in trail.deliveries],
        "dead_letters": [_letter(each) for each in trail.dead_letters],
        "incomplete": trail.incomplete,
    }


def _letter(letter: DeadLetter) -> Mapping[str, object]:
    return {
        "letter_id": letter.letter_id,
        "path": letter.path,
        "stage": letter.stage,
        "kind": letter.kind,
        "state": letter.state,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "buried_at": letter.buried_at,
        "value": base64.b64encode(letter.value).decode(),
    }
