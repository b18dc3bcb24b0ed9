"""Reports on domains, and the mails that bring them, as other systems make them."""

import base64
import gzip
import io
import zipfile
from datetime import date
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus" / "aggregate"
DAY = date(2026, 2, 28)  # that the reports of bigmail.example are about


def dmarc(domain: str = "shop.example", report_id: str = "", day: date = DAY) -> bytes:
    """Return the report of mail by bigmail.example, of another domain, id or day."""
    text = (FOLDER / "dmarc-rfc7489.xml").read_text()
    for begin in (1772236800, 1772323199):
        moved = begin + (day - DAY).days * 86_400
        text = text.replace(str(begin), str(moved))
    if report_id:
        text = text.replace("17301882945012345678", report_id)
    return text.replace("shop.example", domain).encode()


def tls(domain: str = "shop.example", report_id: str = "", day: date = DAY) -> bytes:
    """Return the report of TLS by Bigmail Inc., of another domain, id or day."""
    text = (FOLDER / "tls-rfc8460.json").read_text()
    if report_id:
        text = text.replace("2026-02-28T00:00:00Z_shop.example", report_id)
    return text.replace(str(DAY), str(day)).replace("shop.example", domain).encode()


def zipped(content: bytes, name: str = "report.xml") -> bytes:
    """Return a ZIP with one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def as_sent(
    content: bytes, to: str, *, kind: str = "gzip", sender: str = "bigmail.example"
) -> bytes:
    """Return the mail that brings a report.

    Args:
        content: The report, not packed.
        to: Whom it goes to.
        kind: ``gzip`` and ``zip``: a file beside a text; ``alone``: the ZIP is all of the mail;
            ``tlsrpt``: as RFC 8460 §5.3 has it.
        sender: The domain in From.
    """
    head = (
        f"From: reports@{sender}\r\nTo: {to}\r\nSubject: Report Domain: {to.partition('@')[2]}\r\n"
    )
    head += "MIME-Version: 1.0\r\n"
    if kind == "alone":
        part = _part("application/zip", "bigmail!report.zip", zipped(content))
        return head.encode() + part
    outer, name, packed, told = {
        "gzip": ("mixed", "bigmail!report.xml.gz", gzip.compress(content), "application/gzip"),
        "zip": ("mixed", "bigmail!report.zip", zipped(content), "application/octet-stream"),
        "tlsrpt": (
            "report; report-type=tlsrpt",
            "bigmail!report.json.gz",
            gzip.compress(content),
            "application/tlsrpt+gzip",
        ),
    }[kind]
    return (
        head.encode()
        + f'Content-Type: multipart/{outer}; boundary="b"\r\n\r\n'.encode()
        + b"--b\r\nContent-Type: text/plain\r\n\r\nThis is a report for machines.\r\n--b\r\n"
        + _part(told, name, packed)
        + b"--b--\r\n"
    )


def _part(content_type: str, name: str, packed: bytes) -> bytes:
    return (
        f'Content-Type: {content_type}; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + base64.encodebytes(packed).replace(b"\n", b"\r\n")
