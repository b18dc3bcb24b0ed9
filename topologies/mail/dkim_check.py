"""Whether a signature over a message holds: what DKIM and ARC check alike.

Asks the DNS for keys, hashes the message (RFC 6376 §6.1.2, §6.1.3). What several signatures of
one message share is computed once.
"""

import hashlib
import hmac

from topologies.errors import Retryable
from topologies.mail import dkim_canonical, dkim_key
from topologies.mail.dkim_canonical import Form
from topologies.mail.dkim_key import Key, KeyTooWeak, KeyUnusable
from topologies.mail.dkim_signature import Refused, Signature, Signer
from topologies.ports.dns import Resolver

LONGEST_HEADER_BYTES = 512 * 1024


async def ask_key(dns: Resolver, name: str) -> Key | Refused:
    """Return the key that the DNS holds at *name*, or why there is none to use."""
    try:
        records = await dns.txt(name)
    except Retryable as error:
        return Refused("temperror", str(error))
    if not records:
        return Refused("permerror", "there is no such key")
    try:
        # RFC 6376 §3.6.2.2: several records have no meaning; the first is as good as any.
        return dkim_key.parse(records[0])
    except KeyTooWeak as error:
        return Refused("policy", str(error))
    except KeyUnusable as error:
        return Refused("permerror", str(error))


def usable(key: Key | Refused, by: Signer) -> Key:
    """Return *key* if *by* can have signed with it.

    Raises:
        Refused: There is none, or one of another kind.
    """
    if isinstance(key, Refused):
        raise key
    if key.kind != by.kind:
        raise Refused("permerror", "the key is of another kind than the signature")
    return key


class SignedMessage:
    """One message, and what its signatures are checked against."""

    def __init__(self, fields: list[tuple[str, bytes]], body: bytes) -> None:
        """Keep what was signed.

        Args:
            fields: As ``dkim_canonical.fields`` returns them.
            body: What follows the empty line.
        """
        self._body = body
        self._fields: dict[str, list[bytes]] = {}
        for name, field in fields:
            self._fields.setdefault(name, []).append(field)
        self._bodies: dict[Form, tuple[bytes, bytes]] = {}
        self._canonical: dict[tuple[int, Form], bytes] = {}

    def check_body(self, signature: Signature) -> bool:
        """Return whether the whole body was signed, if what was signed of it is unchanged.

        Raises:
            Refused: It was changed.
        """
        body, digest = self._canonical_body(signature.body_form)
        length = signature.body_length
        if length is not None and length > len(body):
            raise Refused("fail", "the body is shorter than what was signed")
        if length is not None and length < len(body):
            digest = hashlib.sha256(memoryview(body)[:length]).digest()
        if not hmac.compare_digest(digest, signature.body_hash):
            raise Refused("fail", "the body was changed")
        return length is None or length == len(body)

    def check_header(self, signature: Signature, key: Key) -> None:
        """Return if the header is what was signed, by the owner of *key*.

        Raises:
            Refused: It is not.
        """
        if not key.proves(signature.by.value, self._header_digest(signature)):
            raise Refused("fail", "the header was changed, or the key is another one")

    def body_bytes(self, form: Form) -> int:
        """Return the size of the body in *form*."""
        return len(self._canonical_body(form)[0])

    def _canonical_body(self, form: Form) -> tuple[bytes, bytes]:
        if form not in self._bodies:
            body = dkim_canonical.body(self._body, form)
            self._bodies[form] = body, hashlib.sha256(body).digest()
        return self._bodies[form]

    def _canonical_field(self, field: bytes, form: Form) -> bytes:
        key = id(field), form  # of an object that is kept as long as this one
        if key not in self._canonical:
            self._canonical[key] = dkim_canonical.field(field, form) + dkim_canonical.CRLF
        return self._canonical[key]

    def _header_digest(self, signature: Signature) -> bytes:
        taken: dict[str, int] = {}
        own_name = signature.raw.partition(b":")[0].strip(b" \t").lower().decode("latin-1")
        # §3.5, h=: the field itself was not there when others of its name were signed.
        others = [field for field in self._fields[own_name] if field is not signature.raw]
        digest = hashlib.sha256()
        for name in signature.signed:
            instances = others if name == own_name else self._fields.get(name, ())
            at = taken.get(name, 0) + 1  # §5.4.2: from the bottom, each once
            if at > len(instances):
                continue
            taken[name] = at
            digest.update(self._canonical_field(instances[-at], signature.header_form))
        own = dkim_canonical.without_own_value(signature.raw)
        digest.update(dkim_canonical.field(own, signature.header_form))
        return digest.digest()
