"""Where owners of domains want reports to be sent: the URIs of a TXT record. Pure.

Of DMARC (RFC 7489 §6.2, §6.3, §7.1) and of TLS-RPT (RFC 8460 §3). A URI that can't be read, or is
of no way that is known, is left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from topologies.mail import mailbox_address
from topologies.mail.domains import organizational

MOST_URIS = 5  # of one record that are served
LONGEST = 1_000  # characters of one
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"(?P<uri>.*)!(?P<count>[0-9]{1,12})(?P<unit>[kmgt]?)", re.IGNORECASE)
_HTTPS = re.compile(r"https://[!#-;=?-Z_a-z~]{4,}", re.IGNORECASE)
_TLS_RECORD = re.compile(r"v=TLSRPTv1\s*;(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReportUri:
    """One place to send reports to.

    Attributes:
        address: Of mail; empty: it is posted to ``url``.
        most_bytes: Of a report; 0: any.
    """

    address: str = ""
    url: str = ""
    most_bytes: int = 0

    @property
    def host(self) -> str:
        """The domain of the address."""
        return self.address.rpartition("@")[2]


def of_tls(records: Sequence[str]) -> Sequence[ReportUri]:
    """Return where the TXT records of ``_smtp._tls`` ask for reports; none: nobody asks."""
    found = [match for record in records if (match := _TLS_RECORD.fullmatch(record.strip()))]
    if len(found) != 1:  # RFC 8460 §3: several are as none
        return ()
    tags: dict[str, str] = {}
    for part in found[0]["rest"].split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip())
    return _read(tags.get("rua", ""), with_sizes=False, with_https=True)


def of_dmarc(rua: str) -> Sequence[ReportUri]:
    """Return where ``rua`` of a DMARC record asks for reports: addresses alone."""
    return _read(rua, with_sizes=True, with_https=False)


def is_external(uri: ReportUri, domain: str) -> bool:
    """Tell whether *uri* is of somebody else than the owner of *domain* (RFC 7489 §7.1)."""
    return organizational(uri.host) != organizational(domain)


def consent_name(uri: ReportUri, domain: str) -> str:
    """Return the name whose TXT record says that *uri* takes reports on *domain* (§7.1)."""
    return f"{domain}._report._dmarc.{uri.host}"


def is_consent(records: Sequence[str]) -> bool:
    """Tell whether the TXT records there say so."""
    return any(record.partition(";")[0].replace(" ", "") == "v=DMARC1" for record in records)


def _read(text: str, *, with_sizes: bool, with_https: bool) -> Sequence[ReportUri]:
    found: dict[str, ReportUri] = {}
    for part in text.split(","):
        uri, most_bytes = part.strip(), 0
        if with_sizes and (sized := _SIZE.fullmatch(uri)):
            uri = sized["uri"]
            most_bytes = int(sized["count"]) * _UNITS[sized["unit"].lower()]
        if len(uri) > LONGEST:
            continue
        if uri.lower().startswith("mailto:"):
            if (address := _address(uri[len("mailto:") :])) is not None:
                found.setdefault(address, ReportUri(address=address, most_bytes=most_bytes))
        elif with_https and _HTTPS.fullmatch(uri):
            found.setdefault(uri, ReportUri(url=uri))
    return tuple(found.values())[:MOST_URIS]


def _address(text: str) -> str | None:
    try:
        # RFC 6068 §2: percent-encoded, with header fields behind "?", which are not for reports.
        parsed = mailbox_address.parse(unquote(text.partition("?")[0], errors="strict"))
    except ValueError:
        return None
    address = str(parsed)
    return address if address.isascii() and not address.endswith("]") else None
