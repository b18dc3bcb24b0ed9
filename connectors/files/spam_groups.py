"""Which mails belong together, so that none is judged by a model that saw its twin.

Pure. Together are mails of one group (a thread), mails whose features are nearly the same
(MinHash, Broder 1997), and spam of one campaign: a domain that is linked to in little spam and
in no ham. Whatever is together with the same mail is together, too.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import xxhash

BANDS = 12
ROWS = 4  # of a band: mails that share half of their features meet with a chance of 54 %
FEWEST_WORDS = 8  # of less, nothing is said
LARGEST_CAMPAIGN = 40  # mails that link to one domain
_PRIME = np.uint64(4_294_967_311)

Numbers = npt.NDArray[np.uint64]
Mail = tuple[str, bool, Sequence[str]]  # its group, whether it is spam, its features


def grouped(mails: Sequence[Mail]) -> list[int]:
    """Return for each mail the first one that it belongs together with; maybe itself."""
    leaders = list(range(len(mails)))

    def leader(mail: int) -> int:
        while leaders[mail] != mail:
            leaders[mail] = leaders[leaders[mail]]
            mail = leaders[mail]
        return mail

    for together in _meetings(mails):
        first, *others = sorted(leader(mail) for mail in together)
        for other in others:
            leaders[other] = first
    return [leader(mail) for mail in range(len(mails))]


def _meetings(mails: Sequence[Mail]) -> Iterable[Sequence[int]]:
    """Yield mails that belong together, in any order and as often as that is seen."""
    by_group: defaultdict[str, list[int]] = defaultdict(list)
    by_domain: defaultdict[str, list[int]] = defaultdict(list)
    by_band: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    draw = np.random.default_rng(1)
    factors = draw.integers(1, 2**31, BANDS * ROWS, dtype=np.uint64)
    offsets = draw.integers(0, 2**31, BANDS * ROWS, dtype=np.uint64)
    for mail, (group, _, features) in enumerate(mails):
        if group:
            by_group[group].append(mail)
        words: list[int] = []
        for feature in features:
            if feature.startswith("u:"):
                by_domain[feature].append(mail)
            elif feature.startswith("w:"):
                words.append(xxhash.xxh32_intdigest(feature.encode("utf-8", "replace")))
        if len(words) >= FEWEST_WORDS:
            least = _least(np.array(words, dtype=np.uint64), factors, offsets)
            for band in range(BANDS):
                by_band[band, least[band * ROWS : (band + 1) * ROWS].tobytes()].append(mail)
    yield from by_group.values()
    yield from by_band.values()
    for linking in by_domain.values():
        if len(linking) <= LARGEST_CAMPAIGN and all(mails[mail][1] for mail in linking):
            yield linking


def _least(words: Numbers, factors: Numbers, offsets: Numbers) -> Numbers:
    """Return the least of *words* by each of the hash functions."""
    least: Numbers = ((words[:, None] * factors + offsets) % _PRIME).min(axis=0)
    return least
