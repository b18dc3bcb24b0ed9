"""Signatures of webhooks, against a vector of the specification's makers and openssl."""

import base64
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail import standard_webhooks

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1_614_265_330, UTC)
BODY = b'{"test": 2432232314}'


def test_a_message_is_signed_as_the_specification_s_libraries_do() -> None:
    # The vector in the tests of its reference libraries.
    assert standard_webhooks.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY, [SECRET]) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("body", [b"", BODY, "ünïcödé ✉".encode(), bytes(range(256))])
def test_another_program_comes_to_the_same_signature(body: bytes) -> None:
    secret = standard_webhooks.new_secret()
    key = base64.b64decode(secret.removeprefix("whsec_")).hex()
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key}", "-binary"],
        input=b"id.7." + body,
        capture_output=True,
        check=True,
    )
    signed = standard_webhooks.signature("id", 7, body, secret)
    assert signed == "v1," + base64.b64encode(done.stdout).decode()


def test_while_a_secret_is_replaced_both_sign() -> None:
    new = standard_webhooks.new_secret()
    told = standard_webhooks.headers("id", AT, BODY, [new, SECRET])["webhook-signature"]
    seconds = int(AT.timestamp())
    assert told.split(" ") == [
        standard_webhooks.signature("id", seconds, BODY, each) for each in (new, SECRET)
    ]


def test_a_secret_is_24_to_64_random_bytes_in_base64() -> None:
    made = {standard_webhooks.new_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        assert secret.startswith("whsec_")
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        assert 24 <= len(key) <= 64


@given(
    first=st.tuples(st.text("abc-"), st.integers(0, 2**40), st.binary()),
    second=st.tuples(st.text("abc-"), st.integers(0, 2**40), st.binary()),
)
def test_what_differs_in_anything_is_signed_otherwise(
    first: tuple[str, int, bytes], second: tuple[str, int, bytes]
) -> None:
    signed = [standard_webhooks.signature(*each, SECRET) for each in (first, second)]
    assert (signed[0] == signed[1]) == (first == second)


def test_what_is_no_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="base64"):
        standard_webhooks.signature("id", 1, b"", "whsec_!!")
