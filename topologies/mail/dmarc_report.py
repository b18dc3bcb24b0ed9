"""Aggregate reports of DMARC, read: RFC 7489 appendix C, and RFC 9990, which adds to it.

Reads the XML of any quality, bounded; what does not fit is refused as a whole. Elements that are
not known are read over. Whether the sender is believed is decided elsewhere.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from topologies.mail import small_xml
from topologies.mail.aggregate import clean
from topologies.ports.domain_reports import DmarcRow

MOST_RECORDS = 10_000  # of one report
MOST_MAILS = 2**53  # that a number may tell of: what JSON can hold everywhere
LONGEST = timedelta(days=62)  # that a report is about; a day is usual
_DISPOSITIONS = ("none", "pass", "quarantine", "reject")

_MOST_RESULTS = 20  # of one record; more signatures than that say nothing

_Path = tuple[str, ...]
_Values = dict[_Path, str]
_META: _Path = ("feedback", "report_metadata")
_DOMAIN: _Path = ("feedback", "policy_published", "domain")
_ROW: _Path = ("feedback", "record", "row")
_EVALUATED: _Path = (*_ROW, "policy_evaluated")
_HEADER_FROM: _Path = ("feedback", "record", "identifiers", "header_from")
_RESULTS: _Path = ("feedback", "record", "auth_results")
_OF_REPORT = frozenset(
    {
        *((*_META, name) for name in ("org_name", "email", "report_id")),
        *((*_META, "date_range", name) for name in ("begin", "end")),
        _DOMAIN,
    }
)
_OF_RECORD = frozenset(
    {
        *((*_ROW, name) for name in ("source_ip", "count")),
        *((*_EVALUATED, name) for name in ("disposition", "dkim", "spf")),
        _HEADER_FROM,
    }
)
_OF_RESULT = frozenset({"domain", "selector", "result"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcReport:
    """What a report says.

    Attributes:
        email: The reporter's address.
        rows: Those that fared alike are one. ``domain`` is the policy's, ``submitter`` open.
    """

    reporter: str
    email: str
    report_id: str
    policy_domain: str
    begin: datetime
    end: datetime
    rows: tuple[DmarcRow, ...]


def read(content: bytes) -> DmarcReport:
    """Return what the report in *content* says.

    Raises:
        ValueError: It is none, or makes no sense; says why.
    """
    heard = _Heard()
    small_xml.read(content, heard.told)
    if not heard.is_feedback:
        raise ValueError("it is no DMARC report: its root is not feedback")
    values = heard.values
    begin = _time(values, "begin")
    end = _time(values, "end")
    if not begin <= end <= begin + LONGEST:
        raise ValueError("date_range: it begins after its end, or is too long")
    reporter = _needed(values, (*_META, "org_name"))
    report_id = _needed(values, (*_META, "report_id"))
    domain = _needed(values, _DOMAIN).lower()
    if not heard.counts:
        raise ValueError("it has no record")
    rows = tuple(
        replace(
            row,
            count=count,
            domain=domain,
            policy_domain=domain,
            day=begin.date(),
            reporter=reporter,
            report_id=report_id,
        )
        for row, count in heard.counts.items()
    )
    return DmarcReport(
        reporter=reporter,
        email=clean(values.get((*_META, "email"), "")),
        report_id=report_id,
        policy_domain=domain,
        begin=begin,
        end=end,
        rows=rows,
    )


@dataclass(slots=True)
class _Heard:
    """What was read so far: the head, and how many mails fared in which way."""

    is_feedback: bool = False
    values: _Values = field(default_factory=_Values)
    counts: dict[DmarcRow, int] = field(default_factory=dict[DmarcRow, int])
    _record: _Values = field(default_factory=_Values)
    _result: dict[str, str] = field(default_factory=dict[str, str])  # of a signature, or of SPF
    _dkim: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    _spf: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    _records: int = 0

    def told(self, path: _Path, text: str) -> None:
        """Hear of an element that ended."""
        if path in _OF_REPORT:
            self.values.setdefault(path, text)
        elif path in _OF_RECORD:
            self._record.setdefault(path, text)
        elif path[:3] == _RESULTS and len(path) == 5 and path[4] in _OF_RESULT:
            self._result.setdefault(path[4], text)
        elif path[:3] == _RESULTS and len(path) == 4:
            result, self._result = self._result, {}
            kept = {"dkim": self._dkim, "spf": self._spf}.get(path[3])
            if kept is not None and len(kept) < _MOST_RESULTS:
                kept.append(result)
        elif path == ("feedback", "record"):
            self._ended()
        elif path == ("feedback",):
            self.is_feedback = True

    def _ended(self) -> None:
        self._records += 1
        if self._records > MOST_RECORDS:
            raise ValueError(f"it has more than {MOST_RECORDS} records")
        try:
            row, count = self._row()
        except ValueError as error:
            raise ValueError(f"record {self._records}: {error}") from error
        self.counts[row] = min(self.counts.get(row, 0) + count, MOST_MAILS)
        for each in (self._record, self._result, self._dkim, self._spf):
            each.clear()

    def _row(self) -> tuple[DmarcRow, int]:
        record = self._record
        source = str(ipaddress.ip_address(record.get((*_ROW, "source_ip"), "")))
        disposition = record.get((*_EVALUATED, "disposition"), "").lower() or "none"
        if disposition not in _DISPOSITIONS:
            raise ValueError(f"disposition: {disposition[:40]!r} is none")
        dkim, spf = _telling(self._dkim), _telling(self._spf)
        row = DmarcRow(
            domain="",
            policy_domain="",
            day=date.min,
            reporter="",
            report_id="",
            source=source,
            header_from=clean(record.get(_HEADER_FROM, "")).lower(),
            count=0,
            disposition=disposition,
            spf=_word(spf.get("result", "")),
            spf_domain=clean(spf.get("domain", "")).lower(),
            dkim=_word(dkim.get("result", "")),
            dkim_domain=clean(dkim.get("domain", "")).lower(),
            dkim_selector=clean(dkim.get("selector", "")),
            is_spf_aligned=record.get((*_EVALUATED, "spf"), "").lower() == "pass",
            is_dkim_aligned=record.get((*_EVALUATED, "dkim"), "").lower() == "pass",
        )
        return row, _number(record.get((*_ROW, "count"), ""), "count")


def _telling(results: list[Mapping[str, str]]) -> Mapping[str, str]:
    """Return the result that says most: one that passed, or the first."""
    passed = (each for each in results if each.get("result", "").lower() == "pass")
    return next(passed, results[0] if results else {})


def _word(text: str) -> str:
    return clean(text).lower()[:20] or "none"


def _needed(values: _Values, path: _Path) -> str:
    if text := clean(values.get(path, "")):
        return text
    raise ValueError(f"it has no {path[-1]}")


def _time(values: _Values, name: str) -> datetime:
    text = values.get((*_META, "date_range", name), "")
    return datetime.fromtimestamp(_number(text, name, most=2**32), UTC)


def _number(text: str, name: str, most: int = MOST_MAILS) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 20 or int(text) > most:
        raise ValueError(f"{name}: {text[:40]!r} is no number")
    return int(text)
