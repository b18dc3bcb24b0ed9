"""How the stages do at the moment, told by the processes that run them: for people who look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFigures:
    """How one stage does in one process, or in all of them together.

    Attributes:
        done_per_s: Records that passed, a second, over the last minute.
        again_per_s: Tries that are made once more, a second, over the last minute.
        buried_per_s: Records that became dead letters, a second, over the last minute.
        waiting: Records that are tried again at the moment.
        oldest_s: For how long the oldest of those has been tried, in seconds.
        lag_s: Age of the oldest record that the stage has before it, in seconds; None: it heads
            no chain here.
    """

    done_per_s: float = 0.0
    again_per_s: float = 0.0
    buried_per_s: float = 0.0
    waiting: int = 0
    oldest_s: float = 0.0
    lag_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How mail flows through the whole deployment at one moment.

    Attributes:
        stages: By stage; one that nothing was told of lately is left out.
        lag: Records that a consumer group has before it, by group.
        lag_s: Age of the oldest of those in seconds, by group; where it is not known, left out.
        dead: Dead letters that nobody has settled, by stage.
        later: Records that wait for their time, by topic.
        unknown: What could not be looked up, and why, in words.
    """

    at: datetime
    stages: Mapping[str, StageFigures] = field(default_factory=dict[str, StageFigures])
    lag: Mapping[str, int] = field(default_factory=dict[str, int])
    lag_s: Mapping[str, float] = field(default_factory=dict[str, float])
    dead: Mapping[str, int] = field(default_factory=dict[str, int])
    later: Mapping[str, int] = field(default_factory=dict[str, int])
    unknown: Sequence[str] = ()


class Figures(Protocol):
    """What every process of a deployment tells of its stages. May be lost: it is told again."""

    async def tell(self, process: str, stages: Mapping[str, StageFigures]) -> None:
        """Say how the *stages* of *process* do; every few seconds, instead of what it said before.

        Raises:
            Retryable: Whoever keeps it is out of reach.
        """
        ...

    async def told(self) -> Mapping[str, StageFigures]:
        """Return how each stage does, of all processes that were heard lately together.

        Raises:
            Retryable: Whoever keeps it is out of reach.
        """
        ...


def together(told: Sequence[Mapping[str, StageFigures]]) -> dict[str, StageFigures]:
    """Return what several processes say as one: rates are added up, of ages the oldest counts."""
    found: dict[str, StageFigures] = {}
    for stages in told:
        for name, new in stages.items():
            old = found.get(name, StageFigures())
            ages = [age for age in (old.lag_s, new.lag_s) if age is not None]
            found[name] = StageFigures(
                done_per_s=old.done_per_s + new.done_per_s,
                again_per_s=old.again_per_s + new.again_per_s,
                buried_per_s=old.buried_per_s + new.buried_per_s,
                waiting=old.waiting + new.waiting,
                oldest_s=max(old.oldest_s, new.oldest_s),
                lag_s=max(ages, default=None),
            )
    return found
