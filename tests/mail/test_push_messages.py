"""Messages to browsers: as RFC 8291 and RFC 8292 have them."""

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.push import Browser
from topologies.mail import push_messages as messages

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENDPOINT = "https://push.example:8443/p/abc?d=1"


def test_it_is_encrypted_as_the_example_of_rfc_8291_is() -> None:
    # RFC 8291 §5 and appendix A
    own = ec.derive_private_key(
        int.from_bytes(messages.decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")),
        ec.SECP256R1(),
    )
    theirs = (
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    )
    told = messages.encrypted(
        b"When I grow up, I want to be a watermelon",
        messages.decoded(theirs),
        messages.decoded("BTBZMqHH6r4Tts7J_aSIgg"),
        salt=messages.decoded("DGv6ra1nlYgDCS1FRnbzlw"),
        own=own,
    )
    assert told == messages.decoded(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS"
        "6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Q"
        "ulcy4a-fN"
    )


@pytest.mark.parametrize("plain", [b"", b"{}", b"x" * messages.MOST_PLAIN_BYTES])
def test_the_browser_reads_what_was_written_and_no_two_messages_are_alike(plain: bytes) -> None:
    browser = Browser()
    told = [messages.encrypted(plain, browser.public_key, browser.auth) for _ in range(2)]
    assert [browser.read(each) for each in told] == [plain, plain]
    assert told[0] != told[1]
    assert len(told[0]) <= messages.RECORD_BYTES


def test_who_sends_it_is_signed_for_that_push_service_alone() -> None:
    key = messages.key_of(b"s" * 32)
    told = messages.headers(ENDPOINT, key, "mailto:postmaster@shop.example", NOW)
    kind, _, rest = told["authorization"].partition(" t=")
    token, _, public = rest.partition(", k=")
    assert (kind, public) == ("vapid", messages.public_of(key))
    signed, _, signature = token.rpartition(".")
    head, claims = (json.loads(messages.decoded(part)) for part in signed.split("."))
    assert head == {"typ": "JWT", "alg": "ES256"}
    assert claims == {
        "aud": "https://push.example:8443",
        "exp": NOW.timestamp() + 12 * 3600,
        "sub": "mailto:postmaster@shop.example",
    }
    raw = messages.decoded(signature)
    halves = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.public_key().verify(halves, signed.encode(), ec.ECDSA(hashes.SHA256()))
    assert (told["ttl"], told["urgency"], told["topic"], told["content-encoding"]) == (
        "86400",
        "normal",
        "mail",
        "aes128gcm",
    )


def test_a_secret_is_one_key_for_ever_and_another_is_another() -> None:
    one, other = (messages.public_of(messages.key_of(bytes([n]) * 32)) for n in (1, 2))
    assert one == messages.public_of(messages.key_of(b"\1" * 32)) != other
    assert len(messages.decoded(one)) == messages.PUBLIC_KEY_BYTES


@pytest.mark.parametrize("given", [b"", b"\4" + b"\0" * 64, b"\4" * 64, b"\2" + b"\1" * 32])
def test_what_is_no_point_of_the_curve_is_no_key(given: bytes) -> None:
    assert not messages.is_public_key(given)
    assert messages.is_public_key(Browser().public_key)


@pytest.mark.parametrize("text", ["ä", "a b", "a", "a=b"])
def test_what_is_not_in_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        messages.decoded(text)
