"""How often something may happen: sign-ins, sent mails, requests."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether one more was allowed.

    Attributes:
        allowed: It was, and is counted. What was refused is not: else who goes on asking
            would never be let in again.
        retry_after_s: When the next one will be allowed at the earliest; 0 if allowed.
        remaining: How many more would be allowed now.
    """

    allowed: bool
    retry_after_s: float = 0.0
    remaining: int = 0


class Limits(Protocol):
    """Counts by key, over windows that slide. Never raises: what can't count lets pass.

    In any stretch of `window_s` at most `limit` are allowed; one is forgotten when
    a window has passed, or up to a tenth of it later.
    """

    async def hit(self, key: str, limit: int, window_s: float) -> Verdict:
        """Count one more under *key* if that keeps to *limit* in *window_s*; tell whether."""
        ...

    async def take_back(self, key: str, window_s: float) -> None:
        """Say that the last one allowed under *key* in *window_s* was none."""
        ...
