"""Training the spam model: from labelled features to weights (Wang and Manning 2012, NB-SVM).

Counts in how many mails of each kind a feature stands; the logarithm of that ratio scales it;
a logistic regression on the scaled features finds the weights, and a second one on mails that
it has not seen turns its answer into a probability. All in numpy; the same mails give the
same model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connectors.files import spam_model
from connectors.files.descent import minimised
from connectors.files.spam_groups import grouped
from connectors.files.spam_model import Header, save_spam_model

BITS = 20  # 1,048,576 weights of two bytes; with a quarter of that it finds less
SIGN_VALUE = 0.1  # tried, as the next: what judges mail best that it has not seen
PENALTY = 1e-6
FEWEST_MAILS = 2  # a feature of a single mail says nothing about others
FOLDS = 5

# By hand, as odds that a verdict is worth: a corpus of old mail can't have them. Who passes
# DMARC is who he says, and may well send spam; who fails it while its domain refuses such mail
# is most probably somebody else.
VERDICTS: Mapping[str, float] = {
    "v:signed-in": -3.0,
    "v:dmarc=pass": -0.6,
    "v:dmarc=fail:none": 0.8,
    "v:dmarc=fail:quarantine": 2.0,
    "v:dmarc=fail:reject": 3.0,
    "v:spf=fail": 0.8,
    "v:spf=softfail": 0.4,
    "v:dkim=fail": 0.2,
}

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Labelled:
    """What is known of a mail for training.

    Attributes:
        group: Mails of one group (a thread, copies) are never on both sides of a test; nor are
            mails that resemble each other closely, or of one campaign, whatever their groups.
    """

    features: Sequence[str]
    is_spam: bool
    group: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """All mails: for each feature in them, its column, its mail and what it counts."""

    columns: Ints
    rows: Ints
    counts: Floats
    is_spam: Bools
    folds: Ints

    @classmethod
    def of(cls, mails: Sequence[Labelled], bits: int = BITS) -> "Table":
        """Return the table of *mails*, folds chosen by their groups."""
        columns = [spam_model.indices(m.features, 2**bits - 1) for m in mails]
        first = grouped([(m.group, m.is_spam, m.features) for m in mails])
        groups = [mails[n].group or str(n) for n in first]
        return cls(
            columns=np.concatenate(columns),
            rows=np.repeat(np.arange(len(mails)), [len(c) for c in columns]),
            counts=np.concatenate([spam_model.values(m.features, SIGN_VALUE) for m in mails]),
            is_spam=np.array([m.is_spam for m in mails], dtype=np.bool_),
            folds=spam_model.indices(groups, 2**31 - 1) % FOLDS,
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a training came to."""

    weights: Floats
    bias: float

    def log_odds(self, table: Table) -> Floats:
        """Return the judgement on each mail of *table*."""
        shares = self.weights[table.columns] * table.counts
        return _sums(table.rows, shares, len(table.is_spam)) + self.bias


def fit(table: Table, chosen: Bools, bits: int = BITS) -> Fitted:
    """Return the weights that tell spam from ham among the *chosen* mails."""
    within = chosen[table.rows]
    columns, counts = table.columns[within], table.counts[within]
    rows = np.cumsum(chosen)[table.rows[within]] - 1
    is_spam = table.is_spam[chosen]
    size = 2**bits
    # This counting is the part that grows with the mail there is: the seam for a batch engine.
    in_spam = _sums(columns, is_spam[rows], size)
    in_ham = _sums(columns, ~is_spam[rows], size)
    ratios = np.log(
        (in_spam + 1) / max(1, is_spam.sum()) / ((in_ham + 1) / max(1, (~is_spam).sum()))
    )
    ratios[in_spam + in_ham < FEWEST_MAILS] = 0.0

    used = np.flatnonzero(ratios)
    place = np.full(size, -1)
    place[used] = np.arange(len(used))
    known = place[columns] >= 0
    columns, rows = place[columns[known]], rows[known]
    scaled = counts[known] * ratios[used][columns]
    wanted = is_spam.astype(np.float64)

    def loss(at: Floats) -> tuple[float, Floats]:
        weights, bias = at[:-1], float(at[-1])
        answer = _sums(rows, weights[columns] * scaled, len(wanted)) + bias
        off = (_probability(answer) - wanted) / len(wanted)
        value = _surprise(answer, wanted)
        slope = _sums(columns, off[rows] * scaled, len(used)) + PENALTY * weights
        return value + PENALTY / 2 * float(weights @ weights), np.append(slope, off.sum())

    found = minimised(loss, np.zeros(len(used) + 1))
    weights = np.zeros(size)
    weights[used] = found[:-1] * ratios[used]
    return Fitted(weights, float(found[-1]))


def judged_unseen(table: Table, bits: int = BITS, *, left_out: Bools | None = None) -> Floats:
    """Return the judgement on each mail by a model that did not see its fold.

    Args:
        table: All mails.
        bits: Of the hash.
        left_out: Mails that no model sees, as they are of a kind of their own.
    """
    answer = np.zeros(len(table.is_spam))
    for fold in range(FOLDS):
        held_out = table.folds == fold
        seen = ~held_out if left_out is None else ~held_out & ~left_out
        if held_out.any() and seen.any():
            answer[held_out] = fit(table, seen, bits).log_odds(table)[held_out]
    return answer


def calibration(answers: Floats, is_spam: Bools) -> tuple[float, float]:
    """Return by what to multiply *answers* to unseen mail, and what to add: then they are odds."""
    wanted = is_spam.astype(np.float64)

    def loss(at: Floats) -> tuple[float, Floats]:
        answer = at[0] * answers + at[1]
        off = (_probability(answer) - wanted) / len(wanted)
        value = _surprise(answer, wanted)
        return value, np.array([off @ answers, off.sum()])

    scale, shift = minimised(loss, np.array([1.0, 0.0]))
    return float(scale), float(shift)


def train(mails: Sequence[Labelled], path: Path, *, trained_on: str = "") -> Floats:
    """Write the model of *mails* to *path*.

    Returns:
        For each mail the probability of spam, by a model that was trained on the others.

    Raises:
        ValueError: There is not some spam and some ham.
        OSError: It can't be written.
    """
    if len({mail.is_spam for mail in mails}) < 2:
        raise ValueError("some spam and some ham are needed to tell them apart")
    table = Table.of(mails)
    answers = judged_unseen(table)
    scale, shift = calibration(answers, table.is_spam)
    fitted = fit(table, np.ones(len(mails), np.bool_))
    header = Header(
        bits=BITS,
        bias=fitted.bias * scale + shift,
        sign_value=SIGN_VALUE,
        verdicts=VERDICTS,
        trained_on=trained_on,
        reads=spam_model.READS,
    )
    save_spam_model(path, header, fitted.weights * scale)
    return _probability(answers * scale + shift)


def _probability(log_odds: Floats) -> Floats:
    limited: Floats = np.minimum(500.0, np.maximum(-500.0, log_odds))
    return 1 / (1 + np.exp(-limited))


def _surprise(log_odds: Floats, wanted: Floats) -> float:
    """Return the mean of what the truth costs in nats (logistic loss)."""
    zeros = np.zeros(len(log_odds))
    return float((np.logaddexp(zeros, log_odds) - wanted * log_odds).sum()) / len(log_odds)


def _sums(places: Ints, shares: npt.ArrayLike, size: int) -> Floats:
    """Return for each place below *size* the sum of the shares that fall on it."""
    return np.bincount(places, shares, minlength=size).astype(np.float64)
