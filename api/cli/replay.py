"""`rillmail replay`: a stretch of a topic, handed to one of its stages once more."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click

from api.cli.output import as_json, examples, print_json
from api.cli.progress import counting
from api.cli.stores import Stores, errors_for_people, with_stores
from topologies.replay import replay
from topologies.topics import topic_of
from topologies.topology import build


@click.command(
    "replay",
    epilog=examples(
        "rillmail replay index --hours 24",
        "rillmail replay parse --since 2026-03-01T12:00 --dry-run",
        "rillmail replay store --key USER_ID",
        "rillmail replay parse --offset 0:1500 --offset 1:1480 --json",
    ),
)
@click.argument("stage")
@click.option("--hours", type=click.FloatRange(min=0), help="Only what was appended since then.")
@click.option("--since", type=click.DateTime(), help="Only what was appended from then on; UTC.")
@click.option(
    "--offset",
    "offsets",
    multiple=True,
    metavar="PARTITION:OFFSET",
    help="Only this partition, from this offset on.",
)
@click.option("--key", help="Only records with this key: a mail_id, or a user_id.")
@click.option("--dry-run", is_flag=True, help="Only count them.")
@as_json
def replay_(
    stage: str,
    hours: float | None,
    since: datetime | None,
    offsets: Sequence[str],
    key: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Hand what STAGE reads to it again: all that its topic holds, or a part of it.

    No other stage sees it. What it led to before is not doubled: a mail that is delivered again
    is the same mail. A step between two stages holds records only where it is cut or tapped.
    """
    if sum((hours is not None, since is not None, bool(offsets))) > 1:
        raise click.UsageError("take one of --hours, --since and --offset")
    if hours is not None:
        since = datetime.now(UTC) - timedelta(hours=hours)
    elif since is not None:
        since = since.replace(tzinfo=UTC)
    places = dict(map(_place, offsets)) or None

    with errors_for_people():
        chosen = build().stage(stage)
        topic = topic_of(chosen.reads[0]).name

    async def work(stores: Stores) -> int:
        done = 0
        with counting(is_quiet=as_json) as progress:
            task = progress.add_task("Records", total=None)
            log = None if dry_run else stores.log
            async for count in replay(
                chosen, stores.reader, log, since=since, offsets=places, key=key
            ):
                progress.update(task, completed=count)
                done = count
        return done

    done = with_stores(work)
    if as_json:
        print_json({"stage": stage, "topic": topic, "records": done, "dry_run": dry_run})
    else:
        verb = "would be handed" if dry_run else "were handed"
        click.echo(f"{done:,} records of {topic} {verb} to {stage} again")


def _place(text: str) -> tuple[int, int]:
    partition, colon, offset = text.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        raise click.UsageError(f"{text!r} is no PARTITION:OFFSET")
    return int(partition), int(offset)
