"""Codes of authenticator apps, held against the RFCs' own examples."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.one_time_codes import (
    RECOVERY_CODES,
    hotp,
    new_recovery_codes,
    new_secret,
    recovery_hash,
    secret_text,
    step_at,
    step_of,
    uri_of,
)

SECRET = b"12345678901234567890"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(seconds=30)


def test_codes_by_counter_are_those_of_rfc_4226() -> None:
    codes = "755224 287082 359152 969429 338314 254676 287922 162583 399871 520489".split()
    assert [hotp(SECRET, counter) for counter in range(10)] == codes


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_codes_by_time_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert hotp(SECRET, step_at(moment)) == code[-6:]  # which has eight digits there


def test_a_code_is_good_in_its_step_and_in_those_beside_it() -> None:
    code = hotp(SECRET, step_at(NOW))
    good = [
        steps
        for steps in range(-3, 4)
        if step_of(SECRET, code, NOW + steps * STEP, last_step=0) is not None
    ]
    assert good == [-1, 0, 1]


def test_a_code_whose_step_was_used_is_not() -> None:
    step = step_at(NOW)
    code = hotp(SECRET, step)
    assert step_of(SECRET, code, NOW, last_step=step - 1) == step
    assert step_of(SECRET, code, NOW, last_step=step) is None
    assert step_of(SECRET, hotp(SECRET, step - 1), NOW, last_step=step) is None


def test_a_code_may_be_typed_in_groups() -> None:
    code = hotp(SECRET, step_at(NOW))
    assert step_of(SECRET, f" {code[:3]} {code[3:]} ", NOW, last_step=0) == step_at(NOW)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "x" * 100_000, "\0"])
def test_what_is_no_code_is_of_no_step(code: str) -> None:
    assert step_of(SECRET, code, NOW, last_step=0) is None


def test_an_app_reads_the_uri() -> None:
    uri = urlsplit(uri_of(SECRET, "bo+x@shop.example", "Mail & Co"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert uri.path == "/Mail%20%26%20Co:bo%2Bx%40shop.example"
    assert parse_qs(uri.query) == {
        "secret": [secret_text(SECRET)],
        "issuer": ["Mail & Co"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }


def test_a_secret_has_160_bits_and_needs_no_padding() -> None:
    assert len({new_secret() for _ in range(10)}) == 10
    assert "=" not in secret_text(new_secret())


def test_recovery_codes_are_ten_and_known_however_they_are_typed() -> None:
    codes = new_recovery_codes()
    assert len({recovery_hash(code) for code in codes}) == RECOVERY_CODES
    for code in codes:
        assert recovery_hash(code.upper().replace("-", " ")) == recovery_hash(code) is not None


@pytest.mark.parametrize("code", ["", "123456", "l" * 16, "x" * 100_000])
def test_what_is_no_recovery_code_has_no_hash(code: str) -> None:
    assert recovery_hash(code) is None
