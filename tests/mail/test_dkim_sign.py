"""Signatures that we make hold, whatever the message: for us, and for another implementation."""

from datetime import UTC, datetime
from functools import cache

import dkim as dkimpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.memory.dns import MemoryDns
from topologies.mail import dkim, dkim_private, dkim_sign
from topologies.mail.dkim_private import PrivateKey

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAME = "s._domainkey.shop.example"
FROM = b"From: bo@shop.example\r\n"
ODD = {
    "no body": FROM + b"\r\n",
    "no empty line": FROM,
    "blanks at the ends": FROM + b"Subject: \t a  b \t\r\n c \r\n\r\nx \t\r\n\r\n\r\n \r\n\r\n",
    "fields twice": FROM + b"To: a@b.example\r\nTo: c@d.example\r\nCC:x@y.example\r\n\r\nhi\r\n",
    "8 bits": FROM + "Subject: Grüße\r\n\r\nGrüße\r\n".encode(),
    "no line end": FROM + b"\r\nhi",
    "a long header": FROM + b"References: " + b"<a@b.example>\r\n " * 500 + b"\r\n\r\nhi\r\n",
}


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
@pytest.mark.parametrize("algorithm", ["ed25519-sha256", "rsa-sha256"])
async def test_odd_messages_are_proved_by_another_implementation(
    raw: bytes, algorithm: dkim_private.Algorithm
) -> None:
    signed = made(raw, key(algorithm))
    record = key(algorithm).record()
    assert dkimpy.verify(signed, dnsfunc=lambda name, timeout=5: record.encode())
    assert [each.result for each in await verified(signed, record)] == ["pass"]


@given(st.binary(max_size=300), st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
async def test_any_header_and_body_is_proved_by_us(header: bytes, body: bytes) -> None:
    more = b"".join(b"X-" + line + b"\r\n" for line in header.split(b"\r\n"))
    signed = made(FROM + more + b"\r\n" + body, key("ed25519-sha256"))
    found = await verified(signed, key("ed25519-sha256").record())
    assert found[0].result == "pass", found


async def test_a_line_of_a_signature_is_never_longer_than_a_line_may_be() -> None:
    signed = made(ODD["a long header"] * 1, key("rsa-sha256"))
    field = signed[: signed.index(FROM)]
    assert max(map(len, field.split(b"\r\n"))) <= 998


# --- builders -----------------------------------------------------------------------


@cache
def key(algorithm: dkim_private.Algorithm) -> PrivateKey:
    return dkim_private.parse(dkim_private.make(algorithm))


def made(raw: bytes, by: PrivateKey) -> bytes:
    return dkim_sign.sign(raw, domain="shop.example", keys=[("s", by)], at=AT) + raw


async def verified(raw: bytes, record: str) -> tuple[dkim.DkimVerdict, ...]:
    return await dkim.verify(MemoryDns({NAME: {"TXT": [record]}}), raw, now=AT)
