"""What other systems saw of our domains, as they reported it: of mail in their name, and of TLS."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, Protocol

Disposition = Literal["none", "pass", "quarantine", "reject"]
PolicyType = Literal["sts", "tlsa", "no-policy-found"]
KEPT_FOR = timedelta(days=400)  # after the day that a row is about
MAX_REPORTS_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a row of any report says.

    Attributes:
        domain: Ours, which it is filed under.
        policy_domain: Whose policy was looked at: the same, or one below it.
        day: In UTC, on which the time that is reported on began.
        reporter: Who made the report, as they call themselves.
        report_id: How they call it.
        submitter: The domain in From of the mail that brought it.
        is_proved: DMARC proves that domain. Else anybody may have made it up.
    """

    domain: str
    policy_domain: str
    day: date
    reporter: str
    report_id: str
    submitter: str = ""
    is_proved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcRow(Reported):
    """Mails from one address that fared alike (RFC 7489 appendix C, RFC 9990).

    Attributes:
        source: The IP address that they came from.
        header_from: The domain in From.
        count: Of mails.
        disposition: What became of them by the domain's policy; ``pass``: it asked for nothing.
        spf: The verdict, whatever the domain: ``pass``, ``fail``, ``softfail`` ….
        dkim: The same: of a signature that is right, or of the first.
        is_spf_aligned: It is right, and of the domain in From.
        is_dkim_aligned: The same of a signature.
    """

    source: str
    header_from: str
    count: int
    disposition: Disposition
    spf: str
    spf_domain: str = ""
    dkim: str
    dkim_domain: str = ""
    dkim_selector: str = ""
    is_spf_aligned: bool
    is_dkim_aligned: bool

    @property
    def is_aligned(self) -> bool:
        """Whether they passed DMARC."""
        return self.is_spf_aligned or self.is_dkim_aligned


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFailure:
    """Sessions that failed in one way at one of our hosts (RFC 8460 §4.3).

    Attributes:
        result_type: ``certificate-expired``, ``starttls-not-supported`` ….
        receiving_mx: Our host; empty: nobody said.
    """

    result_type: str
    receiving_mx: str = ""
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsRow(Reported):
    """Sessions under one policy (RFC 8460 §4.2).

    Attributes:
        details: Of the failures, those told of; most failures first.
    """

    policy_type: PolicyType
    successes: int
    failures: int
    details: tuple[TlsFailure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcPage:
    """A stretch of rows, the newest day first; maybe an empty one, with more to come."""

    rows: tuple[DmarcRow, ...]
    next_cursor: str | None  # opaque; None at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPage:
    """The same of TLS."""

    rows: tuple[TlsRow, ...]
    next_cursor: str | None


class DomainReports(Protocol):
    """All reports on our domains; each is kept once, for ``KEPT_FOR``."""

    async def keep_dmarc(self, report: str, rows: Sequence[DmarcRow]) -> bool:
        """Keep the rows of a report; False if it is known already, then nothing changes.

        Args:
            report: Its key; a replay has the same, with the same rows.
            rows: All of it; at least one.

        Raises:
            Retryable: The store is out of reach; what was written is written again.
        """
        ...

    async def keep_tls(self, report: str, rows: Sequence[TlsRow]) -> bool:
        """Do the same with a report on TLS."""
        ...

    async def dmarc(
        self, domain: str, first: date, last: date, *, limit: int = 100, cursor: str | None = None
    ) -> DmarcPage:
        """Return rows of *domain* and the days from *first* to *last*, both included.

        Raises:
            ValueError: The cursor is none of this listing.
        """
        ...

    async def tls(
        self, domain: str, first: date, last: date, *, limit: int = 100, cursor: str | None = None
    ) -> TlsPage:
        """Return the same of TLS."""
        ...
