"""A user's own judgement of mail: learnt from what they report, applied to what comes next.

Pure. Adds to the log-odds that the common model gave: what the user said of mail of this sender
or list, and what they said of mail that reads like it. Learning is error-driven (passive
aggressive, Crammer et al. 2006): a report changes as much as it takes for the same mail to be
judged as the user judged it, and nothing if it was already.

A sender is known by the address in From together with whether DMARC proved it, so that whoever
forges a trusted sender's address gains nothing. Words alone never outweigh a clear judgement.
"""

import math
import zlib
from dataclasses import dataclass
from itertools import islice

import msgspec

from topologies.events import Authentication, Message, SpamVerdict
from topologies.mail.features import features
from topologies.ports.personal_spam import MOST_WEIGHTS, Learnt

UNIT = 256  # weights are kept in 1/256 of log-odds
MOST_TEXTS = 300  # features of the text of one mail
SENDER_VALUE = 2.0  # so that one report is enough to know a sender by
MOST_BY_SENDER = 9.0  # log-odds, as the next ones
MOST_BY_TEXT = 4.0
MOST_COMMON = 6.0  # of the common model: beyond that it is no surer
MARGIN = 2.0  # how far beyond the threshold a reported mail is moved
LARGEST_WEIGHT = 30_000
SPEAKS = 0.5  # log-odds from which on it is told as a reason
TRUSTED = -3.0  # said of a sender's unproved mail by its reader: DMARC's failure counts no more
MOST_REASONS = 5

SENDER_IS_BAD = "you reported mail of its sender as spam"
SENDER_IS_GOOD = "you said that mail of its sender is no spam"
TEXT_IS_BAD = "it resembles mail that you reported as spam"
TEXT_IS_GOOD = "it resembles mail that you said is no spam"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a mail is known by, hashed: who it is from, and how it reads."""

    senders: tuple[int, ...]
    texts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a user's reports say of a mail, in log-odds of spam."""

    by_sender: float
    by_text: float

    @property
    def total(self) -> float:
        """What is added to the common judgement."""
        return self.by_sender + self.by_text

    @property
    def reasons(self) -> tuple[str, ...]:
        """What it comes from, in words."""
        said = (
            (self.by_sender, SENDER_IS_BAD, SENDER_IS_GOOD),
            (self.by_text, TEXT_IS_BAD, TEXT_IS_GOOD),
        )
        return tuple(bad if odds > 0 else good for odds, bad, good in said if abs(odds) >= SPEAKS)


def kind_of(message: Message, known: Authentication | None) -> Kind:
    """Return what *message* is known by."""
    authentication = known or Authentication()
    proof = "proved" if authentication.dmarc == "pass" else "unproved"
    sender = message.from_[0].address if message.from_ else ""
    senders = [f"from:{proof}:{sender.lower()[:320]}"] if sender else []
    if message.list_id:
        senders.append(f"list:{proof}:{message.list_id.lower()[:255]}")
    found = features(message, authentication)
    texts = [f for f in found if f[:2] in ("s:", "u:", "f:") or (f[:2] == "w:" and " " in f)]
    return Kind(
        senders=tuple(_hashed(each) for each in senders),
        texts=tuple(dict.fromkeys(_hashed(each) for each in islice(texts, MOST_TEXTS))),
    )


def opinion(learnt: Learnt, kind: Kind) -> Opinion:
    """Return what *learnt* says of a mail of *kind*."""
    weights = learnt.weights
    by_sender = sum(weights.get(each, 0) for each in kind.senders) * SENDER_VALUE / UNIT
    by_text = sum(weights.get(each, 0) for each in kind.texts) * _text_value(kind) / UNIT
    return Opinion(
        by_sender=_limited(by_sender, MOST_BY_SENDER), by_text=_limited(by_text, MOST_BY_TEXT)
    )


def judged(verdict: SpamVerdict, said: Opinion) -> SpamVerdict:
    """Return *verdict* as it is for the user whose opinion is *said*.

    What nobody judged stays as it is. Mail that its sender's domain disowns stays spam, unless
    its reader said before that such mail of this sender is none.
    """
    if not verdict.model or not said.total:
        return verdict
    odds = _log_odds(verdict.probability) + said.total
    probability = round(1 / (1 + math.exp(-odds)), 4)
    is_disowned = verdict.is_spam and verdict.probability < verdict.threshold
    is_spam = probability >= verdict.threshold or (is_disowned and said.by_sender > TRUSTED)
    return msgspec.structs.replace(
        verdict,
        probability=probability,
        is_spam=is_spam,
        reasons=(*said.reasons, *verdict.reasons)[:MOST_REASONS],
        by_user=round(said.total, 3),
    )


def taught(
    learnt: Learnt, kind: Kind, *, seq: int, common: float, is_spam: bool, threshold: float
) -> Learnt:
    """Return *learnt* with one report more.

    Args:
        learnt: What is known so far.
        kind: What the reported mail is known by.
        seq: The number of the change that tells the report.
        common: The probability of spam that the common model gives the mail.
        is_spam: What the user says.
        threshold: From which probability on a mail is spam.
    """
    wanted = _log_odds(threshold) + MARGIN if is_spam else -MARGIN
    gap = wanted - (_log_odds(common) + opinion(learnt, kind).total)
    weights = dict(learnt.weights)
    size = len(kind.senders) * SENDER_VALUE**2 + bool(kind.texts)
    if (gap > 0) == is_spam and size:
        step = gap / size * UNIT
        for each in kind.senders:
            _add(weights, each, step * SENDER_VALUE)
        for each in kind.texts:
            _add(weights, each, step * _text_value(kind))
    loudest = sorted(weights, key=lambda each: (-abs(weights[each]), each))[:MOST_WEIGHTS]
    return Learnt(
        seq=seq,
        reports=learnt.reports + 1,
        weights={each: weights[each] for each in sorted(loudest)},
    )


def _add(weights: dict[int, int], feature: int, share: float) -> None:
    weight = round(_limited(weights.get(feature, 0) + share, LARGEST_WEIGHT))
    if weight:
        weights[feature] = weight
    else:
        weights.pop(feature, None)


def _text_value(kind: Kind) -> float:
    return 1 / math.sqrt(max(1, len(kind.texts)))


def _log_odds(probability: float) -> float:
    limited = min(max(probability, 1e-6), 1 - 1e-6)
    return _limited(math.log(limited / (1 - limited)), MOST_COMMON)


def _limited(value: float, most: float) -> float:
    return max(-most, min(most, value))


def _hashed(feature: str) -> int:
    return zlib.crc32(feature.encode("utf-8", "replace"))
