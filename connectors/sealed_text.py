"""Texts that lie where others can read, and tell nothing without the deployment's secret.

XSalsa20 and Poly1305 of libsodium, by a key that is derived from the secret (BLAKE2b).
"""

import base64
import binascii
from hashlib import blake2b

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from topologies.errors import Misconfigured

_MARK = "sealed:"


class Seal:
    """What seals and opens texts; without a secret they stay as they are."""

    def __init__(self, secret: str, setting: str) -> None:
        """Use *secret*; *setting* is the name it has for whoever must be told that it is wrong."""
        self._setting = setting
        self._box = (
            SecretBox(blake2b(secret.encode(), digest_size=SecretBox.KEY_SIZE).digest())
            if secret
            else None
        )

    def sealed(self, text: str) -> str:
        """Return *text* as it is kept."""
        if self._box is None:
            return text
        return _MARK + base64.b64encode(self._box.encrypt(text.encode())).decode()

    def opened(self, kept: str) -> str:
        """Return the text that is kept as *kept*, sealed or from a time without a secret.

        Raises:
            Misconfigured: It was sealed with another secret.
        """
        if not kept.startswith(_MARK):
            return kept
        try:
            if self._box is not None:
                return self._box.decrypt(base64.b64decode(kept.removeprefix(_MARK))).decode()
        except (CryptoError, binascii.Error, ValueError):
            pass
        raise Misconfigured(f"{self._setting} is not the secret that keys were sealed with")
