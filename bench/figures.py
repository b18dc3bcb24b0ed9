"""Figures: what was measured, in which unit, what it means, and what was aimed at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes:
        at_most: What is aimed at; None: nothing is. A bench never fails for missing it.
    """

    key: str
    value: float
    unit: str
    meaning: str
    at_most: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is reached; None if there is none."""
        return None if self.at_most is None else self.value <= self.at_most


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures that were taken together, and what else must be known to read them."""

    name: str
    title: str
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of *values* that *percent* of them do not exceed (nearest rank).

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values")
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]


def latencies(
    key: str, took_s: Sequence[float], meaning: str, *, p50_at_most: float | None = None
) -> tuple[Figure, ...]:
    """Return the median and the 99th percentile, in ms, of what took *took_s*."""
    return (
        Figure(
            key=f"{key}_p50",
            value=percentile(took_s, 50) * 1000,
            unit="ms",
            meaning=f"{meaning}: median of {len(took_s)}",
            at_most=p50_at_most,
        ),
        Figure(
            key=f"{key}_p99",
            value=percentile(took_s, 99) * 1000,
            unit="ms",
            meaning=f"{meaning}: 99 % took no longer",
        ),
    )
