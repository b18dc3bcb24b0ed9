"""DANE for SMTP: certificates that a signed DNS vouches for (RFC 6698, RFC 7672).

Decides which TLSA records count and whether a server is the one they tell of. Whether the DNS was
signed is known by whoever asked it.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from topologies.mail import der
from topologies.ports.dns import Tlsa

DANE_TA, DANE_EE = 2, 3  # RFC 7672 §3.1: no other usage counts
_FULL, _SPKI = 0, 1
_VERSION = 0xA0
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}
_DIGEST_BYTES = {1: 32, 2: 64}


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """Return those by which a server can be judged.

    None: TLS is asked for, and nobody judges the certificate (RFC 7672 §2.2).
    """
    return tuple(
        record
        for record in records
        if record.usage in (DANE_TA, DANE_EE)
        and record.selector in (_FULL, _SPKI)
        and record.matching in (0, *_DIGESTS)
        and len(record.data) == _DIGEST_BYTES.get(record.matching, len(record.data))
        and record.data
    )


def written(record: Tlsa) -> str:
    """Return *record* as it stands in a zone file (RFC 6698 §2.2)."""
    return f"{record.usage} {record.selector} {record.matching} {record.data.hex()}"


def is_vouched_for(
    records: Sequence[Tlsa], chain: Sequence[bytes], *, host: str, now: datetime
) -> bool:
    """Return whether one of *records* vouches for the server that sent *chain*.

    Args:
        records: Those that are usable.
        chain: Its certificates in DER, its own first.
        host: The name that a certificate must have if it is an authority that is vouched for;
            where it is the server's own, names and dates don't matter (RFC 7672 §3.1.1).
        now: When it must be valid then.
    """
    if not chain:
        return False
    if any(record.usage == DANE_EE and _tells_of(record, chain[0]) for record in records):
        return True
    anchors = [
        each
        for each in chain[1:]
        if any(record.usage == DANE_TA and _tells_of(record, each) for record in records)
    ]
    return bool(anchors) and _leads_to(anchors, chain, host, now)


def public_key_of(certificate: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a certificate, both in DER (RFC 5280 §4.1).

    Raises:
        IndexError: It is no certificate.
    """
    signed, _ = der.element(certificate, der.SEQUENCE)
    rest, _ = der.element(signed, der.SEQUENCE)
    if rest[0] == _VERSION:
        _, rest = der.element(rest, _VERSION)
    _, rest = der.element(rest, der.INTEGER)  # serial number
    for _ in ("signature", "issuer", "validity", "subject"):
        _, rest = der.element(rest, der.SEQUENCE)
    content, _ = der.element(rest, der.SEQUENCE)
    return der.write(der.SEQUENCE, content)


def _tells_of(record: Tlsa, certificate: bytes) -> bool:
    try:
        selected = certificate if record.selector == _FULL else public_key_of(certificate)
    except IndexError:
        return False
    if record.matching:
        selected = _DIGESTS[record.matching](selected).digest()
    return hmac.compare_digest(selected, record.data)


def _leads_to(anchors: Sequence[bytes], chain: Sequence[bytes], host: str, now: datetime) -> bool:
    """Return whether the first of *chain* is signed by one of *anchors*, by way of the others."""
    # Here, since most mail needs none of it.
    from cryptography import x509
    from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

    try:
        own, *others = [x509.load_der_x509_certificate(each) for each in chain]
        store = Store([x509.load_der_x509_certificate(each) for each in anchors])
        verifier = PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(host))
        verifier.verify(own, others)
    except (VerificationError, ValueError):
        return False
    return True
