"""Public keys of DKIM: the record that holds one, and what it proves.

Pure (RFC 6376 §3.6.1; RFC 8463 for Ed25519; RFC 8301 for what is too weak). RSA is PKCS #1
v1.5 with SHA-256 (RFC 8017 §8.2.2), compared whole, so nothing in the padding is left open.
"""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass

from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey

from topologies.mail.der import BIT_STRING, INTEGER, SEQUENCE, element

FEWEST_BITS, MOST_BITS = 1024, 4096  # RFC 8301 §3.2; larger ones cost time for nothing
LONGEST_EXPONENT_BITS = 32
LONGEST_RECORD = 4_096  # characters
ED25519_BYTES = 32

_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# RFC 8017 §9.2: the DigestInfo of SHA-256, before the digest.
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
# RFC 3279 §2.3.1: rsaEncryption, with its NULL
RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")


class KeyUnusable(ValueError):
    """The record holds no key that can be used."""


class KeyTooWeak(KeyUnusable):
    """It holds a key that proves nothing nowadays."""


class TagSyntaxError(ValueError):
    """A list of tags breaks the grammar."""


@dataclass(frozen=True, slots=True)
class Key:
    """One usable key."""

    kind: str  # rsa or ed25519
    modulus: int  # of RSA, else 0
    exponent: int
    ed25519: bytes  # else empty
    flags: frozenset[str]  # y: testing, s: no subdomains in i=

    @property
    def bits(self) -> int:
        """The size of an RSA key; 0 of others."""
        return self.modulus.bit_length()

    def proves(self, signature: bytes, digest: bytes) -> bool:
        """Return whether *signature* was made of the SHA-256 *digest* by the key's owner."""
        if self.kind == "ed25519":
            try:
                VerifyKey(self.ed25519).verify(digest, signature)
            except (CryptoError, ValueError):
                return False
            return True
        size = (self.modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != size or number >= self.modulus:
            return False
        signed = pow(number, self.exponent, self.modulus).to_bytes(size, "big")
        return hmac.compare_digest(signed, padded(digest, size))


def padded(digest: bytes, size: int) -> bytes:
    """Return what an RSA key of *size* bytes signs for a SHA-256 *digest* (RFC 8017 §9.2)."""
    end = b"\x00" + SHA256_INFO + digest
    return b"\x00\x01" + b"\xff" * (size - 2 - len(end)) + end


def tags(text: str, *, is_strict: bool = False) -> dict[str, str]:
    """Return the tags of a list by name, white space in values kept only inside (§3.2).

    Args:
        text: The list.
        is_strict: Allow neither other names than the grammar's nor nothing between semicolons.

    Raises:
        TagSyntaxError: One has no name or no "=", or is there twice.
    """
    found: dict[str, str] = {}
    specs = text.split(";")
    for at, spec in enumerate(specs, 1):
        name, equals, value = spec.partition("=")
        name = name.strip()
        if not equals and not name and not (is_strict and at < len(specs)):
            continue
        is_odd = is_strict and not _TAG_NAME.fullmatch(name)
        if not equals or not name or name in found or is_odd:
            raise TagSyntaxError(f"{spec.strip()[:40]!r} is no tag, or is there twice")
        found[name] = value.strip()
    return found


def parse(record: str) -> Key:
    """Return the key in a TXT *record*.

    Raises:
        KeyTooWeak: It is RSA of too few bits.
        KeyUnusable: It was revoked, is for something else, or makes no sense.
    """
    if len(record) > LONGEST_RECORD:
        raise KeyUnusable("the key record is too long")
    try:
        found = tags(record)
    except TagSyntaxError as error:
        raise KeyUnusable(f"the key record: {error}") from None
    if "v" in found and (found["v"] != "DKIM1" or next(iter(found)) != "v"):
        raise KeyUnusable("the key record is of an unknown version")
    if "p" not in found:
        raise KeyUnusable("the key record holds no key")
    if not found["p"]:
        raise KeyUnusable("the key was revoked")
    if "sha256" not in _listed(found.get("h", "sha256")):
        raise KeyUnusable("the key is not for sha256")
    if not {"*", "email"} & _listed(found.get("s", "*")):
        raise KeyUnusable("the key is not for email")
    flags = frozenset(_listed(found.get("t", "")))
    material = _from_base64(found["p"])
    match found.get("k", "rsa").lower():
        case "rsa":
            modulus, exponent = _rsa(material)
            return Key("rsa", modulus, exponent, b"", flags)
        case "ed25519" if len(material) == ED25519_BYTES:
            return Key("ed25519", 0, 0, material, flags)
        case _:
            raise KeyUnusable("the key is of an unknown kind")


def _listed(value: str) -> set[str]:
    return {item.strip() for item in value.split(":")}


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise KeyUnusable("the key is no base64") from None


def _rsa(material: bytes) -> tuple[int, int]:
    """Return modulus and exponent of a SubjectPublicKeyInfo, or of a bare RSAPublicKey."""
    try:
        inner = element(material, SEQUENCE)[0]
        if inner.startswith(RSA_ALGORITHM):
            bits = element(inner[len(RSA_ALGORITHM) :], BIT_STRING)[0]
            inner = element(bits[1:], SEQUENCE)[0]  # a BIT STRING tells its unused bits first
        modulus_bytes, rest = element(inner, INTEGER)
        exponent_bytes, _ = element(rest, INTEGER)
    except IndexError:
        raise KeyUnusable("the key is no RSA key") from None
    modulus = int.from_bytes(modulus_bytes, "big")
    exponent = int.from_bytes(exponent_bytes, "big")
    bits = modulus.bit_length()
    if bits < FEWEST_BITS:
        raise KeyTooWeak(f"an RSA key of {bits} bits is too weak")
    if bits > MOST_BITS or exponent.bit_length() > LONGEST_EXPONENT_BITS:
        raise KeyTooWeak("the RSA key is larger than what is accepted")
    if exponent < 3 or exponent % 2 == 0 or modulus % 2 == 0:
        raise KeyUnusable("the key is no RSA key")
    return modulus, exponent
