"""`rillmail spam`: train the model that judges mail, and ask it about files."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from api.cli.output import as_json, examples, print_json, printable
from api.cli.stores import Stores, errors_for_people, with_stores
from connectors.files.spam_examples import examples as made_up
from connectors.files.spam_mails import (
    features_of,
    label_of,
    labelled,
    labelled_message,
    messages_in,
)
from connectors.files.spam_model import OWN_MODEL, load_spam_model
from connectors.files.spam_training import Labelled, train
from connectors.settings import Settings, load
from topologies.mail.feature_words import described
from topologies.reported import reported

MOST_REASONS = 5

paths = click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="PATH...",
    type=click.Path(exists=True, path_type=Path),
)


optional_paths = click.argument(
    "paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, path_type=Path)
)


@click.group()
def spam() -> None:
    """The model that tells spam from other mail."""


@spam.command(
    "train",
    epilog=examples(
        "rillmail spam train ~/mail/spam ~/mail/ham",
        "rillmail spam train ~/corpus --output spam.model --json",
        "rillmail spam train ~/corpus --reports",
    ),
)
@optional_paths
@click.option(
    "--reports",
    is_flag=True,
    help="Train on what users reported as spam or not spam, starred or filed, besides.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the model; without it the data folder, for the service to use.",
)
@click.option("--note", default="", help="What it was trained on, kept in the model.")
@as_json
def train_(
    paths: Sequence[Path], output: Path | None, note: str, reports: bool, as_json: bool
) -> None:
    """Train a model on messages below folders that are called `spam` and `ham`.

    A folder is walked, each file in it is one message. The answer tells how mail is judged
    by a model that was trained on the other mail. A service that runs takes the new model
    when it is started again.
    """
    if not paths and not reports:
        raise click.UsageError("name folders of mail, or take --reports")
    settings = _settings()
    target = output or Path(settings.data_dir) / OWN_MODEL
    unreadable: list[str] = []
    mails = list(_labelled(paths, unreadable))
    if reports:
        mails += with_stores(_reported)
    if len({mail.is_spam for mail in mails}) < 2:
        raise click.ClickException("some spam and some ham are needed to tell them apart")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        judged = train([*mails, *made_up()], target, trained_on=note)[: len(mails)]
    except OSError as error:
        raise click.ClickException(f"the model can't be written: {error}") from None
    is_spam = [mail.is_spam for mail in mails]
    taken = [bool(probability >= settings.spam_threshold) for probability in judged]
    hits = sum(t for t, s in zip(taken, is_spam, strict=True) if s)
    false = sum(t for t, s in zip(taken, is_spam, strict=True) if not s)
    count = sum(is_spam)
    answer = {
        "model": str(target),
        "spam": count,
        "ham": len(mails) - count,
        "threshold": settings.spam_threshold,
        "spam_found": hits,
        "ham_taken_for_spam": false,
        "unreadable": unreadable,
    }
    if as_json:
        print_json(answer)
    else:
        click.echo(
            f"{target} is trained on {count:,} spam and {len(mails) - count:,} ham.\n"
            f"Of mail it had not seen, from a probability of {settings.spam_threshold:g} on:\n"
            f"  {hits:,} of {count:,} spam found ({hits / max(1, count):.1%})\n"
            f"  {false:,} of {len(mails) - count:,} ham taken for spam"
            f" ({false / max(1, len(mails) - count):.2%})"
        )
    _end(unreadable)


@spam.command(
    epilog=examples(
        "rillmail spam score message.eml",
        "rillmail spam score ~/mail/new --reasons",
        "rillmail spam score ~/mail/new --json",
    )
)
@paths
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Which model; without it the one that the service uses.",
)
@click.option("--reasons", is_flag=True, help="Say what spoke for spam, in a third column.")
@as_json
def score(paths: Sequence[Path], model: Path | None, reasons: bool, as_json: bool) -> None:
    """Print for each message its path, a tab, and the probability that it is spam.

    A folder is walked. Where a message came from is not known here, so that SPF, DKIM and
    DMARC, which count when mail is received, have no say.
    """
    settings = _settings()
    with errors_for_people():
        classifier = load_spam_model(model or Path(settings.data_dir) / OWN_MODEL)
    answers: list[dict[str, object]] = []
    unreadable: list[str] = []
    for path in _shown(messages_in(paths), is_shown=as_json):
        try:
            found = features_of(path)[1]
        except OSError as error:
            unreadable.append(f"{path}: {error.strerror}")
            continue
        probability, loudest = classifier.judged(found, 2 * MOST_REASONS)
        because = described(loudest, MOST_REASONS)
        if as_json:
            answers.append(
                {
                    "path": str(path),
                    "probability": round(probability, 6),
                    "is_spam": probability >= settings.spam_threshold,
                    "reasons": because,
                }
            )
        else:
            line = [printable(str(path)), f"{probability:.6f}"]
            click.echo("\t".join([*line, printable("; ".join(because))] if reasons else line))
    if as_json:
        print_json(answers)
    _end(unreadable)


async def _reported(stores: Stores) -> list[Labelled]:
    found = reported(stores.directory, stores.mailboxes)
    return [labelled_message(email.message, is_spam=is_spam) async for email, is_spam in found]


def _settings() -> Settings:
    with errors_for_people():
        return load()


def _labelled(paths: Sequence[Path], unreadable: list[str]) -> Iterator[Labelled]:
    for path in _shown(list(messages_in(paths)), is_shown=True):
        is_spam = label_of(path)
        if is_spam is None:
            raise click.ClickException(
                f"{path} lies in no folder called spam or ham, so what it is can't be known"
            )
        try:
            yield labelled(path, is_spam=is_spam)
        except OSError as error:
            unreadable.append(f"{path}: {error.strerror}")


def _shown(files: Iterable[Path], *, is_shown: bool) -> Iterator[Path]:
    """Yield *files*, and show on a terminal how far it is."""
    console = Console(stderr=True)
    if not is_shown or not console.is_terminal:
        yield from files
        return
    known = list(files)
    with Progress(console=console, transient=True) as progress:
        yield from progress.track(known, description="Reading mail")


def _end(unreadable: Sequence[str]) -> None:
    for line in unreadable:
        click.echo(f"Error: {printable(line)}", err=True)
    if unreadable:
        sys.exit(1)
