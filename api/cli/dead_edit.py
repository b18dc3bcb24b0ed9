"""`rillmail dead edit`: an event that died, put right and handed to its stage again."""

import getpass
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from api.cli.output import as_json, examples, print_json, printable
from api.cli.stores import Stores, errors_for_people, with_stores
from api.dead_editing import Unfit, edited, event_of, hand_on
from topologies.json_pointer import put, remove
from topologies.ports.dead_letters import DeadLetter
from topologies.topology import Topology, build


@click.command(
    epilog=examples(
        "rillmail dead edit LETTER                     # in $EDITOR",
        "rillmail dead edit LETTER --set /message/subject=Hello --set /size_bytes=120",
        "rillmail dead edit LETTER --remove /wishes --check",
        "rillmail dead edit LETTER --file event.json",
    )
)
@click.argument("letter")
@click.option(
    "--set",
    "puts",
    multiple=True,
    metavar="/POINTER=VALUE",
    help="Put this there (RFC 6901): JSON, or else a text. May be repeated.",
)
@click.option("--remove", "removes", multiple=True, metavar="/POINTER", help="Take this out.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The whole event, as JSON.",
)
@click.option("--check", is_flag=True, help="Only say whether it fits; hand nothing on.")
@as_json
def edit(
    letter: str,
    puts: tuple[str, ...],
    removes: tuple[str, ...],
    file: Path | None,
    check: bool,
    as_json: bool,
) -> None:
    """Put the event of a dead letter right, and hand it to its stage again.

    Without --set, --remove or --file it is opened in $EDITOR. It must be what the stage reads, with
    no name that is unknown there. What died stays on record as it was, and a line of the log tells
    who changed which places.
    """
    if file is not None and (puts or removes):
        raise click.UsageError("--file is the whole event: it goes with neither --set nor --remove")
    with errors_for_people():
        topology = build()
    by = f"{getpass.getuser()}, by rillmail dead edit"

    async def read(stores: Stores) -> DeadLetter:
        found = await stores.dead_letters.get(letter)
        if found is None or found.state != "dead":
            raise click.ClickException(
                f"{letter} is not dead, or never was: see rillmail dead list --settled"
            )
        return found

    found = with_stores(read)
    try:
        if file is not None:
            value = _decoded(file.read_bytes(), str(file))
        elif puts or removes:
            value = _changed(event_of(found), puts, removes)
        else:
            value = _in_editor(found, topology, by)
        new, places = edited(found, value, topology, by)
    except (Unfit, ValueError) as error:
        raise click.ClickException(printable(str(error))) from None

    async def work(stores: Stores) -> bool:
        return await hand_on(stores.dead_letters, found, new, places)

    if not check and not with_stores(work):
        raise click.ClickException(f"{letter} was settled by somebody else meanwhile")
    if as_json:
        state = found.state if check else "replayed"
        print_json({"letter_id": letter, "stage": found.stage, "state": state, "changed": places})
    else:
        what = ", ".join(printable(place) or "the whole event" for place in places)
        verb = "would be handed" if check else "handed"
        click.echo(f"{what} changed; {verb} to {found.stage} again")


def _decoded(raw: bytes, whose: str) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{whose} is no JSON: {error}") from None


def _changed(value: Any, puts: tuple[str, ...], removes: tuple[str, ...]) -> Any:
    for given in puts:
        pointer, equals, text = given.partition("=")
        if not equals:
            raise ValueError(f"{given!r} is no /POINTER=VALUE")
        try:
            new = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            new = text
        value = put(value, pointer, new)
    for pointer in removes:
        value = remove(value, pointer)
    return value


def _in_editor(letter: DeadLetter, topology: Topology, by: str) -> Any:
    """Return what a person makes of the event; they are asked again while it does not fit."""
    try:
        text = msgspec.json.format(letter.value, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = "{}"
    while True:
        written = click.edit(text, extension=".json")
        if written is None:
            raise ValueError("nothing was saved, so nothing is changed")
        text = written
        try:
            value = _decoded(text.encode(), "what was saved")
            edited(letter, value, topology, by)
        except (Unfit, ValueError) as error:
            click.echo(printable(str(error)), err=True)
            if not (sys.stdin.isatty() and click.confirm("Edit it again?", default=True)):
                raise
        else:
            return value
