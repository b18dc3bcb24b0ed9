"""The spam model in a file: weights by hashed feature, mapped into memory.

A file is one line ``RILLSPAM/1``, one line of JSON (``Header``), zeros up to a multiple of 64
bytes, then the weights as little-endian half floats, one for each value of the hash. Words
share what weight a mail has, so that long mails are not judged by length; signs count for
themselves. Weights of verdicts are in the header, since they are set and not trained.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

from topologies.errors import Misconfigured

MAGIC = b"RILLSPAM/1\n"
LONGEST_HEADER_BYTES = 16 * 1024
ALIGNMENT_BYTES = 64
SHIPPED = "models/spam.model"
OWN_MODEL = "spam.model"  # in the data folder: one that was trained here
SIGNS = frozenset("nxhtaklr")  # first letters of features that count for themselves
VERDICT = "v"
MOST_BITS = 24
READS = 2  # which features it was trained on: a higher number for others
NAME_CHARACTERS = 12
LEAST_REASON = 0.05  # of log-odds; less is no reason to name

Weights = npt.NDArray[np.float16]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a model file says about itself."""

    bits: Annotated[int, msgspec.Meta(ge=1, le=MOST_BITS)]  # the table has 2**bits weights
    bias: float  # log-odds of a mail without features
    sign_value: float  # what a sign counts; a word counts 1 / √words
    verdicts: Mapping[str, float]  # log-odds by feature
    trained_on: str = ""  # for people
    reads: int = 1  # `READS` of the program that trained it


class SpamModel:
    """A linear model: adds up what speaks for and against spam."""

    def __init__(self, header: Header, weights: Weights) -> None:
        """Use *weights*, of which there are ``2**header.bits``."""
        self.header = header
        digest = hashlib.sha256(msgspec.json.encode(header) + weights.tobytes())
        self.model = digest.hexdigest()[:NAME_CHARACTERS]
        self.bias = header.bias
        self._weights = weights
        self._mask = len(weights) - 1

    def probability(self, features: Sequence[str]) -> float:
        return self._probability(self._shares(features))

    def judged(self, features: Sequence[str], limit: int = 5) -> tuple[float, tuple[str, ...]]:
        shares = self._shares(features)
        loudest: list[int] = np.argsort(-shares, kind="stable")[:limit].tolist()
        reasons = tuple(features[i] for i in loudest if shares[i] > LEAST_REASON)
        return self._probability(shares), reasons

    def shares(self, features: Sequence[str]) -> Sequence[float]:
        found: list[float] = self._shares(features).tolist()
        return found

    def _probability(self, shares: npt.NDArray[np.float64]) -> float:
        log_odds = self.bias + float(shares.sum())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds))))

    def _shares(self, features: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return what each feature adds to the log-odds."""
        if not features:
            return np.zeros(0)
        weights = self._weights[indices(features, self._mask)].astype(np.float64)
        shares = weights * values(features, self.header.sign_value)
        for place, feature in enumerate(features):
            if feature[0] == VERDICT:
                shares[place] = self.header.verdicts.get(feature, 0.0)
        return shares


def indices(features: Sequence[str], mask: int) -> npt.NDArray[np.int64]:
    """Return the place of each feature's weight."""
    hashed = xxhash.xxh32_intdigest
    return np.array(
        [hashed(feature.encode("utf-8", "replace")) & mask for feature in features], dtype=np.int64
    )


def values(features: Sequence[str], sign_value: float) -> npt.NDArray[np.float64]:
    """Return what each feature of one mail counts."""
    are_signs = np.array([feature[0] in SIGNS for feature in features], dtype=np.bool_)
    words = max(1, len(features) - int(are_signs.sum()))
    return np.where(are_signs, sign_value, 1 / math.sqrt(words))


def load_spam_model(path: Path | None = None) -> SpamModel:
    """Return the model in *path*, or the one that is shipped if it is None or not there.

    Raises:
        Misconfigured: It can't be read, or is no model of this version.
    """
    if path is None or not path.exists():
        with resources.as_file(resources.files("connectors.files") / SHIPPED) as shipped:
            return _read(shipped)
    return _read(path)


def save_spam_model(path: Path, header: Header, weights: npt.NDArray[np.float64]) -> None:
    """Write a model; a reader sees the old file or the new one, never a part of it.

    Raises:
        OSError: It can't be written.
    """
    start = MAGIC + msgspec.json.encode(header) + b"\n"
    start += bytes(-len(start) % ALIGNMENT_BYTES)
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(start + weights.astype("<f2").tobytes())
    partial.replace(path)


def _read(path: Path) -> SpamModel:
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC) + LONGEST_HEADER_BYTES)
        line, newline, _ = start.removeprefix(MAGIC).partition(b"\n")
        if not start.startswith(MAGIC) or not newline:
            raise Misconfigured(f"{path} is no spam model of this version")
        header = msgspec.json.decode(line, type=Header)
        if header.reads != READS:
            raise Misconfigured(
                f"the spam model {path} was trained by another version of this program:"
                " train it anew by `rillmail spam train`, or remove it to use the shipped one"
            )
        size = len(MAGIC) + len(line) + 1
        offset = size + -size % ALIGNMENT_BYTES
        weights: Weights = np.memmap(
            path, dtype="<f2", mode="r", offset=offset, shape=(2**header.bits,)
        )
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise Misconfigured(f"the spam model {path} can't be read: {error}") from error
    return SpamModel(header, weights)
