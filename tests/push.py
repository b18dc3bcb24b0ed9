"""A browser that is subscribed, and reads what it is sent (RFC 8188, RFC 8291)."""

import base64
import secrets
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from topologies.mail import push_messages as messages
from topologies.ports.push_subscriptions import PushSubscription

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Browser:
    """One browser, with keys of its own."""

    def __init__(self, endpoint: str = "https://push.example/p/1") -> None:
        self.endpoint = endpoint
        self.auth = secrets.token_bytes(16)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.public_key = self._key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )

    def subscription(self, user_id: str, at: datetime = AT) -> PushSubscription:
        """Return what is kept of it."""
        return PushSubscription(
            subscription_id=messages.subscription_id(user_id, self.endpoint),
            user_id=user_id,
            endpoint=self.endpoint,
            public_key=self.public_key,
            auth=self.auth,
            name="a browser",
            created_at=at,
        )

    def said(self) -> dict[str, Any]:
        """Return what it says of it, as ``PushSubscription.toJSON()`` does."""
        keys = {"p256dh": _encoded(self.public_key), "auth": _encoded(self.auth)}
        return {"endpoint": self.endpoint, "keys": keys}

    def read(self, body: bytes) -> bytes:
        """Return what a message says."""
        salt, size = body[:16], body[20]
        theirs, sealed = body[21 : 21 + size], body[21 + size :]
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        info = b"WebPush: info\0" + self.public_key + theirs
        shared = self._key.exchange(ec.ECDH(), point)
        secret = HKDF(hashes.SHA256(), 32, self.auth, info).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        return AESGCM(key).decrypt(nonce, sealed, None).removesuffix(b"\x02")


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
