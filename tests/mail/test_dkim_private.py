"""Private keys of DKIM and ARC: read from PEM, and signed with."""

import base64
import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mail.signing import Kind, element, integer, key_of, sequence
from topologies.mail import dkim_key, dkim_private
from topologies.mail.dkim_private import PrivateKeyUnusable

DIGEST = hashlib.sha256(b"a message").digest()
RSA = base64.b64decode(key_of("rsa").private.split(b"\n")[1])  # PKCS #1
ED25519 = sequence(
    integer(0),
    bytes.fromhex("300506032b6570"),
    element(0x04, element(0x04, base64.b64decode(key_of("ed25519").private))),
)


def test_what_a_key_signs_is_proved_by_the_record_it_tells() -> None:
    wrapped = sequence(integer(0), dkim_key.RSA_ALGORITHM, element(0x04, RSA))
    keys: list[tuple[str, Kind]] = [
        (pem(RSA, "RSA PRIVATE KEY"), "rsa"),
        (pem(wrapped, "PRIVATE KEY"), "rsa"),
        ("# a comment\n" + pem(ED25519, "PRIVATE KEY"), "ed25519"),
    ]
    for text, kind in keys:
        key = dkim_private.parse(text)
        assert (key.record(), key.algorithm) == (key_of(kind).record, f"{kind}-sha256")
        assert dkim_key.parse(key.record()).proves(key.sign(DIGEST), DIGEST)
        assert not dkim_key.parse(key.record()).proves(key.sign(DIGEST), DIGEST[::-1])


def test_an_rsa_signature_is_the_same_each_time() -> None:
    key = dkim_private.parse(pem(RSA, "RSA PRIVATE KEY"))
    assert key.sign(DIGEST) == key.sign(DIGEST)


def test_a_key_does_not_show_itself() -> None:
    for text in (pem(RSA, "RSA PRIVATE KEY"), pem(ED25519, "PRIVATE KEY")):
        assert repr(dkim_private.parse(text)) == "PrivateKey()"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is no private key in PEM"),
        (key_of("ed25519").private.decode(), "it is no private key in PEM"),
        ("-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----", "of a known kind"),
        ("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----", "of a known kind"),
        (key_of("rsa", 768).private.decode(), "an RSA key of 768 bits is too weak"),
    ],
)
def test_what_is_no_key_to_sign_with_says_why(text: str, reason: str) -> None:
    with pytest.raises(PrivateKeyUnusable, match=reason):
        dkim_private.parse(text)


def test_a_key_whose_parts_do_not_fit_gives_nothing_away() -> None:
    # A wrong signature by one of the two primes would tell the other.
    at = len(RSA) - 20
    broken = RSA[:at] + bytes([RSA[at] ^ 1]) + RSA[at + 1 :]
    with pytest.raises(PrivateKeyUnusable, match="do not fit together"):
        dkim_private.parse(pem(broken, "RSA PRIVATE KEY")).sign(DIGEST)


@given(st.binary(max_size=200), st.sampled_from(["RSA PRIVATE KEY", "PRIVATE KEY"]))
def test_no_text_makes_it_raise_anything_else(material: bytes, label: str) -> None:
    for content in (material, sequence(material), sequence(integer(0), material)):
        with contextlib.suppress(PrivateKeyUnusable):
            dkim_private.parse(pem(content, label))


# --- builders -----------------------------------------------------------------------


def pem(content: bytes, label: str) -> str:
    body = base64.b64encode(content).decode()
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"
