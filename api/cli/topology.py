"""`rillmail topology`: which stages there are, and how mail flows through them."""

from collections.abc import Callable, Mapping

import click

from api.cli.output import as_json, examples, print_json
from api.cli.stores import errors_for_people
from connectors.settings import load
from topologies.drawing.asyncapi import as_asyncapi
from topologies.drawing.described import described
from topologies.drawing.svg import as_svg
from topologies.drawing.text import as_mermaid, as_text
from topologies.topology import Topology, build

_DRAWN: Mapping[str, Callable[[Topology], str]] = {
    "text": as_text,
    "mermaid": as_mermaid,
    "svg": as_svg,
    "asyncapi": as_asyncapi,
}


@click.command(
    epilog=examples(
        "rillmail topology",
        "rillmail topology --cut mail.authenticated --tap mail.parsed",
        "rillmail topology --format svg > topology.svg",
        "rillmail topology --format asyncapi > asyncapi.json",
    )
)
@click.option(
    "--format", "format_", type=click.Choice(list(_DRAWN)), default="text", show_default=True
)
@click.option("--cut", multiple=True, help="A step's topic to cut, or all. Instead of the setting.")
@click.option("--tap", multiple=True, help="A step's topic to tap, or all. Instead of the setting.")
@as_json
def topology(format_: str, cut: tuple[str, ...], tap: tuple[str, ...], as_json: bool) -> None:
    """Draw the stages and topics as they run with the settings.

    A topic at the left margin is read by the stage under it. Within a chain, events are handed
    on in process; a cut step goes through its topic, a tapped one is published besides.

    `svg` is a picture for a browser; `asyncapi` is an AsyncAPI 3.0 document of all topics and
    events, for tools that generate code or pages.
    """
    with errors_for_people():
        settings = load()
        built = build(cuts=cut or settings.cuts, taps=tap or settings.taps)
    if as_json:
        print_json(described(built))
    else:
        click.echo(_DRAWN[format_](built))
