"""What the DNS of a domain must tell so that its mail comes here and ours is believed.

Pure: MX (RFC 5321 §5), SPF (RFC 7208), DKIM (RFC 6376, RFC 8463), DMARC (RFC 7489), MTA-STS
(RFC 8461), TLS reports (RFC 8460). Whether the DNS does tell it is asked in
``topologies.mail.domain_check``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from topologies.mail import dkim_private, dkim_rotation, mta_sts
from topologies.mail.aggregate import report_address
from topologies.ports.dkim_keys import DkimKey

What = Literal["mx", "spf", "dkim", "dmarc", "mta-sts", "tls-rpt"]
STRING_CHARACTERS = 255  # of one string of a TXT record (RFC 1035 §3.3.14)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRecord:
    """A record to publish.

    Attributes:
        name: Without a dot at its end.
        value: As a person reads it: of TXT the whole text.
        is_needed: Else mail flows without it, and is safer with it.
        note: What else is to be known; empty: nothing.
    """

    what: What
    name: str
    kind: Literal["MX", "TXT"]
    value: str
    is_needed: bool = True
    note: str = ""

    @property
    def line(self) -> str:
        """The record as a line of a zone file (RFC 1035 §5.1)."""
        return f"{self.name}. 3600 IN {self.kind} {self._written()}"

    def _written(self) -> str:
        if self.kind == "MX":
            return f"{self.value}."
        text = self.value
        strings = [
            text[at : at + STRING_CHARACTERS] for at in range(0, len(text), STRING_CHARACTERS)
        ]
        return " ".join(f'"{each}"' for each in strings)


def wanted(
    domain: str,
    hostname: str,
    keys: Sequence[DkimKey],
    now: datetime,
    policy: str | None = None,
) -> Sequence[WantedRecord]:
    """Return the records of *domain*.

    Args:
        domain: One of ours, in ASCII.
        hostname: Ours, which mail comes to and goes out from.
        keys: Of the domain; those that nobody asks for any more are left out.
        now: Decides that.
        policy: The file that is served as its MTA-STS policy; None: it has none.
    """
    reports = f"mailto:{report_address(domain)}"
    told = [key for key in keys if dkim_rotation.is_told(key, now)]
    return [
        WantedRecord(what="mx", name=domain, kind="MX", value=f"10 {hostname}"),
        WantedRecord(what="spf", name=domain, kind="TXT", value=f"v=spf1 mx a:{hostname} -all"),
        *(_of_key(key, now) for key in told),
        WantedRecord(
            what="dmarc",
            name=f"_dmarc.{domain}",
            kind="TXT",
            value=f"v=DMARC1; p=quarantine; rua={reports}",
        ),
        *(() if policy is None else (_of_policy(domain, policy),)),
        WantedRecord(
            what="tls-rpt",
            name=f"_smtp._tls.{domain}",
            kind="TXT",
            value=f"v=TLSRPTv1; rua={reports}",
            is_needed=False,
        ),
    ]


def _of_key(key: DkimKey, now: datetime) -> WantedRecord:
    note = ""
    if now < key.signs_from:
        note = f"signs from {key.signs_from:%Y-%m-%d %H:%M} UTC on"
    elif key.signs_until is not None:
        until = key.signs_until + dkim_rotation.TOLD_AFTER
        note = f"signs until {key.signs_until:%Y-%m-%d %H:%M} UTC; keep it until {until:%Y-%m-%d}"
    return WantedRecord(
        what="dkim",
        name=f"{key.selector}._domainkey.{key.domain}",
        kind="TXT",
        value=dkim_private.parse(key.private_key).record(),
        note=note,
    )


def _of_policy(domain: str, policy: str) -> WantedRecord:
    return WantedRecord(
        what="mta-sts",
        name=f"_mta-sts.{domain}",
        kind="TXT",
        value=mta_sts.record_of(policy),
        is_needed=False,
        note=f"only with the policy at https://{mta_sts.HOST}{domain}{mta_sts.PATH}",
    )
