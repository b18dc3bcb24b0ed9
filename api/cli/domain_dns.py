"""`rillmail domain dns`, `check` and `keys`: what the DNS must tell, whether it does, and keys."""

import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import click

from api.cli.output import as_json, examples, print_json, print_table
from api.cli.stores import Stores, errors_for_people, refusals, with_stores
from connectors.settings import load
from topologies.mail import dkim_rotation, domain_check, domain_records
from topologies.mail.domain_records import WantedRecord
from topologies.mail.mailbox_address import domain_in_ascii
from topologies.ports.dkim_keys import DkimKey

_STATES = {"ok": "ok", "missing": "MISSING", "wrong": "WRONG", "unknown": "no answer"}


@click.command(
    epilog=examples("rillmail domain dns example.com", "rillmail domain dns example.com --json")
)
@click.argument("name")
@as_json
def dns(name: str, as_json: bool) -> None:
    """Print every DNS record to publish for NAME, as lines of a zone file.

    Its keys are made if it has none.
    """
    hostname = _hostname()
    records = with_stores(lambda stores: _wanted(stores, name, hostname))
    if as_json:
        print_json([_as_told(each) for each in records])
        return
    for record in records:
        is_optional = "" if record.is_needed else "optional; "
        note = f"{is_optional}{record.note}".removesuffix("; ")
        click.echo(f"; {record.what}{f': {note}' if note else ''}")
        click.echo(record.line)
    if not any(record.what == "mta-sts" for record in records):
        click.echo(f"; mta-sts: no policy is set: rillmail domain mta-sts {name} --mode testing")


@click.command(
    epilog=examples("rillmail domain check example.com", "rillmail domain check example.com --json")
)
@click.argument("name")
@as_json
def check(name: str, as_json: bool) -> None:
    """Ask the DNS whether it tells of NAME what it should; exits with 1 if something is needed.

    The MTA-STS policy that is set here is fetched as other systems fetch it.
    """
    hostname = _hostname()

    async def work(stores: Stores) -> Sequence[domain_check.Found]:
        from connectors.dns.resolver import DnsResolver  # here: `--help` needs none
        from connectors.smtp_out.setup import policy_fetch_of

        settings = load()
        resolver = DnsResolver(settings.dns_servers, settings.dns_timeout_s, stores.clock)
        records = await _wanted(stores, name, hostname)
        domain = domain_in_ascii(name)
        found = list(await domain_check.check(resolver, domain, hostname, records))
        if (policy := await stores.sts_policies.of(domain)) is not None:
            fetch = policy_fetch_of(settings, resolver)
            found += await domain_check.check_policy(resolver, domain, policy, fetch)
        return found

    found = with_stores(work)
    if as_json:
        print_json(found)
    else:
        print_table(
            ["WHAT", "NAME", "STATE", "FOUND", "NOTE"],
            [
                [
                    each.what,
                    each.name,
                    _STATES[each.state]
                    if each.is_needed or each.state == "ok"
                    else f"{each.state} (optional)",
                    each.found if len(each.found) <= 80 else f"{each.found[:79]}…",
                    each.reason,
                ]
                for each in found
            ],
            "Nothing was asked.",
        )
    if any(each.state != "ok" and each.is_needed for each in found):
        raise SystemExit(1)


@click.command(
    epilog=examples(
        "rillmail domain keys example.com list",
        "rillmail domain keys example.com rotate",
        "rillmail domain keys example.com rotate --days 0",
    )
)
@click.argument("name")
@click.argument("action", type=click.Choice(["list", "rotate"]), default="list")
@click.option(
    "--days",
    type=click.FloatRange(min=0, max=90),
    default=float(dkim_rotation.TOLD_BEFORE.days),
    show_default=True,
    help="How long new keys are told in the DNS before they sign.",
)
@as_json
def keys(name: str, action: Literal["list", "rotate"], days: float, as_json: bool) -> None:
    """Show the keys that mail of NAME is signed with, or make new ones.

    New keys sign after some days, when the DNS tells them everywhere; the old ones end then.
    The records of both are to be published meanwhile: see `rillmail domain dns`.
    """

    async def work(stores: Stores) -> Sequence[DkimKey]:
        domain = await our_domain(stores, name)
        now = stores.clock.now()
        if action == "rotate":
            return await dkim_rotation.rotate(stores.dkim_keys, domain, now, timedelta(days=days))
        return await stores.dkim_keys.keys(domain)

    found = with_stores(work)
    told = [
        {
            "selector": key.selector,
            "algorithm": key.algorithm,
            "signs_from": key.signs_from,
            "signs_until": key.signs_until,
        }
        for key in found
    ]
    if as_json:
        print_json(told)
        return
    print_table(
        ["SELECTOR", "ALGORITHM", "SIGNS FROM", "UNTIL"],
        [
            [
                key.selector,
                key.algorithm,
                f"{key.signs_from:%Y-%m-%d %H:%M}",
                "" if key.signs_until is None else f"{key.signs_until:%Y-%m-%d %H:%M}",
            ]
            for key in found
        ],
        f"There is no key yet: rillmail domain keys {name} rotate",
    )
    if action == "rotate":
        click.echo(f"Publish what `rillmail domain dns {name}` prints.")


async def _wanted(stores: Stores, name: str, hostname: str) -> Sequence[WantedRecord]:
    domain = await our_domain(stores, name)
    now = stores.clock.now()
    kept = await dkim_rotation.first_keys(stores.dkim_keys, domain, now)
    policy = await stores.sts_policies.of(domain)
    return domain_records.wanted(domain, hostname, kept, now, policy)


async def our_domain(stores: Stores, name: str) -> str:
    """Return *name* in ASCII, if it is a domain of ours or an alias of one.

    Raises:
        click.ClickException: It is none.
    """
    with refusals():
        domain = domain_in_ascii(name)
    aliases = [alias for alias, _ in await stores.directory.domain_aliases()]
    if domain not in (*await stores.directory.domains(), *aliases):
        raise click.ClickException(f"{domain} is none of our domains: rillmail domain add {name}")
    return domain


def _hostname() -> str:
    """Return our name in the DNS; what can't be one is told, since it would be published."""
    with errors_for_people():
        hostname = load().hostname or socket.gethostname()
    if "." not in hostname:
        click.echo(
            f"Note: {hostname} is no name that others find: let RILLMAIL_HOSTNAME be the one that"
            " this host has in the DNS",
            err=True,
        )
    return hostname


def _as_told(record: WantedRecord) -> dict[str, object]:
    return {
        "what": record.what,
        "name": record.name,
        "type": record.kind,
        "value": record.value,
        "is_needed": record.is_needed,
        "note": record.note,
        "line": record.line,
    }
