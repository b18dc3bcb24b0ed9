"""`rillmail replay`: a stretch of a topic, handed to one of its stages once more."""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import click

from api.cli.output import as_json, examples, print_json
from api.cli.progress import counting
from api.cli.replay_view import dry_fields, print_dry_run, print_rewound, rewound_fields
from api.cli.stores import Stores, errors_for_people, with_stores
from connectors.settings import Settings, load
from topologies.ports.log import Record, Rewound
from topologies.replay import AT_ONCE, replay, stretch
from topologies.replay_dry import DryRun, compare
from topologies.replay_trying import Trier, write_beside
from topologies.stage import Stage
from topologies.topics import topic_of
from topologies.topology import Topology, build

if TYPE_CHECKING:
    from connectors.assembly.stores import Stores as AllStores

ASIDE = "replayed."  # before the name of a topic at the side
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"])
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """Which stage, and which stretch of its topic."""

    stage: Stage
    topology: Topology
    settings: Settings
    since: datetime | None
    until: datetime | None
    offsets: Mapping[int, int] | None
    key: str | None
    most: int | None

    @property
    def topic(self) -> str:
        return topic_of(self.stage.reads[0]).name


@click.command(
    "replay",
    epilog=examples(
        "rillmail replay index --hours 24",
        "rillmail replay parse --since 2026-03-01T12:00 --until 2026-03-01T13:00 --dry-run",
        "rillmail replay parse --limit 500 --into try-1     # what it gives, into a topic aside",
        "rillmail replay store --key USER_ID",
        "rillmail replay parse --offset 0:1500 --offset 1:1480 --json",
        "rillmail replay store --since 2026-03-14T03:00 --rewind   # with its workers stopped",
    ),
)
@click.argument("stage")
@click.option("--hours", type=click.FloatRange(min=0), help="Only what was appended since then.")
@click.option("--since", type=_MOMENT, help="Only what was appended from then on; UTC.")
@click.option("--until", type=_MOMENT, help="Only what was appended before; UTC.")
@click.option(
    "--offset",
    "offsets",
    multiple=True,
    metavar="PARTITION:OFFSET",
    help="Only this partition, from this offset on.",
)
@click.option("--key", help="Only records with this key: a mail_id, or a user_id.")
@click.option("--limit", "most", type=click.IntRange(min=1), help="No more than so many.")
@click.option("--count", "is_count", is_flag=True, help="Only count them.")
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would be otherwise.")
@click.option("--into", metavar="NAME", help=f"Change nothing; write to the topic {ASIDE}NAME.")
@click.option("--alone", is_flag=True, help="Of a dry run: without the stages chained to it.")
@click.option("--rewind", is_flag=True, help="Set its group back: its workers must be stopped.")
@as_json
def replay_(
    stage: str,
    hours: float | None,
    since: datetime | None,
    until: datetime | None,
    offsets: Sequence[str],
    key: str | None,
    most: int | None,
    is_count: bool,
    dry_run: bool,
    into: str | None,
    alone: bool,
    rewind: bool,
    as_json: bool,
) -> None:
    """Hand what STAGE reads to it again: all that its topic holds, or a part of it.

    No other stage sees it. What it led to before is not doubled: a mail that is delivered again
    is the same mail. A step between two stages holds records only where it is cut or tapped.

    With --dry-run the stage, and those chained to it, are run here, without effect, and what they
    give now is laid beside what was written then, event by event. The exit code is 1 if anything
    differs, and 2 if something could not be tried since it would change a store. What the embedded
    service knows of senders is not known here.

    With --rewind nothing is written: STAGE and those chained to it, whose workers are stopped, read
    on from there when they are started. All that came since is done again before what waits, in the
    order of the topic. What came by another way, an earlier replay or a dead letter, is not.
    """
    if sum((hours is not None, since is not None, bool(offsets))) > 1:
        raise click.UsageError("take one of --hours, --since and --offset")
    if sum((is_count, dry_run, into is not None)) > 1:
        raise click.UsageError("take one of --count, --dry-run and --into")
    if rewind and (dry_run or into is not None or until is not None or key or most):
        raise click.UsageError(
            "--rewind goes with --hours, --since, --offset and --count:"
            " what comes later is done again, too"
        )
    if alone and not (dry_run or into):
        raise click.UsageError(
            "--alone goes with --dry-run or --into: for good, stages are chained"
        )
    if into is not None and not _NAME.fullmatch(into):
        raise click.UsageError(f"{into!r} is no name: letters, digits, and . _ - between them")
    if hours is not None:
        since = datetime.now(UTC) - timedelta(hours=hours)
    elif since is not None:
        since = since.replace(tzinfo=UTC)
    places = dict(map(_place, offsets)) or None
    with errors_for_people():
        settings = load()
        topology = build(cuts=("all",) if alone else settings.cuts, taps=settings.taps)
        wanted = _Wanted(
            stage=topology.stage(stage),
            topology=topology,
            settings=settings,
            since=since,
            until=until.replace(tzinfo=UTC) if until is not None else None,
            offsets=places,
            key=key,
            most=most,
        )
    if rewind:
        _rewind(wanted, is_count=is_count, is_json=as_json)
    elif dry_run:
        _compare(wanted, is_json=as_json)
    elif into is not None:
        _write_beside(wanted, ASIDE + into, is_json=as_json)
    else:
        _replay(wanted, is_count=is_count, is_json=as_json)


