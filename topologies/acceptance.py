"""All checks together: found, put in order, asked. What is refused is refused by one of them.

Asks in order of moment and rank, and stops at the first refusal.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import structlog

import topologies.edge
from topologies.check import MOMENTS, Answer, Check, Moment, Refusal, Transaction
from topologies.discovery import declared_in
from topologies.errors import Misconfigured

Services = Mapping[type, Any]
_Bound = tuple[Check, Callable[[Transaction], Awaitable[Answer]]]

_logger = structlog.get_logger("edge")


class Acceptance:
    """The checks of one deployment, ready to be asked."""

    def __init__(self, checks: Sequence[Check], services: Services) -> None:
        """Give each check what it needs.

        Args:
            checks: In any order.
            services: An answer for each port and wish, by its class.

        Raises:
            Misconfigured: A check needs what is not there.
        """
        asked: dict[tuple[Moment, str], list[_Bound]] = {}
        for each in in_order(checks):
            bound = each, _wired(each, services)
            for origin in each.origins:
                asked.setdefault((each.at, origin), []).append(bound)
        self._asked = {key: tuple(bound) for key, bound in asked.items()}
        self._by_size = {
            origin: tuple(bound for bound in every if bound[0].by_size)
            for (moment, origin), every in self._asked.items()
            if moment == "rcpt"
        }

    async def ask(self, moment: Moment, mail: Transaction) -> Transaction | Refusal:
        """Return what is known of *mail* now, or why it is refused.

        Raises:
            Retryable: It can't be told now.
        """
        return await _asked(self._asked.get((moment, mail.origin), ()), mail)

    async def ask_by_size(self, mail: Transaction) -> Transaction | Refusal:
        """Ask again about a recipient who was accepted, now that the real size is known.

        Raises:
            Retryable: It can't be told now.
        """
        return await _asked(self._by_size.get(mail.origin, ()), mail)


def collect(packages: Sequence[ModuleType] = (topologies.edge,)) -> list[Check]:
    """Import every module of *packages* and return their checks, in order.

    Raises:
        Misconfigured: A module holds no check or several, or a name or a place is taken twice.
    """
    return in_order(declared_in(packages, "__check__", Check))


def in_order(checks: Sequence[Check]) -> list[Check]:
    """Return *checks* as they are asked.

    Raises:
        Misconfigured: Two have the same place.
    """
    places: dict[tuple[Moment, int], Check] = {}
    for each in checks:
        other = places.setdefault((each.at, each.rank), each)
        if other is not each:
            raise Misconfigured(
                f"the checks {other.name!r} and {each.name!r} both have rank {each.rank} at"
                f" {each.at}: give one another"
            )
    return sorted(checks, key=lambda each: (MOMENTS.index(each.at), each.rank))


async def _asked(checks: Sequence[_Bound], mail: Transaction) -> Transaction | Refusal:
    for each, ask in checks:
        answer = await ask(mail)
        if answer is None:
            continue
        if isinstance(answer, Refusal):
            _logger.info(
                "mail.refused",
                check=each.name,
                reply=answer.reply[:9],
                reason=answer.reason,
                client_ip=mail.client_ip,
            )
            return answer
        mail = answer
    return mail


def _wired(each: Check, services: Services) -> Callable[[Transaction], Awaitable[Answer]]:
    parameters = inspect.signature(each.ask, eval_str=True).parameters.values()
    wanted = {p.name: p.annotation for p in parameters if p.kind is p.KEYWORD_ONLY}
    missing = [name for name, port in wanted.items() if port not in services]
    if missing:
        raise Misconfigured(f"the check {each.name!r}: nothing answers {', '.join(missing)}")
    return functools.partial(each.ask, **{name: services[port] for name, port in wanted.items()})
