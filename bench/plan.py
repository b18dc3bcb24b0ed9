"""What one run measures, and how much of it."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The numbers of one run."""

    what: str
    mails: int
    sessions: int
    size_bytes: int
    users: int
    large: int  # mails in the large mailbox
    pushes: int
    repeats: int  # of each request
    is_quick: bool
    small: int = 1_000  # mails in the small mailbox

    def has(self, step: str) -> bool:
        """Whether *step* is part of it."""
        return self.what in ("all", step)

    def as_dict(self) -> dict[str, object]:
        """Return it for a report."""
        return asdict(self)
