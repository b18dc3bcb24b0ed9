"""Private keys of DKIM and ARC: read from PEM, and signed with (RFC 6376 §3.3, RFC 8463).

RSA is OpenSSL's, which blinds it and refuses keys whose parts do not fit together. Ed25519 comes
from libsodium and costs a tenth of it.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from nacl.signing import SigningKey

from topologies.mail import der
from topologies.mail.der import INTEGER, OCTET_STRING, SEQUENCE, element
from topologies.mail.dkim_key import ED25519_BYTES, FEWEST_BITS, RSA_ALGORITHM

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]

_PEM = re.compile(
    r"-----BEGIN (RSA )?PRIVATE KEY-----(.+?)-----END (?:RSA )?PRIVATE KEY-----", re.DOTALL
)
NEW_RSA_BITS = 2048  # RFC 8301 §3.2; its record still fits into one UDP answer
_ED25519_ALGORITHM = bytes.fromhex("300506032b6570")  # RFC 8410 §3


class PrivateKeyUnusable(ValueError):
    """The text holds no key to sign with."""


@dataclass(frozen=True)
class _Rsa:
    numbers: rsa.RSAPrivateNumbers

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        try:
            return self.numbers.private_key()
        except ValueError:
            raise PrivateKeyUnusable("the parts of the key do not fit together") from None


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key to sign with. Its representation tells nothing."""

    _of: _Rsa | SigningKey = field(repr=False)

    @property
    def algorithm(self) -> Algorithm:
        """a= of what it signs."""
        return "rsa-sha256" if isinstance(self._of, _Rsa) else "ed25519-sha256"

    def sign(self, digest: bytes) -> bytes:
        """Return the signature of a SHA-256 *digest*.

        Raises:
            PrivateKeyUnusable: The parts of the key do not fit together.
        """
        if isinstance(self._of, SigningKey):
            return self._of.sign(digest).signature
        return self._of.key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))

    def record(self) -> str:
        """Return the TXT record that tells the public key."""
        if isinstance(self._of, SigningKey):
            public = base64.b64encode(bytes(self._of.verify_key)).decode()
            return f"v=DKIM1; k=ed25519; p={public}"
        public_numbers = self._of.numbers.public_numbers
        own = der.integer(public_numbers.n) + der.integer(public_numbers.e)
        bits = der.write(der.BIT_STRING, b"\x00" + der.write(SEQUENCE, own))
        public = base64.b64encode(der.write(SEQUENCE, RSA_ALGORITHM + bits)).decode()
        return f"v=DKIM1; k=rsa; p={public}"


def make(algorithm: Algorithm) -> str:
    """Return a fresh private key in PEM (PKCS #8)."""
    if algorithm == "rsa-sha256":
        return (
            rsa.generate_private_key(public_exponent=65_537, key_size=NEW_RSA_BITS)
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            .decode()
        )
    seed = der.write(OCTET_STRING, der.write(OCTET_STRING, bytes(SigningKey.generate())))
    content = der.write(SEQUENCE, der.integer(0) + _ED25519_ALGORITHM + seed)
    return (
        "-----BEGIN PRIVATE KEY-----\n"
        f"{base64.b64encode(content).decode()}\n"
        "-----END PRIVATE KEY-----\n"
    )


def parse(text: str) -> PrivateKey:
    """Return the key in a PEM *text*: PKCS #1, or PKCS #8 of RSA or Ed25519.

    Raises:
        PrivateKeyUnusable: There is none, or one too weak to sign with.
    """
    found = _PEM.search(text)
    if not found:
        raise PrivateKeyUnusable("it is no private key in PEM")
    try:
        content = base64.b64decode("".join(found[2].split()), validate=True)
        inner = element(content, SEQUENCE)[0]
        if found[1]:
            return PrivateKey(_rsa(inner))
        _, rest = element(inner, INTEGER)
        if rest.startswith(_ED25519_ALGORITHM):
            seed = element(element(rest[len(_ED25519_ALGORITHM) :], OCTET_STRING)[0], OCTET_STRING)
            if len(seed[0]) == ED25519_BYTES:
                return PrivateKey(SigningKey(seed[0]))
        elif rest.startswith(RSA_ALGORITHM):
            wrapped = element(rest[len(RSA_ALGORITHM) :], OCTET_STRING)[0]
            return PrivateKey(_rsa(element(wrapped, SEQUENCE)[0]))
    except (IndexError, ValueError, binascii.Error) as error:
        if isinstance(error, PrivateKeyUnusable):
            raise
        raise PrivateKeyUnusable("it is no private key of a known kind") from None
    raise PrivateKeyUnusable("it is no private key of a known kind")


def _rsa(content: bytes) -> _Rsa:
    numbers: list[int] = []  # RFC 8017 §A.1.2: version, n, e, d, p, q, d mod p-1, d mod q-1, 1/q
    for _ in range(9):
        part, content = element(content, INTEGER)
        numbers.append(int.from_bytes(part, "big"))
    _, modulus, exponent, private, p, q, of_p, of_q, inverse = numbers
    if modulus.bit_length() < FEWEST_BITS:  # RFC 8301 §3.2
        raise PrivateKeyUnusable(f"an RSA key of {modulus.bit_length()} bits is too weak")
    if p * q != modulus or exponent < 3:
        raise PrivateKeyUnusable("the parts of the key do not fit together")
    public = rsa.RSAPublicNumbers(e=exponent, n=modulus)
    return _Rsa(
        rsa.RSAPrivateNumbers(
            p=p, q=q, d=private, dmp1=of_p, dmq1=of_q, iqmp=inverse, public_numbers=public
        )
    )
