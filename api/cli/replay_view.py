"""How a replay is told: for people what differs, a bounded lot of it; for programs all."""

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from api.cli.output import printable
from topologies.json_diff import MISSING, Change
from topologies.ports.log import Rewound
from topologies.replay_dry import Compared, DryRun

SHOWN_EVENTS = 50
SHOWN_CHANGES = 20  # of one event
SHOWN_CHARACTERS = 120  # of a value
SHOWN_BURIED = 10


def print_dry_run(stage: str, topic: str, run: DryRun) -> None:
    """Print what differs, and how much of each there is."""
    for each in run.compared[:SHOWN_EVENTS]:
        _print_event(each)
    if len(run.compared) > SHOWN_EVENTS:
        click.echo(f"… {len(run.compared) - SHOWN_EVENTS:,} events more; --json has them all")
    for dead in run.buried[:SHOWN_BURIED]:
        click.echo(f"dead      {dead.origin}: {dead.stage}, {dead.kind}: {printable(dead.reason)}")
    if len(run.buried) > SHOWN_BURIED:
        click.echo(f"… {len(run.buried) - SHOWN_BURIED:,} dead letters more; --json has them all")
    for what, count in run.refused.items():
        click.echo(f"{count:,} records could not be tried: {what} would change something")
    more = (
        ", and there are more: choose fewer by --since, --until or --key" if run.is_cut_off else ""
    )
    click.echo(f"{run.records:,} records of {topic} were tried on {stage}{more}")
    click.echo(
        f"{run.same:,} events are the same, {run.count('changed'):,} changed,"
        f" {run.count('new'):,} new, {run.count('gone'):,} gone;"
        f" {len(run.buried):,} records would be buried"
    )


def dry_fields(stage: str, topic: str, run: DryRun) -> dict[str, Any]:
    """Return a dry run for programs."""
    return {
        "stage": stage,
        "topic": topic,
        "records": run.records,
        "is_cut_off": run.is_cut_off,
        "same": run.same,
        "changed": run.count("changed"),
        "new": run.count("new"),
        "gone": run.count("gone"),
        "buried": run.buried,
        "not_tried": run.refused,
        "events": [_fields(each) for each in run.compared],
    }


def print_rewound(stage: str, topic: str, moves: Sequence[Rewound], *, only_counted: bool) -> None:
    """Print where a stage's group was set back, and how far."""
    for move in moves:
        click.echo(f"{topic}/{move.partition}  {move.was} → {move.now}")
    verb = "would be read" if only_counted else "are read"
    count = sum(move.was - move.now for move in moves)
    click.echo(f"{count:,} records of {topic} {verb} by {stage} again, when it is started")


def rewound_fields(stage: str, topic: str, moves: Sequence[Rewound]) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "stage": stage,
        "topic": topic,
        "records": sum(move.was - move.now for move in moves),
        "partitions": moves,
    }


def _print_event(each: Compared) -> None:
    moved = f", written to {each.moved_from} then" if each.moved_from else ""
    click.echo(f"{each.kind:<9} {each.topic}  {printable(each.key)}  of {each.origin}{moved}")
    for change in each.changes[:SHOWN_CHANGES]:
        click.echo(f"    {printable(change.pointer) or '/'}  {_in_words(change)}")
    if len(each.changes) > SHOWN_CHANGES:
        click.echo(f"    … {len(each.changes) - SHOWN_CHANGES:,} places more; --json has them all")


def _in_words(change: Change) -> str:
    return f"{_short(change.then)} → {_short(change.now)}"


def _short(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    text = msgspec.json.encode(value).decode()
    return printable(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …")


def _fields(each: Compared) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "event_id": each.event_id,
        "origin": each.origin,
        "topic": each.topic,
        "key": each.key,
        "moved_from": each.moved_from,
        "changes": [_change(change) for change in each.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    """Return a change as RFC 6902 would name it: what was not there has no value."""
    values = {"then": change.then, "now": change.now}
    return {"path": change.pointer} | {k: v for k, v in values.items() if v is not MISSING}
