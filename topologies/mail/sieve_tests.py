"""Sieve's tests: whether something is so of a mail (RFC 5228 §5 and its extensions).

Pure. A test that can't be made (a header that is no address, a part of a date that there is
none of) is not passed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from topologies.mail import sieve_dates
from topologies.mail.sieve import Node
from topologies.mail.sieve_match import EACH_COSTS, Comparison, Purse
from topologies.mail.sieve_variables import Variables
from topologies.mail.sieve_view import View

V = TypeVar("V", bytes, str)

_MATCH_TYPES = ("is", "contains", "matches", "value", "count")


@dataclass(frozen=True, slots=True)
class Tester:
    """Makes tests for one run of a script.

    Attributes:
        flags: What the script has flagged the mail with so far.
    """

    view: View
    variables: Variables
    purse: Purse
    flags: Callable[[str], Sequence[str]]

    def passes(self, test: Node) -> bool:
        """Return whether *test* is passed.

        Raises:
            Exhausted: That takes too long.
        """
        self.purse.pay(0)
        match test.name:
            case "true":
                return True
            case "false":
                return False
            case "not":
                return not self.passes(test.tests[0])
            case "allof":
                return all(self.passes(each) for each in test.tests)
            case "anyof":
                return any(self.passes(each) for each in test.tests)
            case "exists":
                return all(self.view.raw_values(name) for name in self._texts(test.strings[0]))
            case "size":
                size = len(self.view.raw)
                return size > test.number if test.has("over") else size < test.number
            case "mailboxexists":
                return all(
                    name.lower() in self.view.folders for name in self._texts(test.strings[0])
                )
            case _:
                return self._compares(test)

    def _compares(self, test: Node) -> bool:
        match_type = next((each for each in _MATCH_TYPES if test.has(each)), "is")
        comparison = Comparison(
            match=match_type,
            comparator=test.text("comparator") or "i;ascii-casemap",
            relation=test.text(match_type).lower(),
        )
        keys = self._texts(test.strings[-1])
        found = comparison.first(self._values(test, comparison), keys, self.purse)
        if found and match_type == "matches":
            self.variables.captures = found
        return found is not None

    def _values(self, test: Node, comparison: Comparison) -> list[str]:
        match test.name:
            case "header":
                names = self._texts(test.strings[0])
                values = [v for name in names for v in _indexed(self.view.values(name), test)]
                self.purse.pay(EACH_COSTS // 10 * len(values))
                return values
            case "address":
                return self._addresses(test)
            case "envelope":
                return self._envelope(test)
            case "body":
                return self._body(test)
            case "string":
                values = self._texts(test.strings[0])
                # RFC 5229 §5: empty ones are not counted.
                return [v for v in values if v] if comparison.match == "count" else values
            case "hasflag":
                names = test.strings[0] if len(test.strings) == 2 else ("",)
                return [flag for name in names for flag in self.flags(name)]
            case "date":
                return self._date(test)
            case "spamtest":
                return self._spam(test, comparison)
            case _:
                return _part(self.view.received_at, test.text("zone"), self._text(test, 0))

    def _addresses(self, test: Node) -> list[str]:
        parts: list[str] = []
        for name in self._texts(test.strings[0]):
            for value in _indexed(self.view.raw_values(name), test):
                for address in self.view.addresses(value):
                    parts += _address_part(address, test)
        self.purse.pay(4 * EACH_COSTS * len(parts))
        return parts

    def _envelope(self, test: Node) -> list[str]:
        parts: list[str] = []
        for name in self._texts(test.strings[0]):
            known = {"from": self.view.mail_from, "to": self.view.recipient}.get(name.lower())
            if known is not None:
                parts += _address_part(known, test) if known else [""]
        return parts

    def _body(self, test: Node) -> list[str]:
        if test.has("raw"):
            return [self.view.raw_body]
        if test.has("content"):
            types = self._texts(test.texts("content"))
            self.purse.pay(EACH_COSTS * len(types) * self.view.part_count)
            return self.view.parts(types)
        return [self.view.text]

    def _spam(self, test: Node, comparison: Comparison) -> list[str]:
        spam = self.view.spam
        if spam is None or spam.threshold == 0:  # RFC 5235 §2.1: nobody looked
            return [] if test.has("percent") or comparison.match == "count" else ["0"]
        if test.has("percent"):
            return [str(round(100 * spam.probability))]
        # What is spam to its reader is 10, and nothing else: the threshold moves.
        near = int(9 * spam.probability / spam.threshold)
        return ["10" if spam.is_spam else str(1 + min(near, 8))]

    def _date(self, test: Node) -> list[str]:
        values = _indexed(self.view.values(self._text(test, 0)), test)
        at = sieve_dates.read(values[0]) if values else None
        if at is None:
            return []
        zone = f"{at:%z}" if test.has("originalzone") else test.text("zone")
        return _part(at, zone, self._text(test, 1))

    def _texts(self, written: Sequence[str]) -> list[str]:
        found = [self.variables.expanded(each) for each in written]
        self.purse.pay(sum(map(len, found)))
        return found

    def _text(self, test: Node, place: int) -> str:
        return self.variables.expanded(test.strings[place][0])


def _indexed(values: list[V], test: Node) -> list[V]:
    """Return *values*, or the one that `:index` names (RFC 5260 §6)."""
    number = test.amount("index")
    if number is None:
        return values
    if number > len(values):
        return []
    return [values[-number] if test.has("last") else values[number - 1]]


def _address_part(address: str, test: Node) -> list[str]:
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    if test.has("localpart"):
        return [local]
    if test.has("domain"):
        return [domain]
    if test.has("user"):
        return [local.partition("+")[0]]
    if test.has("detail"):  # RFC 5233 §4: without a separator there is none
        return [local.partition("+")[2]] if "+" in local else []
    return [address]


def _part(at: datetime, zone: str, name: str) -> list[str]:
    found = sieve_dates.part(sieve_dates.shifted(at, zone), name)
    return [] if found is None else [found]
