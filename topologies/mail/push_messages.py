"""Messages to browsers: encryption (RFC 8291), and who sends them (VAPID, RFC 8292).

The push service that carries a message can't read it, and knows by the signature that it comes
from whom the browser subscribed to.
"""

import base64
import binascii
import json
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PUBLIC_KEY_BYTES, AUTH_BYTES, SALT_BYTES = 65, 16, 16
RECORD_BYTES = 4096  # RFC 8291 §4: all in one record, of this size at most
MOST_PLAIN_BYTES = 3993  # RFC 8291 §4
KEPT_FOR = timedelta(days=1)  # by the push service, for a browser that is away
TOPIC = "mail"  # RFC 8030 §5.4: a newer one replaces what was not brought yet
SIGNED_FOR = timedelta(hours=12)  # RFC 8292 §2: at most 24

_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2, §2.4.2
_IDS = uuid.UUID("5a5d9f2e-7f0c-4d5c-9f0a-7f2f3c0f6b11")  # ours, for ids of subscriptions


def subscription_id(user_id: str, endpoint: str) -> str:
    """Return the id of who was subscribed by *user_id* at *endpoint*."""
    return str(uuid.uuid5(_IDS, f"{user_id} {endpoint}"))


def decoded(text: str) -> bytes:
    """Return what *text* stands for, in base64url with padding or without.

    Raises:
        ValueError: It is none.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("it is not in base64url") from error


def is_public_key(given: bytes) -> bool:
    """Tell whether *given* is a point of the curve that messages can be encrypted for."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, given)
    except ValueError:
        return False
    return len(given) == PUBLIC_KEY_BYTES


def key_of(secret: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the key of a deployment, made of its *secret* of 32 random bytes."""
    # More bits than the order has, so that no key is likelier than another.
    made = HKDF(hashes.SHA512(), 48, None, b"rillmail push").derive(secret)
    return ec.derive_private_key(int.from_bytes(made) % (_ORDER - 1) + 1, _CURVE)


def public_of(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the public half of *key*, as browsers take it."""
    return _encoded(_point(key))


def encrypted(
    plain: bytes,
    public_key: bytes,
    auth: bytes,
    *,
    salt: bytes | None = None,
    own: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Return *plain* for the browser that gave out *public_key* and *auth*.

    Args:
        plain: At most ``MOST_PLAIN_BYTES``.
        public_key: For which ``is_public_key`` holds.
        auth: ``AUTH_BYTES``.
        salt: Drawn if not given, as is *own*: never to be used twice.
        own: The key that is used this once.
    """
    salt = salt or secrets.token_bytes(SALT_BYTES)
    own = own or ec.generate_private_key(_CURVE)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, public_key)
    mine = _point(own)
    # RFC 8291 §3.4
    info = b"WebPush: info\0" + public_key + mine
    secret = HKDF(hashes.SHA256(), 32, auth, info).derive(own.exchange(ec.ECDH(), theirs))
    # RFC 8188 §2.2, §2.3
    key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
    last = b"\x02"  # RFC 8188 §2: the delimiter of the last record
    header = salt + RECORD_BYTES.to_bytes(4) + len(mine).to_bytes(1) + mine
    return header + AESGCM(key).encrypt(nonce, plain + last, None)


def headers(
    endpoint: str, key: ec.EllipticCurvePrivateKey, contact: str, now: datetime
) -> Mapping[str, str]:
    """Return what stands above a message to *endpoint*.

    Args:
        endpoint: Where it is sent.
        key: Of the deployment.
        contact: Whom the push service may write to: a ``mailto:`` or ``https:`` URI.
        now: In UTC.
    """
    return {
        "authorization": _authorisation(endpoint, key, contact, now),
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "topic": TOPIC,
        "ttl": str(int(KEPT_FOR.total_seconds())),
        "urgency": "normal",  # RFC 8030 §5.3: a mail, not a call
        "user-agent": "rillmail-push",
    }


def _authorisation(
    endpoint: str, key: ec.EllipticCurvePrivateKey, contact: str, now: datetime
) -> str:
    place = urlsplit(endpoint)
    claims = {
        "aud": f"{place.scheme}://{place.netloc}",
        "exp": int((now + SIGNED_FOR).timestamp()),
        "sub": contact,
    }
    signed = f"{_json({'typ': 'JWT', 'alg': 'ES256'})}.{_json(claims)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = _encoded(r.to_bytes(32) + s.to_bytes(32))  # RFC 7518 §3.4
    return f"vapid t={signed}.{signature}, k={public_of(key)}"


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _json(value: object) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
