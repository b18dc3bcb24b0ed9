"""`rillmail dead`: records that no stage could pass, and what becomes of them."""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import click
import msgspec

from api.cli.dead_edit import edit
from api.cli.output import as_json, examples, print_json, print_table, printable
from api.cli.stores import Stores, with_stores
from topologies.ports.dead_letters import DeadLetter, DeadLetters

SHOWN_CHARACTERS = 4_000  # of an event, for people; --json has it whole

path = click.option("--path", help="Only those of this path, such as inbound.")
stage = click.option("--stage", help="Only those of this stage, such as parse.")


@click.group()
def dead() -> None:
    """Dead letters: records that no stage could pass."""


@dead.command(
    "list", epilog=examples("rillmail dead list", "rillmail dead list --path inbound --json")
)
@path
@stage
@click.option("--settled", is_flag=True, help="Also those that were replayed or dropped.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@as_json
def list_(path: str | None, stage: str | None, settled: bool, limit: int, as_json: bool) -> None:
    """List dead letters, newest first."""

    async def work(stores: Stores) -> tuple[Sequence[DeadLetter], dict[str, int]]:
        letters = stores.dead_letters
        asked = limit if stage is None else 10_000
        found = await letters.list(path=path, include_settled=settled, limit=asked)
        wanted = [letter for letter in found if stage is None or letter.stage == stage]
        return wanted[:limit], await letters.count()

    letters, counts = with_stores(work)
    if as_json:
        print_json([_fields(letter) for letter in letters])
        return
    print_table(
        ["LETTER", "BURIED", "STAGE", "KIND", "STATE", "TRIES", "REASON"],
        [
            [
                letter.letter_id,
                f"{letter.buried_at:%Y-%m-%d %H:%M:%S}",
                f"{letter.path}/{letter.stage}",
                letter.kind,
                letter.state,
                letter.attempts,
                letter.reason,
            ]
            for letter in letters
        ],
        "No dead letters." if not (path or stage) else _none_such(counts),
    )
    total = sum(n for name, n in counts.items() if path in (None, name))
    if not settled and stage is None and total > len(letters):
        click.echo(f"{len(letters)} of {total} are shown; --limit shows more", err=True)


@dead.command(epilog=examples("rillmail dead show LETTER", "rillmail dead show LETTER --json"))
@click.argument("letter")
@as_json
def show(letter: str, as_json: bool) -> None:
    """Show one dead letter: why it died, and the record itself."""

    async def work(stores: Stores) -> DeadLetter:
        if (found := await stores.dead_letters.get(letter)) is None:
            raise click.ClickException(f"there is no dead letter {letter}: see rillmail dead list")
        return found

    found = with_stores(work)
    fields = _fields(found) | {"event": _event(found.value)}
    if as_json:
        print_json(fields | {"value": base64.b64encode(found.value).decode()})
        return
    for name in _SHOWN:
        click.echo(f"{name:<12}{printable(str(fields[name]))}")
    for title, text in (("traceback", found.traceback), ("event", _readable(found.value))):
        if text:
            click.echo(f"\n{title}\n{printable(text, keep=chr(10))}")


@dead.command(
    epilog=examples(
        "rillmail dead replay LETTER",
        "rillmail dead replay --all --stage parse     # after the fix is running",
    )
)
@click.argument("letters", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All that --path and --stage leave.")
@path
@stage
@as_json
def replay(
    letters: tuple[str, ...], is_all: bool, path: str | None, stage: str | None, as_json: bool
) -> None:
    """Hand dead letters to their stage again; what went through before is not doubled."""
    _settle(letters, is_all, path, stage, as_json, "replayed", lambda dead, i: dead.replay(i))


dead.add_command(edit)


@dead.command(
    epilog=examples(
        "rillmail dead drop LETTER",
        "rillmail dead drop --all --path inbound     # counts, and asks",
    )
)
@click.argument("letters", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All that --path and --stage leave.")
@path
@stage
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@as_json
def drop(
    letters: tuple[str, ...],
    is_all: bool,
    path: str | None,
    stage: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Settle dead letters without a replay; they stay on record as dropped.

    A mail in them is nowhere else, and what was dropped is not replayed any more.
    """
    if is_all and not yes and not letters:
        if as_json:
            raise click.UsageError("--json can't ask: say --yes as well")
        letters = tuple(with_stores(lambda stores: _all(stores.dead_letters, path, stage)))
        if letters:
            click.confirm(f"drop {len(letters)} dead letters? They can't be replayed", abort=True)
            is_all, path, stage = False, None, None  # those, and none that came meanwhile
    _settle(letters, is_all, path, stage, as_json, "dropped", lambda dead, i: dead.drop(i))


def _settle(
    letters: tuple[str, ...],
    is_all: bool,
    path: str | None,
    stage: str | None,
    as_json: bool,
    done_word: str,
    settle: Callable[[DeadLetters, str], Awaitable[bool]],
) -> None:
    if bool(letters) == is_all:
        raise click.UsageError("name the letters, or say --all")
    if letters and (path or stage):
        raise click.UsageError("--path and --stage choose among all: they go with --all")

    async def work(stores: Stores) -> dict[str, bool]:
        chosen = letters or await _all(stores.dead_letters, path, stage)
        return {letter: await settle(stores.dead_letters, letter) for letter in chosen}

    settled = with_stores(work)
    done = [letter for letter, is_done in settled.items() if is_done]
    missing = [letter for letter, is_done in settled.items() if not is_done]
    if as_json:
        print_json({done_word: done, "not_found": missing})
    else:
        click.echo(f"{len(done)} {done_word}")
    if missing and not is_all:  # of all, some may have been settled by others meanwhile
        raise click.ClickException(
            f"not dead, or never were: {', '.join(missing)}; see rillmail dead list --settled"
        )


def _none_such(counts: Mapping[str, int]) -> str:
    others = sum(counts.values())
    return "No dead letters of those" + (f"; there are {others} others." if others else ".")


async def _all(letters: DeadLetters, path: str | None, stage: str | None) -> list[str]:
    # Chosen before the first is settled: one that dies again at once is not taken twice.
    total = sum((await letters.count()).values())
    found = await letters.list(path=path, limit=max(1, total))
    return [letter.letter_id for letter in found if stage is None or letter.stage == stage]


_SHOWN = (
    *("letter_id", "path", "stage", "kind", "reason", "attempts", "state"),
    *("key", "event_id", "origin", "buried_at"),
)


def _fields(letter: DeadLetter) -> dict[str, Any]:
    names = (*_SHOWN, "traceback")
    return {name: getattr(letter, name) for name in names}


def _event(value: bytes) -> Any:
    """Return the event as JSON has it, None if that can't be read."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _readable(value: bytes) -> str:
    try:
        text = msgspec.json.format(value, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = ascii(value)
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return text[:SHOWN_CHARACTERS] + f"\n… {len(text):,} characters; --json has them all"
