"""How likely a message is spam, by a trained model."""

from collections.abc import Sequence
from typing import Protocol


class SpamClassifier(Protocol):
    """A trained model behind the features of ``topologies.mail.features``. Never blocks."""

    @property
    def model(self) -> str:
        """The name of the model: another one for other weights."""
        ...

    def probability(self, features: Sequence[str]) -> float:
        """Return the probability of spam, 0 … 1."""
        ...

    def judged(self, features: Sequence[str], limit: int = 5) -> tuple[float, tuple[str, ...]]:
        """Return the probability, and the *limit* features that spoke loudest for spam."""
        ...

    def shares(self, features: Sequence[str]) -> Sequence[float]:
        """Return what each feature adds to the log-odds of spam."""
        ...

    @property
    def bias(self) -> float:
        """The log-odds of a mail without features."""
        ...
