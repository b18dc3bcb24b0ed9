"""What a peer must offer to be put under the same load."""

from collections.abc import Sequence
from typing import Protocol


class Peer(Protocol):
    """Another mail system that runs now."""

    name: str
    meaning: str  # what it does with a mail, and how durable its 250 is

    @property
    def smtp_port(self) -> int:
        """Where it takes mail on this machine."""
        ...

    @property
    def pids(self) -> Sequence[int]:
        """Its first processes; all others descend from them."""
        ...

    def stored(self) -> int:
        """Return how many mails lie in its mailboxes."""
        ...

    def found(self, recipients: Sequence[str], word: str) -> int | None:
        """Return in how many of their mails *word* is found; None if it has no search.

        Waits until all that is stored is indexed.
        """
        ...
