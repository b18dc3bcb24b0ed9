"""Records that no stage could pass, kept with the reason until somebody decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One buried record.

    Attributes:
        letter_id: Stable; what an operator types.
        path: Whose dead letters these are (``inbound``).
        stage: Which stage could not pass it; a replay starts there.
        kind: ``poison``: can never pass. ``exhausted``: failed too often. ``bug``: ours.
        value: The event as that stage was given it.
        topic: What that stage reads; empty where it is not known.
        origin: topic/partition/offset of the record that the chain began with.
    """

    letter_id: str
    path: str
    stage: str
    kind: Literal["poison", "exhausted", "bug"]
    reason: str
    traceback: str
    attempts: int
    key: str
    value: bytes
    event_id: str
    origin: str
    buried_at: datetime
    topic: str = ""
    state: Literal["dead", "replayed", "dropped"] = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """An event that takes the place of one that died.

    Attributes:
        key: Of the event, which may be another than that of the one that died.
        by: Who put it there; the record that is handed on says so.
    """

    value: bytes
    key: str
    by: str


class DeadLetters(Protocol):
    """All dead letters of a deployment. Burying is the engine's commit, not here."""

    async def list(
        self,
        *,
        path: str | None = None,
        include_settled: bool = False,
        limit: int = 100,
        after: str = "",
    ) -> Sequence[DeadLetter]:
        """Return dead letters, newest first; replayed and dropped ones only if asked for.

        Args:
            path: Those of one path alone.
            include_settled: Replayed and dropped ones, too.
            limit: How many at most.
            after: Only those behind the letter of this id, settled or not; of one that is not
                kept any more, none are.
        """
        ...

    async def get(self, letter_id: str) -> DeadLetter | None:
        """Return one, or None."""
        ...

    async def replay(self, letter_id: str, edited: Edited | None = None) -> bool:
        """Hand the record to its stage again; False if there is none that is dead.

        The event keeps its event_id, so what went through before is not doubled.

        Args:
            letter_id: Which.
            edited: What is handed on instead of the event that died, which stays on record.
        """
        ...

    async def drop(self, letter_id: str) -> bool:
        """Settle it without a replay; it stays on record. False if none is dead."""
        ...

    async def count(self) -> dict[str, int]:
        """Return the number of dead ones by path."""
        ...

    async def count_by_stage(self) -> dict[str, int]:
        """Return the number of dead ones by the stage that could not pass them."""
        ...
