"""`rillmail webhooks`: who is told by HTTP what became of their mail, and how that fares."""

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import Stores, refusals, with_stores
from topologies.mail.mailbox_address import domain_in_ascii
from topologies.ports.webhooks import MAX_ATTEMPTS_PAGE, Webhook, WebhookAttempt

SWITCHED_OFF = "an administrator switched it off"

of = click.option("--of", "owner", required=True, help="A user's address, or @domain of senders.")


@click.group()
def webhooks() -> None:
    """Who is told by HTTP what became of their mail.

    They are made by the API: see docs/webhooks.md.
    """


@webhooks.command(
    "list",
    epilog=examples(
        "rillmail webhooks list --of ann@example.com", "rillmail webhooks list --of @example.com"
    ),
)
@of
@as_json
def list_(owner: str, as_json: bool) -> None:
    """List the webhooks of a user or a domain, and why one is told nothing."""

    async def work(stores: Stores) -> Sequence[Webhook]:
        return await stores.webhooks.of(await _owner(stores, owner))

    found = with_stores(work)
    if as_json:
        print_json([_fields(each) for each in found])
        return
    print_table(
        ["WEBHOOK", "URL", "SINCE", "STATE"],
        [
            [each.webhook_id, each.url, f"{each.created_at:%Y-%m-%d}", _state(each)]
            for each in found
        ],
        f"{owner} has none.",
    )


@webhooks.command(epilog=examples("rillmail webhooks attempts ID --of ann@example.com --limit 10"))
@click.argument("webhook_id")
@of
@click.option("--limit", type=click.IntRange(1, MAX_ATTEMPTS_PAGE), default=50, show_default=True)
@as_json
def attempts(webhook_id: str, owner: str, limit: int, as_json: bool) -> None:
    """Show the last times that something was posted, the newest first."""

    async def work(stores: Stores) -> Sequence[WebhookAttempt]:
        await _find(stores, owner, webhook_id)
        return await stores.webhooks.attempts(webhook_id, limit=limit)

    found = with_stores(work)
    if as_json:
        print_json(found)
        return
    print_table(
        ["WHEN", "MESSAGE", "TYPE", "ATTEMPT", "STATUS", "TOOK", "ANSWER"],
        [
            [
                f"{each.attempted_at:%Y-%m-%d %H:%M:%S}",
                each.message_id,
                each.type,
                each.attempt,
                each.status or "none",
                f"{each.took_ms} ms",
                each.text,
            ]
            for each in found
        ],
        "Nothing was posted in the last week.",
    )


@webhooks.command(epilog=examples("rillmail webhooks disable ID --of ann@example.com"))
@click.argument("webhook_id")
@of
def disable(webhook_id: str, owner: str) -> None:
    """Post nothing more there until its owner switches it on again."""

    async def work(stores: Stores) -> None:
        found = await _find(stores, owner, webhook_id)
        now = stores.clock.now()
        await stores.webhooks.disable(found.owner, webhook_id, now, SWITCHED_OFF)

    with_stores(work)
    click.echo("It is told nothing more")


async def _find(stores: Stores, owner: str, webhook_id: str) -> Webhook:
    found = await stores.webhooks.find(await _owner(stores, owner), webhook_id)
    if found is None:
        raise click.ClickException(
            f"{owner} has no such webhook: see rillmail webhooks list --of {owner}"
        )
    return found


async def _owner(stores: Stores, given: str) -> str:
    if given.startswith("@"):
        with refusals():
            return "@" + domain_in_ascii(given[1:]).lower()
    user = await stores.directory.user_by_address(given)
    if user is None:
        raise click.ClickException(f"there is no user {given}")
    return user.user_id


def _state(webhook: Webhook) -> str:
    if webhook.disabled_at is not None:
        return f"disabled since {webhook.disabled_at:%Y-%m-%d %H:%M}: {webhook.disabled_why}"
    if webhook.failing_since is not None:
        return f"failing since {webhook.failing_since:%Y-%m-%d %H:%M}, {webhook.failures} times"
    return "well"


def _fields(webhook: Webhook) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(webhook)
    del told["secrets"]
    return told
