"""`rillmail queue trace`: what became of all recipients of a mail, also while it happens."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import click
import msgspec

from api.cli.output import as_json, examples, print_json, printable
from api.cli.queue_view import fields, print_delivery, said_of
from api.cli.stores import Stores, with_stores
from topologies.ports.deliveries import Deliveries, Delivery, RecipientView

LOOK_EVERY_S = 0.5
SETTLED_LOOKS = 6  # a mail to several systems comes to the store part by part
UNKNOWN_LOOKS = 20  # what was sent a moment ago may not be there yet


@click.command(
    epilog=examples(
        "rillmail queue trace MAIL",
        "rillmail queue trace MAIL --follow      # until all recipients have a final answer",
        "rillmail queue trace MAIL --follow --json | jq .state",
    )
)
@click.argument("mail")
@click.option("--follow", is_flag=True, help="Go on, and show outcomes as they come.")
@as_json
def trace(mail: str, follow: bool, as_json: bool) -> None:
    """Show what became of all recipients of a mail, also those delivered to.

    With --follow a line is shown for each recipient whenever something came of it, first for
    what is known already, until all have a final answer (Ctrl-C ends it before).
    """
    if follow:
        with_stores(lambda stores: _follow(stores, mail, as_json=as_json))
        return

    async def work(stores: Stores) -> Sequence[Delivery]:
        if not (found := await stores.deliveries.of_mail(mail)):
            raise _unknown(mail)
        return found

    found = with_stores(work)
    if as_json:
        print_json([fields(each) for each in found])
        return
    for number, each in enumerate(found):
        if number:
            click.echo()
        print_delivery(each)


async def _follow(stores: Stores, mail: str, *, as_json: bool) -> None:
    async with aclosing(outcomes(stores.deliveries, mail)) as news:
        async for delivery, recipient in news:
            if as_json:
                told = {"delivery_id": delivery.delivery_id, "destination": delivery.destination}
                click.echo(msgspec.json.encode(told | msgspec.to_builtins(recipient)))
            else:
                click.echo(_line(delivery, recipient))


async def outcomes(
    deliveries: Deliveries, mail: str, *, look_every_s: float = LOOK_EVERY_S
) -> AsyncGenerator[tuple[Delivery, RecipientView]]:
    """Yield what is known of each recipient, and whenever it changes, until all are final.

    Raises:
        click.ClickException: Nothing of the mail went to other systems.
    """
    shown: dict[tuple[str, str], tuple[RecipientView, bool]] = {}
    unknown = settled = 0
    while True:
        found = await deliveries.of_mail(mail)
        has_news = False
        for delivery in found:
            for each in delivery.recipients:
                place = (delivery.delivery_id, each.recipient)
                state = (each, each.is_open and delivery.order == "hold")
                if shown.get(place) != state:
                    shown[place] = state
                    has_news = True
                    yield delivery, each
        if not found:
            unknown += 1
            if unknown == UNKNOWN_LOOKS:
                raise _unknown(mail)
        elif has_news or any(each.is_open for each in found):
            settled = 0
        else:
            settled += 1
            if settled == SETTLED_LOOKS:
                return
        await asyncio.sleep(look_every_s)


def _line(delivery: Delivery, recipient: RecipientView) -> str:
    state = "held" if recipient.is_open and delivery.order == "hold" else recipient.state
    at = f"{recipient.attempted_at:%H:%M:%S}" if recipient.attempted_at else "-" * 8
    told = f"{at}  {printable(recipient.recipient)}: {state}"
    if recipient.attempt:
        told += f" at try {recipient.attempt}"
    if said := said_of(recipient):
        told += f"; {printable(recipient.host) or 'here'}: {printable(said)}"
    if recipient.is_open and recipient.attempt and recipient.next_try_at:
        told += f"; again at {recipient.next_try_at:%H:%M:%S}"
    if delivery.via and recipient.is_open:
        told += f"; by {printable(delivery.via)}"
    return told


def _unknown(mail: str) -> click.ClickException:
    return click.ClickException(
        f"nothing of a mail {mail} went to other systems, or it is too long ago"
    )
