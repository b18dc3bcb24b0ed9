"""Signatures of the Standard Webhooks specification 1.0.0: how a receiver knows who posted.

Symmetric alone (``v1``): HMAC-SHA256 over id, time and body with a secret that both know.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32  # "between 24 bytes and 64 bytes"


def new_secret() -> str:
    """Return a fresh secret, as it is shown to people."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(
    message_id: str, at: datetime, body: bytes, secrets: Sequence[str]
) -> Mapping[str, str]:
    """Return the headers of one attempt to post *body*.

    Args:
        message_id: The same at each attempt.
        at: When this attempt is made.
        body: What is posted, byte for byte.
        secrets: Those that sign, the current one first; several while one is replaced.
    """
    seconds = int(at.timestamp())
    signatures = (signature(message_id, seconds, body, each) for each in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signatures),
    }


def signature(message_id: str, seconds: int, body: bytes, secret: str) -> str:
    """Return one signature; *seconds* are those since 1970.

    Raises:
        ValueError: The secret is none.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret is no base64") from error
    signed = f"{message_id}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
