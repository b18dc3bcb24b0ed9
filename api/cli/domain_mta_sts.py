"""`rillmail domain mta-sts`: what a domain asks of those who bring it mail (RFC 8461)."""

from collections.abc import Sequence
from typing import Any

import click

from api.cli.domain_dns import our_domain
from api.cli.output import as_json, examples, print_json
from api.cli.stores import Stores, errors_for_people, with_stores
from connectors.settings import load
from topologies.mail import mta_sts
from topologies.mail.mailbox_address import domain_in_ascii
from topologies.mail.mta_sts import Mode, Policy


@click.command(
    "mta-sts",
    epilog=examples(
        "rillmail domain mta-sts example.com",
        "rillmail domain mta-sts example.com --mode testing",
        "rillmail domain mta-sts example.com --mode enforce --max-age 2592000",
        "rillmail domain mta-sts example.com --mode enforce --mx '*.mx.example.net'",
        "rillmail domain mta-sts example.com --remove",
    ),
)
@click.argument("name")
@click.option(
    "--mode",
    type=click.Choice(["none", "testing", "enforce"]),
    help="none: nothing is asked; testing: only reported; enforce: no mail without TLS.",
)
@click.option(
    "--mx",
    "hosts",
    multiple=True,
    help="A host that mail is brought to; *. stands for one label. Without it: RILLMAIL_HOSTNAME.",
)
@click.option(
    "--max-age",
    "max_age_s",
    type=click.IntRange(mta_sts.SHORTEST_AGE_S, mta_sts.LONGEST_AGE_S),
    default=mta_sts.USUAL_AGE_S,
    show_default=True,
    help="For how many seconds others keep it.",
)
@click.option("--remove", is_flag=True, help="Let it have no policy.")
@as_json
def mta_sts_(
    name: str, mode: Mode | None, hosts: Sequence[str], max_age_s: int, remove: bool, as_json: bool
) -> None:
    """Show or set the policy of NAME, which the API serves to other systems.

    They ask for it at https://mta-sts.NAME/.well-known/mta-sts.txt: let that name lead to what
    stands before the API, with a certificate. Then publish what `rillmail domain dns` prints.
    Before a policy is removed, let its mode be none for as long as others keep it.
    """
    if remove and mode is not None:
        raise click.UsageError("give --mode or --remove, not both")
    text = None if mode is None else mta_sts.written(_policy(mode, hosts, max_age_s))

    async def work(stores: Stores) -> tuple[str, str | None]:
        domain = await our_domain(stores, name)
        if text is not None:
            await stores.sts_policies.put(domain, text)
        elif remove and not await stores.sts_policies.remove(domain):
            raise click.ClickException(f"{domain} has no policy")
        return domain, await stores.sts_policies.of(domain)

    domain, kept = with_stores(work)
    if as_json:
        print_json(_fields(domain, kept))
    elif kept is None:
        click.echo(f"{domain} has no policy: rillmail domain mta-sts {name} --mode testing")
    else:
        click.echo(kept.replace("\r\n", "\n"), nl=False)
        if text is not None:
            click.echo(f"Publish the record of _mta-sts that `rillmail domain dns {name}` prints.")


def _policy(mode: Mode, hosts: Sequence[str], max_age_s: int) -> Policy:
    with errors_for_people():
        hosts = hosts or tuple(filter(None, [load().hostname]))
    if not hosts and mode != "none":
        raise click.ClickException("set RILLMAIL_HOSTNAME to our name in the MX, or give --mx")
    return Policy(mode, tuple(dict.fromkeys(map(_host, hosts))), max_age_s)


def _host(given: str) -> str:
    star, name = ("*.", given[2:]) if given.startswith("*.") else ("", given)
    try:
        return star + domain_in_ascii(name.rstrip("."))
    except ValueError as error:
        raise click.ClickException(f"--mx: {error}") from error


def _fields(domain: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {"domain": domain, "mode": None, "mx": [], "max_age_s": None, "record": None}
    policy = mta_sts.parse(text)
    return {
        "domain": domain,
        "mode": policy.mode,
        "mx": policy.hosts,
        "max_age_s": policy.max_age_s,
        "record": mta_sts.record_of(text),
    }
