"""A classifier that knows one word: for tests."""

from collections.abc import Sequence


class OneWord:
    """Takes for spam what says ``lottery``."""

    model = "one-word"
    bias = -4.6

    def probability(self, features: Sequence[str]) -> float:
        return 0.99 if "w:lottery" in features else 0.01

    def judged(self, features: Sequence[str], limit: int = 5) -> tuple[float, tuple[str, ...]]:
        reasons = ("w:lottery",)[:limit] if "w:lottery" in features else ()
        return self.probability(features), reasons

    def shares(self, features: Sequence[str]) -> Sequence[float]:
        return [9.2 if feature == "w:lottery" else 0.0 for feature in features]
