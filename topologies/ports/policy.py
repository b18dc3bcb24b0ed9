"""What the deployment wants, where the rules of mail leave it a choice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePolicy:
    """From when on a mail is spam."""

    spam_threshold: float = 0.9  # of probability, 0 … 1; from here on: the spam folder
