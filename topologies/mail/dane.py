"""DANE for SMTP: certificates that a signed DNS vouches for (RFC 6698, RFC 7672).

Decides which TLSA records count and whether a certificate is the one they tell of. Whether the
DNS was signed is known by whoever asked it.
"""

import hashlib
import hmac
from collections.abc import Sequence

from topologies.mail import der
from topologies.ports.dns import Tlsa

# RFC 7672 §3.1.1; DANE-TA(2) would need the whole chain that the server sent.
DANE_EE = 3
_FULL, _SPKI = 0, 1
_VERSION = 0xA0
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}
_DIGEST_BYTES = {1: 32, 2: 64}


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """Return those by which a certificate can be judged.

    None: TLS is asked for, and nobody judges the certificate (RFC 7672 §2.2).
    """
    return tuple(
        record
        for record in records
        if record.usage == DANE_EE
        and record.selector in (_FULL, _SPKI)
        and record.matching in (0, *_DIGESTS)
        and len(record.data) == _DIGEST_BYTES.get(record.matching, len(record.data))
        and record.data
    )


def matches(records: Sequence[Tlsa], certificate: bytes) -> bool:
    """Return whether one of *records* tells of *certificate*, in DER.

    Names and dates in it don't matter (RFC 7672 §3.1.1).
    """
    return any(_matches(record, certificate) for record in usable(records))


def _matches(record: Tlsa, certificate: bytes) -> bool:
    try:
        selected = certificate if record.selector == _FULL else public_key_of(certificate)
    except IndexError:
        return False
    if record.matching:
        selected = _DIGESTS[record.matching](selected).digest()
    return hmac.compare_digest(selected, record.data)


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
