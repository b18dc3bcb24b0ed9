"""Private keys of DKIM and ARC: read from PEM, and signed with (RFC 6376 §3.3, RFC 8463).

RSA is computed here (RFC 8017 §5.2.1), blinded, and each signature is checked before it is
given away, so that a fault in the arithmetic tells nobody the key. Ed25519 comes from libsodium,
costs a hundredth, and is what new keys should be.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field
from typing import Literal

from nacl.signing import SigningKey

from topologies.mail import der
from topologies.mail.der import INTEGER, OCTET_STRING, SEQUENCE, element
from topologies.mail.dkim_key import ED25519_BYTES, FEWEST_BITS, RSA_ALGORITHM, padded

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]

_PEM = re.compile(
    r"-----BEGIN (RSA )?PRIVATE KEY-----(.+?)-----END (?:RSA )?PRIVATE KEY-----", re.DOTALL
)
_ED25519_ALGORITHM = bytes.fromhex("300506032b6570")  # RFC 8410 §3


class PrivateKeyUnusable(ValueError):
    """The text holds no key to sign with."""


@dataclass(frozen=True, slots=True)
class _Rsa:
    modulus: int
    exponent: int
    p: int
    q: int
    of_p: int  # d mod p - 1
    of_q: int
    inverse: int  # of q, mod p

    def power(self, number: int) -> int:
        """Return what the private exponent makes of *number*."""
        blind = secrets.randbelow(self.modulus - 2) + 2
        blinded = number * pow(blind, self.exponent, self.modulus) % self.modulus
        left = pow(blinded % self.p, self.of_p, self.p)
        right = pow(blinded % self.q, self.of_q, self.q)
        whole = right + (left - right) * self.inverse % self.p * self.q
        return whole * pow(blind, -1, self.modulus) % self.modulus


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
        size = (self._of.modulus.bit_length() + 7) // 8
        number = int.from_bytes(padded(digest, size), "big")
        signature = self._of.power(number)
        if pow(signature, self._of.exponent, self._of.modulus) != number:
            raise PrivateKeyUnusable("the parts of the key do not fit together")
        return signature.to_bytes(size, "big")

    def record(self) -> str:
        """Return the TXT record that tells the public key."""
        if isinstance(self._of, SigningKey):
            public = base64.b64encode(bytes(self._of.verify_key)).decode()
            return f"v=DKIM1; k=ed25519; p={public}"
        own = der.integer(self._of.modulus) + der.integer(self._of.exponent)
        bits = der.write(der.BIT_STRING, b"\x00" + der.write(SEQUENCE, own))
        public = base64.b64encode(der.write(SEQUENCE, RSA_ALGORITHM + bits)).decode()
        return f"v=DKIM1; k=rsa; p={public}"


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
    _, modulus, exponent, _, p, q, of_p, of_q, inverse = numbers
    if modulus.bit_length() < FEWEST_BITS:  # RFC 8301 §3.2
        raise PrivateKeyUnusable(f"an RSA key of {modulus.bit_length()} bits is too weak")
    if p * q != modulus or exponent < 3:
        raise PrivateKeyUnusable("the parts of the key do not fit together")
    return _Rsa(modulus, exponent, p, q, of_p, of_q, inverse)
