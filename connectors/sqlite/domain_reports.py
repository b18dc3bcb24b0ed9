"""Reports on our domains in one SQLite file: a report and its rows are written at once."""

import sqlite3
from collections.abc import Sequence
from datetime import date

from connectors.sqlite.database import Database
from topologies.mail import report_rows
from topologies.mail.aggregate import Kind
from topologies.mail.report_rows import Kept, Place, Row
from topologies.ports.clock import Clock
from topologies.ports.domain_reports import KEPT_FOR, DmarcPage, DmarcRow, TlsPage, TlsRow

FORGOTTEN_AT_ONCE = 1_000  # rows, with each report, so that it never takes long
_FORGET_ROWS = (
    "DELETE FROM report_rows WHERE (kind, domain, age, report, number) IN"
    " (SELECT kind, domain, age, report, number FROM report_rows WHERE age > ? LIMIT ?)"
)
_FORGET = (
    "DELETE FROM reports WHERE (kind, report) IN"
    " (SELECT kind, report FROM reports WHERE age > ? LIMIT ?)"
)
_FIND = (
    "SELECT age, report, number, row FROM report_rows WHERE kind = ? AND domain = ?"
    " AND (age, report, number) > (?, ?, ?) AND age <= ?"
    " ORDER BY age, report, number LIMIT ?"
)


class SqliteDomainReports:
    """All reports of one deployment."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use *database*, opened with ``domain_rows.MIGRATIONS``; whoever opened it closes it."""
        self._database = database
        self._clock = clock

    async def keep_dmarc(self, report: str, rows: Sequence[DmarcRow]) -> bool:
        return await self._keep("dmarc", report, rows)

    async def keep_tls(self, report: str, rows: Sequence[TlsRow]) -> bool:
        return await self._keep("tls", report, rows)

    async def dmarc(
        self, domain: str, first: date, last: date, *, limit: int = 100, cursor: str | None = None
    ) -> DmarcPage:
        found = await self._found("dmarc", domain, first, last, limit, cursor)
        return report_rows.dmarc_page(found, limit)

    async def tls(
        self, domain: str, first: date, last: date, *, limit: int = 100, cursor: str | None = None
    ) -> TlsPage:
        found = await self._found("tls", domain, first, last, limit, cursor)
        return report_rows.tls_page(found, limit)

    async def _keep(self, kind: Kind, report: str, rows: Sequence[Row]) -> bool:
        kept = report_rows.kept(report, rows)
        oldest = report_rows.age_of((self._clock.now() - KEPT_FOR).date())

        def work(connection: sqlite3.Connection) -> bool:
            for forget in (_FORGET_ROWS, _FORGET):
                connection.execute(forget, (oldest, FORGOTTEN_AT_ONCE))
            is_new = connection.execute(
                "INSERT OR IGNORE INTO reports (kind, report, age) VALUES (?, ?, ?)",
                (kind, report, report_rows.age_of(rows[0].day)),
            )
            if not is_new.rowcount:
                return False
            connection.executemany(
                "INSERT OR REPLACE INTO report_rows (kind, domain, age, report, number, row)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (kind, row.domain, each.place.age, report, each.place.number, each.row)
                    for row, each in kept
                ],
            )
            return True

        return await self._database.write(work)

    async def _found(
        self, kind: Kind, domain: str, first: date, last: date, limit: int, cursor: str | None
    ) -> Sequence[Kept]:
        after = report_rows.start(first, last, cursor)
        asked = (kind, domain, after.age, after.report, after.number)
        rows = await self._database.read(
            lambda connection: connection.execute(
                _FIND, (*asked, report_rows.age_of(first), limit + 1)
            ).fetchall()
        )
        return [Kept(Place(age, report, number), row) for age, report, number, row in rows]
