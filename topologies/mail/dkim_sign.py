"""Signing: the DKIM-Signature fields that go in front of a message (RFC 6376 §5, RFC 8463).

Pure: the same message, keys and time give the same fields. Every key signs, so that who knows
Ed25519 can take that, and who doesn't takes RSA (RFC 8463 §3). Which keys those are is not
decided here.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from topologies.mail import dkim_canonical
from topologies.mail.dkim_private import PrivateKey
from topologies.mail.dkim_write import chosen, in_base64, with_value

# Signed once more than they are there, so that none can be added (RFC 6376 §5.4, §8.15).
GUARDED = "from sender reply-to subject date message-id to cc content-type mime-version".split()
# RFC 6376 §5.4.1; RFC 8058 §4 wants List-Unsubscribe and -Post signed.
SIGNED = (
    "in-reply-to references content-transfer-encoding content-id content-description"
    " resent-from resent-date resent-to resent-cc list-id list-help list-unsubscribe"
    " list-unsubscribe-post list-subscribe list-post list-owner list-archive"
    " auto-submitted precedence"
).split()


def sign(raw: bytes, *, domain: str, keys: Sequence[tuple[str, PrivateKey]], at: datetime) -> bytes:
    """Return the fields that sign *raw*, to be put in front of it.

    Args:
        raw: The message as it goes out, its lines ended by CRLF.
        domain: Whose signature it is (d=).
        keys: By selector (s=).
        at: The time to write into them (t=).
    """
    header, body = dkim_canonical.split(raw)
    found_by: dict[str, list[bytes]] = {}
    for name, field in dkim_canonical.fields(header):
        found_by.setdefault(name, []).append(field)
    names = _names(found_by)
    over = chosen(found_by, names)
    digest = hashlib.sha256(dkim_canonical.body(body, "relaxed")).digest()
    common = {
        "v": "1",
        "c": "relaxed/relaxed",
        "d": domain,
        "h": ":".join(names),
        "t": str(int(at.timestamp())),
        "bh": in_base64(digest),
    }
    return b"".join(
        with_value("DKIM-Signature", {**common, "a": key.algorithm, "s": selector}, over, key)
        + dkim_canonical.CRLF
        for selector, key in keys
    )


def _names(found_by: Mapping[str, Sequence[bytes]]) -> list[str]:
    guarded = [name for name in GUARDED for _ in (*found_by.get(name, ()), None)]
    return [*guarded, *(name for name in SIGNED for _ in found_by.get(name, ()))]
