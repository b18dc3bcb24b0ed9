"""How stages do, as the processes of a test say it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from topologies.ports.clock import Clock
from topologies.ports.figures import StageFigures, together

KEPT_FOR = timedelta(seconds=30)


class MemoryFigures:
    """What was told in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, tuple[datetime, Mapping[str, StageFigures]]] = {}

    async def tell(self, process: str, stages: Mapping[str, StageFigures]) -> None:
        self._told[process] = (self._clock.now(), stages)

    async def told(self) -> Mapping[str, StageFigures]:
        now = self._clock.now()
        return together([told for at, told in self._told.values() if now - at < KEPT_FOR])
