"""Reports on our domains in Cassandra.

The rows of a report are written first, and then that it is known: who stops between the two does
it again, to the same rows. Of two who bring the same report at once, both write the same.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from connectors.cassandra.session import CassandraSession
from topologies.mail import report_rows
from topologies.mail.aggregate import Kind
from topologies.mail.report_rows import Kept, Place, Row
from topologies.ports.clock import Clock
from topologies.ports.domain_reports import KEPT_FOR, DmarcPage, DmarcRow, TlsPage, TlsRow

DAYS_A_PAGE = 62  # that are looked into for one page; a longer time without rows takes several

_KNOWN = "SELECT rows FROM domain_reports WHERE kind = ? AND report = ?"
_KEEP = "INSERT INTO domain_reports (kind, report, rows) VALUES (?, ?, ?) USING TTL ?"
_KEEP_ROW = (
    "INSERT INTO domain_report_rows (kind, domain, day, report, number, row)"
    " VALUES (?, ?, ?, ?, ?, ?) USING TTL ?"
)
_BEHIND = (
    "SELECT report, number, row FROM domain_report_rows"
    " WHERE kind = ? AND domain = ? AND day = ? AND (report, number) > (?, ?) LIMIT ?"
)


class CassandraDomainReports:
    """All reports of one deployment."""

    def __init__(self, session: CassandraSession, clock: Clock) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it."""
        self._session = session
        self._clock = clock

    async def keep_dmarc(self, report: str, rows: Sequence[DmarcRow]) -> bool:
        return await self._keep("dmarc", report, rows)

    async def keep_tls(self, report: str, rows: Sequence[TlsRow]) -> bool:
        return await self._keep("tls", report, rows)

    async def dmarc(
        self, domain: str, first: date, last: date, *, limit: int = 100, cursor: str | None = None
    ) -> DmarcPage:
        found, go_on = await self._found("dmarc", domain, first, last, limit, cursor)
        return report_rows.dmarc_page(found, limit, go_on)

    async def tls(
        self, domain: str, first: date, last: date, *, limit: int = 100, cursor: str | None = None
    ) -> TlsPage:
        found, go_on = await self._found("tls", domain, first, last, limit, cursor)
        return report_rows.tls_page(found, limit, go_on)

    async def _keep(self, kind: Kind, report: str, rows: Sequence[Row]) -> bool:
        if await self._session.execute(_KNOWN, (kind, report)):
            return False
        left_s = self._left_s(rows[0].day)
        if left_s <= 0:
            return False  # it would be gone already
        await self._session.execute_all(
            [
                (
                    _KEEP_ROW,
                    (kind, row.domain, row.day, report, each.place.number, each.row, left_s),
                )
                for row, each in report_rows.kept(report, rows)
            ]
        )
        await self._session.execute(_KEEP, (kind, report, len(rows), left_s))
        return True

    def _left_s(self, day: date) -> int:
        end = datetime.combine(day, time(), UTC) + KEPT_FOR
        return (end - self._clock.now()) // timedelta(seconds=1)

    async def _found(
        self, kind: Kind, domain: str, first: date, last: date, limit: int, cursor: str | None
    ) -> tuple[Sequence[Kept], Place | None]:
        """Return rows, and where to look on if these days were not all."""
        after = report_rows.start(first, last, cursor)
        found: list[Kept] = []
        oldest = report_rows.age_of(first)
        for age in range(after.age, min(oldest, after.age + DAYS_A_PAGE - 1) + 1):
            after = after if after.age == age else Place(age, "", -1)
            left = limit + 1 - len(found)
            asked = (kind, domain, after.day, after.report, after.number, left)
            rows = await self._session.execute(_BEHIND, asked)
            found += [Kept(Place(age, report, number), row) for report, number, row in rows]
            if len(found) > limit:
                return found, None  # the last one tells where to go on
        return found, Place(after.age + 1, "", -1) if after.age < oldest else None
