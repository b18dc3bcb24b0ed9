"""Reports on our domains in a list: for tests, and what the others are held against."""

from collections.abc import Sequence
from datetime import date

from topologies.mail import report_rows
from topologies.mail.aggregate import Kind
from topologies.mail.report_rows import Kept, Row
from topologies.ports.domain_reports import DmarcPage, DmarcRow, TlsPage, TlsRow


class MemoryDomainReports:
    """All reports of one process, gone with it."""

    def __init__(self) -> None:
        self._known: set[tuple[Kind, str]] = set()
        self._rows: dict[tuple[Kind, str], list[Kept]] = {}

    async def keep_dmarc(self, report: str, rows: Sequence[DmarcRow]) -> bool:
        return self._keep("dmarc", report, rows)

    async def keep_tls(self, report: str, rows: Sequence[TlsRow]) -> bool:
        return self._keep("tls", report, rows)

    async def dmarc(
        self, domain: str, first: date, last: date, *, limit: int = 100, cursor: str | None = None
    ) -> DmarcPage:
        found = self._found("dmarc", domain, first, last, limit, cursor)
        return report_rows.dmarc_page(found, limit)

    async def tls(
        self, domain: str, first: date, last: date, *, limit: int = 100, cursor: str | None = None
    ) -> TlsPage:
        return report_rows.tls_page(self._found("tls", domain, first, last, limit, cursor), limit)

    def _keep(self, kind: Kind, report: str, rows: Sequence[Row]) -> bool:
        if (kind, report) in self._known:
            return False
        self._known.add((kind, report))
        for row, kept in report_rows.kept(report, rows):
            self._rows.setdefault((kind, row.domain), []).append(kept)
        return True

    def _found(
        self, kind: Kind, domain: str, first: date, last: date, limit: int, cursor: str | None
    ) -> Sequence[Kept]:
        after, oldest = report_rows.start(first, last, cursor), report_rows.age_of(first)
        rows = sorted(self._rows.get((kind, domain), ()), key=lambda each: each.place)
        return [each for each in rows if after < each.place and each.place.age <= oldest][
            : limit + 1
        ]
