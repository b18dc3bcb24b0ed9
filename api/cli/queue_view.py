"""How a delivery is shown on the command line."""

from typing import Any

import click

from api.cli.output import printable
from topologies.mail import status
from topologies.ports.deliveries import Delivery, RecipientView


def print_delivery(delivery: Delivery) -> None:
    """Print a delivery with what was said about each recipient."""
    for name, value in (
        ("delivery", delivery.delivery_id),
        ("mail", delivery.mail_id),
        ("user", delivery.user_id),
        ("from", delivery.mail_from or "<>"),
        ("to", delivery.destination),
        ("kind", delivery.kind),
        ("submitted", f"{delivery.submitted_at:%Y-%m-%d %H:%M:%S}"),
        ("state", delivery.state),
        ("order", delivery.order),
        *([("via", delivery.via)] if delivery.via else []),
        ("next try", f"{delivery.next_try_at:%Y-%m-%d %H:%M:%S}" if delivery.next_try_at else "-"),
    ):
        click.echo(f"{name:<11}{printable(value)}")
    for each in delivery.recipients:
        click.echo(f"\n  {printable(each.recipient)}: {each.state}, tried {each.attempt} times")
        if each.state in ("deferred", "failed"):
            click.echo(f"    {status.in_words(each.enhanced, each.code)}")
        if said := said_of(each):
            click.echo(f"    {printable(each.host) or 'here'}: {printable(said)}")
        if each.tls:
            click.echo(f"    over {printable(each.tls)}")


def said_of(recipient: RecipientView) -> str:
    """Return what was said about a recipient last, with its codes."""
    code = str(recipient.code or "")
    return " ".join(filter(None, (code, recipient.enhanced, recipient.text)))


def recipient_of(delivery: Delivery) -> str:
    """Return whom it is for, in a few words."""
    first = delivery.recipients[0].recipient if delivery.recipients else delivery.destination
    more = len(delivery.recipients) - 1
    return f"{first} +{more}" if more > 0 else first


def reason_of(delivery: Delivery) -> str:
    """Return why it waits or failed."""
    for each in delivery.recipients:
        if each.state in ("deferred", "failed"):
            return each.text or status.in_words(each.enhanced, each.code)
    return ""


def span(seconds: float) -> str:
    """Return a time for people, to one unit."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def fields(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery for programs."""
    return {
        "delivery_id": delivery.delivery_id,
        "mail_id": delivery.mail_id,
        "user_id": delivery.user_id,
        "sender": delivery.mail_from,
        "destination": delivery.destination,
        "kind": delivery.kind,
        "submitted_at": delivery.submitted_at,
        "state": delivery.state,
        "order": delivery.order,
        "via": delivery.via,
        "next_try_at": delivery.next_try_at,
        "recipients": delivery.recipients,
    }