def _replay(wanted: _Wanted, *, is_count: bool, is_json: bool) -> None:
    async def work(stores: Stores) -> int:
        done = 0
        with counting(is_quiet=is_json) as progress:
            task = progress.add_task("Records", total=None)
            async for done in replay(
                wanted.stage,
                stores.reader,
                None if is_count else stores.log,
                since=wanted.since,
                until=wanted.until,
                offsets=wanted.offsets,
                key=wanted.key,
                most=wanted.most,
            ):
                progress.update(task, completed=done)
        return done

    done = with_stores(work)
    _check_held(wanted, done)
    name, topic = wanted.stage.name, wanted.topic
    if is_json:
        print_json({"stage": name, "topic": topic, "records": done, "only_counted": is_count})
    else:
        verb = "would be handed" if is_count else "were handed"
        click.echo(f"{done:,} records of {topic} {verb} to {name} again")


def _rewind(wanted: _Wanted, *, is_count: bool, is_json: bool) -> None:
    async def work(stores: Stores) -> Sequence[Rewound]:
        from connectors.assembly.looking_back import rewinder_of

        rewinder = rewinder_of(wanted.settings, cast("AllStores", stores))
        return await rewinder.rewind(
            name,
            topic,
            since=wanted.since,
            offsets=wanted.offsets,
            only_look=is_count,
        )

    name, topic = wanted.stage.name, wanted.topic
    heads = [stage.name for _, stage in wanted.topology.heads() if stage.path == wanted.stage.path]
    if name not in heads:
        raise click.ClickException(
            f"{name} has no group of its own: it runs in the chain that one of"
            f" {', '.join(heads)} heads. Set that one back"
        )
    moves = with_stores(work)
    if is_json:
        print_json(rewound_fields(name, topic, moves) | {"only_counted": is_count})
    else:
        print_rewound(name, topic, moves, only_counted=is_count)


def _compare(wanted: _Wanted, *, is_json: bool) -> None:
    async def work(stores: Stores) -> DryRun:
        from connectors.assembly.looking_back import services_for

        run = DryRun()
        async with services_for(wanted.settings, cast("AllStores", stores)) as services:
            with counting(is_quiet=is_json) as progress:
                task = progress.add_task("Records", total=None)
                async for run in compare(
                    wanted.topology, wanted.stage, stores.reader, services, _records(wanted, stores)
                ):
                    progress.update(task, completed=run.records)
        return run

    run = with_stores(work)
    _check_held(wanted, run.records)
    if is_json:
        print_json(dry_fields(wanted.stage.name, wanted.topic, run))
    else:
        print_dry_run(wanted.stage.name, wanted.topic, run)
    if run.differs:
        raise SystemExit(1)
    if run.refused:
        raise SystemExit(2)


def _write_beside(wanted: _Wanted, topic: str, *, is_json: bool) -> None:
    async def work(stores: Stores) -> tuple[int, int, int]:
        from connectors.assembly.looking_back import make_topic, services_for

        await make_topic(wanted.settings, topic)
        counts = (0, 0, 0)
        async with services_for(wanted.settings, cast("AllStores", stores)) as services:
            trier = Trier(wanted.topology, wanted.stage, services)
            with counting(is_quiet=is_json) as progress:
                task = progress.add_task("Records", total=None)
                tried = write_beside(trier, stores.log, _records(wanted, stores), topic, AT_ONCE)
                async for counts in tried:
                    progress.update(task, completed=counts[0])
        return counts

    records, written, refused = with_stores(work)
    _check_held(wanted, records)
    if is_json:
        told = {"stage": wanted.stage.name, "topic": wanted.topic, "into": topic}
        print_json(told | {"records": records, "written": written, "not_tried": refused})
    else:
        click.echo(
            f"{records:,} records of {wanted.topic} gave {written:,} events, written to {topic}"
        )
        if refused:
            click.echo(f"{refused:,} could not be tried: {wanted.stage.name} would change a store")
    if refused:
        raise SystemExit(2)


def _check_held(wanted: _Wanted, records: int) -> None:
    """Make sure that there was nothing to do, where nothing was done.

    Raises:
        click.ClickException: The topic holds nothing since its step is chained.
    """
    stage, settings = wanted.stage, wanted.settings
    topology = build(cuts=settings.cuts, taps=settings.taps)
    if not records and not topology.is_written(stage.reads[0]):
        raise click.ClickException(
            f"{wanted.topic} holds no such records, since {stage.name} is handed its mails in"
            f" process: replay {topology.head_of(stage).name}, which heads the chain; or let"
            f" RILLMAIL_TAPS name {wanted.topic}, for those to come"
        )


def _records(wanted: _Wanted, stores: Stores) -> AsyncGenerator[Record]:
    return stretch(
        wanted.stage,
        stores.reader,
        since=wanted.since,
        until=wanted.until,
        offsets=wanted.offsets,
        key=wanted.key,
        most=wanted.most,
    )


def _place(text: str) -> tuple[int, int]:
    partition, colon, offset = text.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        raise click.UsageError(f"{text!r} is no PARTITION:OFFSET")
    return int(partition), int(offset)
