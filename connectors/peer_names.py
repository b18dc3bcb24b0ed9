"""Which domains are told by name, of all those that mail goes to: few, and those that matter."""

from collections import Counter

from connectors.metric_list import MOST_PEERS, OTHER

NAMED_FROM = 20  # recipients that were tried there
MOST_REMEMBERED = 1_000


class PeerNames:
    """Gives a domain a name of its own once it was tried often; the name stays its own.

    Until then it is one of the others, and so is whoever comes when all names are given. What
    was counted as another's is not counted again.
    """

    def __init__(self, most: int = MOST_PEERS, named_from: int = NAMED_FROM) -> None:
        """Give at most *most* names, each after *named_from* recipients."""
        self._most = most
        self._named_from = named_from
        self._named: set[str] = set()
        self._seen: Counter[str] = Counter()

    def name_of(self, domain: str) -> str:
        """Return by which name one more recipient at *domain* is counted."""
        if domain in self._named:
            return domain
        if len(self._named) >= self._most:
            return OTHER
        self._seen[domain] += 1
        if self._seen[domain] >= self._named_from:
            del self._seen[domain]
            self._named.add(domain)
            return domain
        if len(self._seen) > MOST_REMEMBERED:
            # Half of what was seen least is forgotten: strangers' domains are any number.
            self._seen = Counter(dict(self._seen.most_common(MOST_REMEMBERED // 2)))
        return OTHER
