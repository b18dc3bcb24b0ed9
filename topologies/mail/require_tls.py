"""Mail that goes on within TLS alone, and mail that need not: the rules of RFC 8689. Pure.

The one is said in the envelope (REQUIRETLS), the other in the header (``TLS-Required: No``).
"""

from topologies.events import TlsRequired
from topologies.mail import dkim_canonical
from topologies.mail.mx import Refusal

KEYWORD = "REQUIRETLS"
FIELD = "TLS-Required"

# §4.2.1: for good; the sender is told at once, and may send it again without.
NOT_OFFERED = Refusal("5.7.30", "the host does not promise to send the mail on by TLS (REQUIRETLS)")
NOT_PROVED = Refusal("5.7.30", "the mail must go by TLS, and nobody vouches for its domain's hosts")
NO_TLS = "5.7.10"  # encryption needed


def of_header(raw: bytes) -> TlsRequired:
    """Return what the header of *raw* says (§3): "no", or nothing."""
    header, _ = dkim_canonical.split(raw)
    if FIELD.lower().encode() not in header.lower():  # as in nearly all
        return ""
    said = [
        line.partition(b":")[2].strip().lower()
        for name, line in dkim_canonical.fields(header)
        if name == FIELD.lower()
    ]
    # Any other value, or several, say nothing.
    return "no" if said == [b"no"] else ""
