"""Train the spam model on a collection of mail that is too large for one core.

Reads messages, one a file, below folders called ``spam`` and ``ham``, from any file system that
Beam knows; writes the model that ``rillmail spam train`` would write for them. What is said of
a message (parsing, features) runs in parallel; the weights are found in one place, since the
features of a million mails fit in the memory of one worker.

    python -m pipelines.train_spam --output data/spam.model '/corpus/**'

With ``--reports`` it learns besides from what users of this deployment reported, starred or
filed: those are read where the job is started, since they are few beside a corpus.

Any other runner is chosen by Beam's own options; this is tried with its DirectRunner.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# Beam types its transforms only in part.

import argparse
import asyncio
import logging
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io import fileio
from apache_beam.options.pipeline_options import PipelineOptions

from connectors.assembly import open_stores
from connectors.files.spam_examples import examples as made_up
from connectors.files.spam_mails import LARGEST_BYTES, label_of, labelled_in, labelled_message
from connectors.files.spam_training import Labelled, train
from connectors.settings import load
from topologies.reported import reported


class Trained(NamedTuple):
    """What a training came to.

    Attributes:
        spam: How many spam messages it learnt from.
        ham: How many others.
        spam_found: Spam that a model trained on the other mail takes for spam.
        ham_taken: Ham that such a model takes for spam.
    """

    spam: int
    ham: int
    spam_found: int
    ham_taken: int


class Learn(beam.PTransform[Any, Any]):
    """From (path, what is learnt) to one ``Trained``; the model is written on the way."""

    def __init__(self, output: str, threshold: float) -> None:
        super().__init__()
        self._output = output
        self._threshold = threshold

    def expand(self, input_or_inputs: Any) -> Any:
        """Add the steps to the pipeline."""
        return (
            input_or_inputs
            | "Gather" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
            | "Weigh" >> beam.Map(_train, self._output, self._threshold)
        )


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.train_spam",
        description=(__doc__ or "").partition("\n\n")[0],
        epilog="What else is given goes to Beam: --runner FlinkRunner --flink_master …",
    )
    parser.add_argument("patterns", nargs="*", help="files of messages, as in '/corpus/**'")
    parser.add_argument("--reports", action="store_true", help="learn from users' reports, too")
    parser.add_argument("--output", required=True, help="where to write the model")
    parser.add_argument("--threshold", type=float, default=0.9, help="from here on it is spam")
    chosen, for_beam = parser.parse_known_args(arguments)
    if not chosen.patterns and not chosen.reports:
        parser.error("name files of messages, or take --reports")
    reports = asyncio.run(_reports()) if chosen.reports else []
    with beam.Pipeline(options=PipelineOptions([*for_beam])) as pipeline:
        of_files = (
            pipeline
            | "Patterns" >> beam.Create(chosen.patterns)
            | "Match" >> fileio.MatchAll()
            | "Spread" >> beam.Reshuffle()
            | "Read" >> fileio.ReadMatches()
            | "Raw" >> beam.Map(_raw)
            | "Features" >> beam.FlatMapTuple(_labelled)
        )
        of_users = pipeline | "Reports" >> beam.Create(reports)
        _ = (
            (of_files, of_users)
            | "Both" >> beam.Flatten()
            | Learn(chosen.output, chosen.threshold)
            | "Tell" >> beam.Map(_tell, chosen.output)
        )
    return 0


async def _reports() -> list[tuple[str, Labelled]]:
    async with open_stores(load()) as stores:
        return [
            (
                f"reports/{email.summary.email_id}",
                labelled_message(email.message, is_spam=is_spam),
            )
            async for email, is_spam in reported(stores.directory, stores.mailboxes)
        ]


def _raw(file: Any) -> tuple[str, bytes]:
    with file.open() as opened:
        return file.metadata.path, opened.read(LARGEST_BYTES)


def _labelled(path: str, raw: bytes) -> Iterable[tuple[str, Labelled]]:
    is_spam = label_of(Path(path))
    if is_spam is None:
        logging.getLogger("train_spam").warning("%s lies in no folder spam or ham: left out", path)
        return
    yield path, labelled_in(raw, is_spam=is_spam)


def _train(mails: list[tuple[str, Labelled]], output: str, threshold: float) -> Trained:
    # In the order of their paths: the same mail gives the same model, whatever worker was first.
    learnt = [mail for _, mail in sorted(mails, key=lambda each: each[0])]
    judged = train([*learnt, *made_up()], Path(output))[: len(learnt)]
    taken = [
        (mail.is_spam, bool(odds >= threshold)) for mail, odds in zip(learnt, judged, strict=True)
    ]
    return Trained(
        spam=sum(mail.is_spam for mail in learnt),
        ham=sum(not mail.is_spam for mail in learnt),
        spam_found=taken.count((True, True)),
        ham_taken=taken.count((False, True)),
    )


def _tell(trained: Trained, output: str) -> None:
    print(
        f"{output} is trained on {trained.spam:,} spam and {trained.ham:,} ham. Of mail it had"
        f" not seen, {trained.spam_found:,} spam was found and {trained.ham_taken:,} ham was"
        " taken for spam."
    )


if __name__ == "__main__":
    sys.exit(run())
