"""What tells a sender that a recipient's rules refused their mail (RFC 5429 §2.2, RFC 8098).

Pure. The mail itself does not come back, only its header: nobody gets the attachments of a stranger
by it whose address was forged.
"""

import hashlib
from datetime import datetime

from topologies.events import Address
from topologies.mail import compose, dkim_canonical, header_lines
from topologies.mail.compose import Draft

MOST_HEADER_BYTES = 16 * 1024  # that come back


def refusal(
    reason: str, raw: bytes, *, to: str, user: Address, hostname: str, mail_id: str, at: datetime
) -> bytes:
    """Return the report that *raw* was refused by *user* for *reason*."""
    domain = user.address.rpartition("@")[2]
    header, _ = dkim_canonical.split(raw)
    boundary = f"=_{hashlib.sha256(mail_id.encode()).hexdigest()[:32]}"
    told = compose.compose(
        Draft(
            message_id=f"{mail_id}@{domain}",
            date=at,
            sender=user,
            to=(Address(address=to),),
            subject="Your mail was refused",
            text=f"{user.address} has refused your mail:\n\n{reason}\n",
        )
    )
    first, _, text = told.partition(b"\r\n\r\n")
    fields = first.split(b"\r\n")
    own = [f for f in fields if not f.lower().startswith((b"content-", b"mime-version"))]
    kind = [f for f in fields if f.lower().startswith(b"content-")]
    disposition = [
        f"Reporting-UA: {hostname}; Rillmail",
        f"Final-Recipient: rfc822; {user.address}",
        "Disposition: automatic-action/MDN-sent-automatically; deleted",
    ]
    if original := _id_of(header):
        disposition.insert(2, f"Original-Message-ID: {original}")
    lines = [
        header_lines.text_field("Auto-Submitted", "auto-replied").encode().rstrip(),
        *own,
        b"MIME-Version: 1.0",
        b"Content-Type: multipart/report; report-type=disposition-notification;",
        f' boundary="{boundary}"'.encode(),
        b"",
        f"--{boundary}".encode(),
        *kind,
        b"",
        text.rstrip(b"\r\n"),
        b"",
        f"--{boundary}".encode(),
        b"Content-Type: message/disposition-notification",
        b"",
        *(line.encode("utf-8", "replace") for line in disposition),
        b"",
        f"--{boundary}".encode(),
        b"Content-Type: text/rfc822-headers",
        b"",
        header[:MOST_HEADER_BYTES].rstrip(b"\r\n"),
        f"--{boundary}--".encode(),
        b"",
    ]
    return b"\r\n".join(lines)


def _id_of(header: bytes) -> str:
    for name, field in dkim_canonical.fields(header):
        if name == "message-id":
            value = field.partition(b":")[2].decode("ascii", "replace")
            written = "".join(value.split())
            return written if written.isascii() and len(written) <= 500 else ""
    return ""
