"""Records of one key, one after another, or several at once where their stage can do that.

What several lead to together is what they would lead to one after another. If together they
fail, each takes its turn alone, so that what an error means is decided for the record it is of.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from topologies.ports.log import Entry, Record

MOST_AT_ONCE = 64

Work = Callable[[Record], Coroutine[Any, Any, Sequence[Entry]]]
# Returns what is to be written for each; None if each is to be worked on alone.
WorkOnSeveral = Callable[[Sequence[Record]], Coroutine[Any, Any, Sequence[Sequence[Entry]] | None]]


class Turns:
    """The turns of the records of one key."""

    def __init__(self, work: Work, work_on_several: WorkOnSeveral | None) -> None:
        self._work = work
        self._work_on_several = work_on_several
        self._alone = 0  # how many of the next are to be worked on alone

    async def take(self, records: Sequence[Record]) -> Sequence[Sequence[Entry]]:
        """Work on the first of *records*, one or several; return what each leads to."""
        if self._work_on_several is not None and len(records) > 1 and not self._alone:
            found = await self._work_on_several(records[:MOST_AT_ONCE])
            if found is not None:
                return found
            self._alone = min(len(records), MOST_AT_ONCE)
        self._alone = max(0, self._alone - 1)
        return [await self._work(records[0])]
