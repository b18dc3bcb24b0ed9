"""Signed messages: signed by another implementation (dkimpy), with keys that protect nothing."""

import base64
import functools
import random
from dataclasses import dataclass
from typing import Literal

import dkim
from nacl.signing import SigningKey

Form = Literal["simple", "relaxed"]
FORMS: tuple[Form, ...] = ("simple", "relaxed")
Kind = Literal["rsa", "ed25519"]
KINDS: tuple[Kind, ...] = ("rsa", "ed25519")
SELECTOR = "test"
NAME = "test._domainkey.shop.example"  # where the DNS holds the key
SIGNED = [b"from", b"to", b"subject", b"date"]


@dataclass(frozen=True)
class TestKey:
    """A private key in the form dkimpy wants, and the record that tells the public one."""

    __test__ = False

    algorithm: bytes
    private: bytes
    record: str


def signed(
    raw: bytes,
    kind: Kind = "rsa",
    *,
    forms: tuple[Form, Form] = ("relaxed", "relaxed"),
    domain: str = "shop.example",
    length: bool = False,
    bits: int = 1024,
) -> bytes:
    """Return *raw* with a signature before it."""
    key = key_of(kind, bits)
    field: bytes = dkim.sign(
        raw,
        SELECTOR.encode(),
        domain.encode(),
        key.private,
        canonicalize=(forms[0].encode(), forms[1].encode()),
        signature_algorithm=key.algorithm,
        include_headers=SIGNED,
        length=length,
    )
    return field + raw


@functools.cache
def key_of(kind: Kind, bits: int = 1024) -> TestKey:
    """Return the one key of this kind; the same at each run."""
    if kind == "ed25519":
        own = SigningKey(bytes(range(32)))
        public = base64.b64encode(bytes(own.verify_key)).decode()
        private = base64.b64encode(bytes(own))
        return TestKey(b"ed25519-sha256", private, f"v=DKIM1; k=ed25519; p={public}")
    p, q = primes(bits // 2)
    public_der = sequence(integer(p * q), integer(65_537))
    private = base64.b64encode(_private_der(p, q))
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n" + private + b"\n-----END RSA PRIVATE KEY-----\n"
    public = base64.b64encode(as_subject_public_key(public_der)).decode()
    return TestKey(b"rsa-sha256", pem, f"v=DKIM1; k=rsa; p={public}")


def _private_der(p: int, q: int) -> bytes:
    d = pow(65_537, -1, (p - 1) * (q - 1))
    parts = (0, p * q, 65_537, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
    return sequence(*map(integer, parts))


def as_subject_public_key(public: bytes) -> bytes:
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return sequence(algorithm, element(0x03, b"\x00" + public))


def sequence(*parts: bytes) -> bytes:
    return element(0x30, b"".join(parts))


def integer(number: int) -> bytes:
    return element(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


@functools.cache
def primes(bits: int) -> tuple[int, int]:
    chance = random.Random(bits)  # not to protect anything
    found: set[int] = set()
    while len(found) < 2:
        number = chance.getrandbits(bits) | 3 << (bits - 2) | 1
        if number % 65_537 != 1 and _is_prime(number):
            found.add(number)
    p, q = sorted(found)
    return p, q


def _is_prime(number: int) -> bool:
    if any(number % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23, 29)):
        return False
    odd, halvings = number - 1, 0
    while odd % 2 == 0:
        odd, halvings = odd // 2, halvings + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19):  # Miller and Rabin: enough for a test
        at = pow(base, odd, number)
        if at in (1, number - 1):
            continue
        for _ in range(halvings - 1):
            at = at * at % number
            if at == number - 1:
                break
        else:
            return False
    return True
