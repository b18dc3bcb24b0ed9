"""How many sessions there are, and how many of them are whose.

Strangers share the places: none may take all, from one address or from one network. Clients of
our own networks, behind which may be anybody, and trusted ones are only counted in the whole.
"""

from collections import Counter

from connectors.smtp_in import replies
from topologies.mail.domains import is_public_address
from topologies.mail.networks import network_of


class Places:
    """The sessions of one port."""

    def __init__(self, *, most: int, most_of_client: int, most_of_network: int) -> None:
        """Let so many in at once; 0 of a client or network is any number."""
        self._most = most
        self._limits = (most_of_client, most_of_network)
        self._taken = 0
        self._by_name: Counter[str] = Counter()

    def take(self, client_ip: str, *, is_trusted: bool) -> str:
        """Take a place, and return the empty text; or the reply to one too many."""
        names = () if is_trusted else self._names(client_ip)
        if self._taken >= self._most:
            return replies.TOO_MANY_SESSIONS
        for name, limit in names:
            if self._by_name[name] >= limit:
                return replies.TOO_MANY_OF_CLIENT
        self._taken += 1
        self._by_name.update(name for name, _ in names)
        return ""

    def leave(self, client_ip: str, *, is_trusted: bool) -> None:
        """Give back the place that was taken."""
        self._taken -= 1
        for name, _ in () if is_trusted else self._names(client_ip):
            self._by_name[name] -= 1
            if not self._by_name[name]:
                del self._by_name[name]

    def _names(self, client_ip: str) -> tuple[tuple[str, int], ...]:
        if not any(self._limits) or not is_public_address(client_ip):
            return ()
        names = (client_ip, network_of(client_ip))
        return tuple(
            (name, limit) for name, limit in zip(names, self._limits, strict=True) if limit
        )
