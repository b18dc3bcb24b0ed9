"""Faust's consumer, which loses no record when partitions come to it.

What is fetched of a partition that does not flow counts as read and is not handed on: it would
wait, and all positions behind it, until the next worker comes. Faust lets that happen twice. It
lets a partition flow, and only then goes back to what was committed; here partitions that stages
read flow once that is done. And while nothing flows, as between the end of a table's recovery and
that, its client takes "of none" as "of all"; here none are none.

It also hands each record on at once while there is room, where Faust makes four tasks of each; and
when there is none it waits for room, where Faust sleeps a second.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false

import asyncio
import types
from collections.abc import Container, Coroutine, Generator, Iterable
from typing import Any

from faust.transport.drivers.aiokafka import Consumer
from mode.services import WaitResults


class SeekingFirst(Consumer):
    """One consumer of a group."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin; see Faust's."""
        super().__init__(*args, **kwargs)
        self._held: set[Any] = set()

    def resume_partitions(self, tps: Iterable[Any]) -> None:
        """Let changelogs flow, which are read now; the rest waits for ``resume_flow``."""
        at_once = {place for place in tps if self._is_changelog_tp(place)}
        self._held |= set(tps) - at_once
        if at_once:
            super().resume_partitions(at_once)

    def resume_flow(self) -> None:
        """Let all flow: Faust has gone back to the committed positions by now."""
        super().resume_flow()
        held, self._held = self._held, set()
        if held:
            super().resume_partitions(held)

    def on_buffer_full(self, tp: Any) -> None:
        """Go on with *tp*: who hands records on waits for room, and not a second at a time."""

    def stop_flow(self) -> None:
        """Let nothing flow: partitions are shared out anew."""
        self._held.clear()
        super().stop_flow()

    async def wait_first(self, *coros: Any, timeout: Any = None) -> Any:  # noqa: ASYNC109  Faust's
        """Wait for the first of *coros*, as Faust does; begin with handing a record on."""
        if len(coros) != 2 or not all(map(asyncio.iscoroutine, coros)):
            return await super().wait_first(*coros, timeout=timeout)
        handing, suspended = coros
        try:
            awaited = handing.send(None)
        except StopIteration as end:
            suspended.close()
            return WaitResults([handing], [end.value], stopped=False)
        except BaseException:
            suspended.close()
            raise
        return await super().wait_first(_rest(handing, awaited), suspended, timeout=timeout)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109  Faust's
        flowing: Any = Flowing(active_partitions)
        return await super()._getmany(flowing, timeout)


async def _rest(begun: Coroutine[Any, Any, Any], awaited: Any) -> Any:
    return await _going_on(begun, awaited)


@types.coroutine
def _going_on(begun: Coroutine[Any, Any, Any], awaited: Any) -> Generator[Any, Any, Any]:
    """Run *begun* to its end, which waits for *awaited*."""
    try:
        while True:
            try:
                value = yield awaited
            except BaseException as error:  # noqa: BLE001  a cancellation, too
                awaited = begun.throw(error)
            else:
                awaited = begun.send(value)
    except StopIteration as end:
        return end.value


class Flowing:
    """The partitions that flow, as they are at each look; true also when there are none."""

    def __init__(self, tps: Container[Any]) -> None:
        """Look at *tps*, which others change meanwhile."""
        self._tps = tps

    def __contains__(self, tp: object) -> bool:
        """Return whether *tp* flows now."""
        return tp in self._tps
