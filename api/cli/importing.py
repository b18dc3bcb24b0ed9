"""What an import by a command does besides: it waits while the log takes nothing, and tells."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from api.cli.output import print_json, printable
from topologies.errors import Retryable
from topologies.importing import Tally

T = TypeVar("T")

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 15.0  # while the log takes nothing


def tell(tally: Tally, address: str, *, as_json: bool) -> None:
    """Print what became of the messages for *address*."""
    if as_json:
        print_json(tally)
        return
    for reason in tally.refused:
        click.echo(f"Not imported: {printable(reason)}", err=True)
    there = f", {tally.already_there} were there already" if tally.already_there else ""
    click.echo(f"{tally.added} added to {printable(address)}{there}")
    if tally.not_seen_yet:
        click.echo(f"{tally.not_seen_yet} of them will be seen when the service has stored them.")


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do *work*, again and again while there is no space or the store is out of reach."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            return await work()
        except Retryable as error:
            click.echo(f"{error}; waiting, Ctrl-C ends it", err=True)
        await asyncio.sleep(wait_s)
        wait_s = min(LONGEST_WAIT_S, wait_s * 2)
