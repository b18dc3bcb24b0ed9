"""`rillmail stage new`: writes a stage, its test and its example, for somebody to go on with."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import click

import topologies
from api.cli.output import as_json, examples, print_json
from api.cli.stage_template import (
    LONGEST_NAME,
    is_name,
    stage_module,
    stands_for,
    test_module,
)
from api.cli.stores import errors_for_people
from topologies.events import Deliver, DeliveryAttempted, Event, MailReceived, MailSubmitted
from topologies.events.base import event_tag
from topologies.topics import OWN_TOPICS, TIMER, topic_of
from topologies.topology import PATHS, Topology, build

# What enters a path: what a stage reads unless it is told.
_ENTERS: dict[str, type[Event]] = {
    "inbound": MailReceived,
    "mailbox": Deliver,
    "outbound": MailSubmitted,
    "feedback": DeliveryAttempted,
}


@click.command(
    epilog=examples(
        "rillmail stage new inbound translate",
        "rillmail stage new mailbox star_urgent --reads Deliver --writes SetFlags",
        "rillmail stage new feedback count --reads delivery.attempted/1 --json",
    )
)
@click.argument("path", type=click.Choice([name.__name__.rpartition(".")[2] for name in PATHS]))
@click.argument("name")
@click.option("--reads", metavar="EVENT", help="What it reads; without it what enters the path.")
@click.option("--writes", multiple=True, metavar="EVENT", help="What it writes; may be repeated.")
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The checkout to write into; without it the one that runs.",
)
@as_json
def new(
    path: str,
    name: str,
    reads: str | None,
    writes: Sequence[str],
    into: Path | None,
    as_json: bool,
) -> None:
    """Write the stage NAME of PATH with its test and an example of what it reads.

    An EVENT is called as its class, or as it is tagged: Deliver, or mailbox.deliver/1. Nothing is
    overwritten. The stage is found by its file: it runs as soon as the service is started again.
    """
    root = into or Path(topologies.__file__).parents[1]
    if not (root / "tests" / "examples").is_dir() or not (root / "topologies" / path).is_dir():
        raise click.ClickException(
            f"{root} is no checkout of Rillmail: name one by --into, or keep the stage in a"
            " distribution of your own, as docs/adding-a-stage.md tells"
        )
    with errors_for_people():
        topology = build()
    _check_name(name, topology)
    read = _event(reads) if reads is not None else _ENTERS[path]
    written = [_event(each) for each in dict.fromkeys(writes)]
    _check_read(read, topology)
    tag = event_tag(read).replace("/", "-")
    example = f"{tag}-{name.replace('_', '-')}"
    like = root / "tests" / "examples" / f"{tag}.json"
    files = {
        "stage": root / "topologies" / path / f"{name}.py",
        "test": root / "tests" / path / f"test_{name}.py",
        "example": like.with_name(f"{example}.json"),
    }
    if not like.exists():
        raise click.ClickException(f"{like} is missing: there is no example to begin with")
    if taken := [str(file) for file in files.values() if file.exists()]:
        raise click.ClickException(f"nothing is overwritten, and there is {', '.join(taken)}")
    try:
        stage_text = stage_module(name, read, written)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    files["test"].parent.mkdir(exist_ok=True)
    shutil.copyfile(like, files["example"])
    files["test"].write_text(test_module(name, path, example, written), encoding="utf-8")
    files["stage"].write_text(stage_text, encoding="utf-8")  # last: from now on it is found
    told = {kind: str(file.relative_to(root)) for kind, file in files.items()}
    if as_json:
        print_json({"name": name, "path": path, "reads": event_tag(read), "files": told})
    else:
        _print(name, topic_of(read).name, told)


def _print(name: str, topic: str, files: dict[str, str]) -> None:
    click.echo(
        f"Written:\n"
        f"  {files['stage']}    the stage: begin with its first line\n"
        f"  {files['test']}    its test\n"
        f"  {files['example']}    the event that it is tried on: let it be one of yours\n"
        f"\nTry next:\n"
        f"  .venv/bin/pytest {files['test']} tests/test_every_stage.py -k {name}\n"
        f"  .venv/bin/rillmail topology    shows it under {topic}\n"
        f"  .venv/bin/rillmail stage run {name} --on MAIL.eml    runs it on a mail of yours\n"
        f"  make check && make test\n"
        f"  make run    it begins with the oldest record that {topic} still holds"
    )


def _check_name(name: str, topology: Topology) -> None:
    if not is_name(name):
        raise click.ClickException(
            f"{name!r} can't be a stage's name: take lower-case words, such as star_urgent,"
            f" of {LONGEST_NAME} characters at most"
        )
    if other := stands_for(name):
        raise click.ClickException(f"{name} can't be a stage's name: it stands for {other}")
    if name == TIMER:
        raise click.ClickException(f"a stage can't be called {TIMER}: that is who moves what waits")
    if any(stage.name == name for stage in topology.stages):
        raise click.ClickException(f"there is a stage {name} already: see rillmail topology")


def _event(text: str) -> type[Event]:
    kinds = [kind for topic in OWN_TOPICS for kind in topic.events]
    for kind in kinds:
        if text in (kind.__name__, event_tag(kind)):
            return kind
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise click.ClickException(f"there is no event {text}; there are {names}")


def _check_read(kind: type[Event], topology: Topology) -> None:
    topic = topic_of(kind)
    if topic.is_step:
        [reader] = topology.readers(topic)
        raise click.ClickException(
            f"{kind.__name__} is handed from stage to stage in process, and {reader.name} alone"
            " reads it: read MailReceived before, or Deliver after the chain"
        )
    if topic.delay is not None:
        raise click.ClickException(
            f"{topic.name} is read by the timer alone: read what it leads to"
        )
