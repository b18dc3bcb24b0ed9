"""Measure how well the spam model's training tells mail apart that it has not seen.

Reads messages as `rillmail spam train` does: one a file, below folders called ``spam`` and
``ham``. Each is judged by a model that was trained on four fifths of the others; mails of one
thread, near-duplicates and mails of one campaign stay on one side. With ``--index``, a CSV file
with the columns ``path`` and ``source``, the table has a line for each source. With ``--without
SOURCE``, mail of that source is judged by models that saw none of it. At last it tells what
judging a mail costs: features and model, on one core, of each mail the best of several rounds.
The last line of the table is of the made-up mail of today that is added to each training.

    python -m pipelines.measure_spam corpus --index corpus/index.csv
"""

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connectors.files.spam_examples import examples
from connectors.files.spam_mails import label_of, labelled_in, messages_in
from connectors.files.spam_model import load_spam_model
from connectors.files.spam_training import FOLDS, Labelled, Table, judged_unseen
from topologies.events import Authentication
from topologies.mail.features import features
from topologies.mail.message import parse_message

ROUNDS = 5
TIMED = 500  # mails
WRONG = (0.001, 0.01)  # shares of ham that may be taken for spam

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def auc(ham: Floats, spam: Floats) -> float:
    """Return the chance that a spam mail is judged higher than a ham mail."""
    if not len(ham) or not len(spam):
        return float("nan")
    ordered = np.sort(ham)
    below = np.searchsorted(ordered, spam, "left")
    not_above = np.searchsorted(ordered, spam, "right")
    return float((below + not_above).sum() / 2 / len(ham) / len(spam))


def recall(ham: Floats, spam: Floats, wrong: float) -> float:
    """Return the share of *spam* that is found if that share of *ham* may be taken for it."""
    if not len(ham) or not len(spam):
        return float("nan")
    loudest = np.sort(ham)[::-1]
    place = int(wrong * len(ham))
    threshold = loudest[place] if place < len(loudest) else -np.inf
    return float((spam > threshold).mean())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.measure_spam", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--index", type=Path, help="CSV with path, in the folder, and source")
    parser.add_argument("--without", default="", help="judge this source by models of the others")
    chosen = parser.parse_args(arguments)
    paths = [path for path in messages_in([chosen.folder]) if label_of(path) is not None]
    raws = [path.read_bytes() for path in paths]
    mails = [
        labelled_in(raw, is_spam=bool(label_of(path)))
        for path, raw in zip(paths, raws, strict=True)
    ]
    if len({mail.is_spam for mail in mails}) < 2:
        parser.error("some spam and some ham are needed")
    sources = _sources(paths, chosen.folder, chosen.index)
    _show(mails, sources, chosen.without)
    _show_cost(raws)
    return 0


def _sources(paths: Sequence[Path], folder: Path, index: Path | None) -> list[str]:
    if index is None:
        return [""] * len(paths)
    with index.open(newline="") as file:
        known = {row["path"]: row["source"] for row in csv.DictReader(file)}
    return [known.get(path.relative_to(folder).as_posix(), "") for path in paths]


def _show(mails: Sequence[Labelled], sources: Sequence[str], without: str) -> None:
    everything = [*mails, *examples()]
    table = Table.of(everything)
    of_source = np.array(
        [bool(without) and source.startswith(without) for source in sources]
        + [False] * (len(everything) - len(mails))
    )
    all_judged = judged_unseen(table, left_out=of_source)
    judged, is_spam = all_judged[: len(mails)], table.is_spam[: len(mails)]
    print(f"{len(mails):,} mails, in {FOLDS} parts; {'without ' + without if without else 'all'}")
    print(f"{'source':24}{'ham':>7}{'spam':>7}{'AUC':>9}{'0.1 %':>8}{'1 %':>8}")
    tops = sorted({source.partition("/")[0] for source in sources} - {""})
    for name in ("", *tops):
        chosen = np.array([source.startswith(name) for source in sources])
        _line(name or "all", judged[chosen & ~is_spam], judged[chosen & is_spam])
    made_up, is_made_up_spam = all_judged[len(mails) :], table.is_spam[len(mails) :]
    _line("made up, its own ham", made_up[~is_made_up_spam], made_up[is_made_up_spam])
    _line("made up, all real ham", judged[~is_spam], made_up[is_made_up_spam])


def _line(name: str, ham: Floats, spam: Floats) -> None:
    figures = f"{auc(ham, spam):9.5f}" + "".join(f"{recall(ham, spam, w):8.3f}" for w in WRONG)
    print(f"{name:24}{len(ham):7,}{len(spam):7,}{figures}", flush=True)


def _show_cost(raws: Sequence[bytes]) -> None:
    model = load_spam_model()
    messages = [parse_message(raw).message for raw in raws[:: max(1, len(raws) // TIMED)]]
    nobody = Authentication()
    best = [float("inf")] * len(messages)
    for _ in range(ROUNDS):
        for place, message in enumerate(messages):
            started = time.perf_counter()
            model.probability(features(message, nobody))
            best[place] = min(best[place], time.perf_counter() - started)
    print(f"{sum(best) / len(messages) * 1000:.2f} ms a mail: features and model")


if __name__ == "__main__":
    sys.exit(run())
