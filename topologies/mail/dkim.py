"""DKIM: whether the signatures of a message hold (RFC 6376, RFC 8463, RFC 8301).

Reads the raw message, asks the DNS for keys, and gives one verdict a signature, in the words
of RFC 8601 §2.7.1. What a good signature is worth is not decided here.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from topologies.errors import Retryable
from topologies.events.inbound import DkimResult, DkimVerdict
from topologies.mail import dkim_canonical, dkim_key
from topologies.mail.dkim_canonical import Form
from topologies.mail.dkim_key import Key, KeyTooWeak, KeyUnusable, TagSyntaxError
from topologies.ports.dns import Resolver

MOST_SIGNATURES = 5  # looked at, from the top; RFC 6376 §6.1 leaves the number to us
LONGEST_HEADER_BYTES = 512 * 1024
MOST_SIGNED_FIELDS = 500
IN_THREAD_BYTES = 128 * 1024  # larger messages are hashed beside the event loop

_DOMAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}


@dataclass(frozen=True, slots=True)
class _Signature:
    """A signature that can be checked once its key is known."""

    raw: bytes  # the whole field
    domain: str
    selector: str
    identity_domain: str  # of i=
    kind: str  # of key
    value: bytes
    body_hash: bytes
    signed: tuple[str, ...]  # names in lower case
    header_form: Form
    body_form: Form
    body_length: int | None
    expires: int | None  # seconds since 1970

    @property
    def key_name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"


class _Refused(Exception):
    """A verdict that is found on the way."""

    def __init__(self, result: DkimResult, reason: str) -> None:
        super().__init__(reason)
        self.result: DkimResult = result


async def verify(dns: Resolver, raw: bytes, *, now: datetime) -> tuple[DkimVerdict, ...]:
    """Return a verdict for each of the first signatures of *raw*, from the top.

    Args:
        dns: Whom to ask for keys.
        raw: The message, its lines ended by CRLF.
        now: What expiry is compared with; a replay passes the same.
    """
    header, body = dkim_canonical.split(raw)
    if b"dkim-signature" not in header[:LONGEST_HEADER_BYTES].lower():
        return ()
    if len(header) > LONGEST_HEADER_BYTES:
        reason = "the header is too large"
        return (DkimVerdict(result="policy", domain="", selector="", reason=reason),)
    fields = dkim_canonical.fields(header)
    found = [field for name, field in fields if name == "dkim-signature"][:MOST_SIGNATURES]
    read = [_read(field) for field in found]
    names = {s.key_name for s in read if isinstance(s, _Signature)}
    keys = dict(await asyncio.gather(*(_key(dns, name) for name in sorted(names))))
    check = _Check(fields, body, keys, int(now.timestamp()))
    if len(raw) > IN_THREAD_BYTES:
        return await asyncio.to_thread(check.all, read)
    return check.all(read)


async def _key(dns: Resolver, name: str) -> tuple[str, Key | _Refused]:
    try:
        records = await dns.txt(name)
    except Retryable as error:
        return name, _Refused("temperror", str(error))
    if not records:
        return name, _Refused("permerror", "there is no such key")
    try:
        # RFC 6376 §3.6.2.2: several records have no meaning; the first is as good as any.
        return name, dkim_key.parse(records[0])
    except KeyTooWeak as error:
        return name, _Refused("policy", str(error))
    except KeyUnusable as error:
        return name, _Refused("permerror", str(error))


class _Check:
    """All signatures of one message; what they share is computed once."""

    def __init__(
        self,
        fields: Sequence[tuple[str, bytes]],
        body: bytes,
        keys: Mapping[str, Key | _Refused],
        now_s: int,
    ) -> None:
        self._fields = fields
        self._body = body
        self._keys = keys
        self._now_s = now_s
        self._bodies: dict[Form, bytes] = {}

    def all(self, read: Sequence[_Signature | DkimVerdict]) -> tuple[DkimVerdict, ...]:
        """Return the verdicts, in order."""
        return tuple(s if isinstance(s, DkimVerdict) else self._verdict(s) for s in read)

    def _verdict(self, signature: _Signature) -> DkimVerdict:
        result: DkimResult = "pass"
        reason = ""
        try:
            self._check(signature)
        except _Refused as refused:
            result, reason = refused.result, str(refused)
        return DkimVerdict(
            result=result, domain=signature.domain, selector=signature.selector, reason=reason
        )

    def _check(self, signature: _Signature) -> None:
        key = self._keys[signature.key_name]
        if isinstance(key, _Refused):
            raise key
        if key.kind != signature.kind:
            raise _Refused("permerror", "the key is of another kind than the signature")
        if "s" in key.flags and signature.identity_domain != signature.domain:
            raise _Refused("permerror", "the key is not for subdomains")  # §3.6.1
        body = self._canonical_body(signature.body_form)
        length = signature.body_length
        if length is not None and length > len(body):
            raise _Refused("fail", "the body is shorter than what was signed")
        digest = hashlib.sha256(body if length is None else body[:length]).digest()
        if not hmac.compare_digest(digest, signature.body_hash):
            raise _Refused("fail", "the body was changed")
        if not key.proves(signature.value, self._header_digest(signature)):
            raise _Refused("fail", "the header was changed, or the key is another one")
        if length is not None and length < len(body):
            # §8.2: whoever adds text beyond it speaks in the signer's name.
            raise _Refused("policy", f"only the first {length} bytes of the body are signed")
        if signature.expires is not None and signature.expires < self._now_s:
            raise _Refused("policy", "the signature has expired")

    def _canonical_body(self, form: Form) -> bytes:
        if form not in self._bodies:
            self._bodies[form] = dkim_canonical.body(self._body, form)
        return self._bodies[form]

    def _header_digest(self, signature: _Signature) -> bytes:
        unused: dict[str, list[bytes]] = {}
        for name, field in self._fields:
            unused.setdefault(name, []).append(field)
        digest = hashlib.sha256()
        for name in signature.signed:
            if instances := unused.get(name):  # §5.4.2: from the bottom, each once
                field = dkim_canonical.field(instances.pop(), signature.header_form)
                digest.update(field + dkim_canonical.CRLF)
        own = dkim_canonical.without_own_value(signature.raw)
        digest.update(dkim_canonical.field(own, signature.header_form))
        return digest.digest()


def _read(raw: bytes) -> _Signature | DkimVerdict:
    """Return the signature in a field, or the verdict on one that can't be checked."""
    text = raw.partition(b":")[2].decode("latin-1")
    found: Mapping[str, str] = {}
    result: DkimResult
    try:
        found = dkim_key.tags(text)
        return _signature(raw, found)
    except TagSyntaxError as error:
        result, reason = "neutral", str(error)
    except _Refused as refused:
        result, reason = refused.result, str(refused)
    domain, selector = found.get("d", "")[:255].lower(), found.get("s", "")[:255]
    return DkimVerdict(result=result, domain=domain, selector=selector, reason=reason)


def _signature(raw: bytes, found: Mapping[str, str]) -> _Signature:
    for name in ("v", "a", "b", "bh", "d", "h", "s"):
        if not found.get(name):
            raise _Refused("neutral", f"{name}= is missing")
    if found["v"] != "1":
        raise _Refused("neutral", "it is of an unknown version")
    algorithm = found["a"].lower()
    if algorithm == "rsa-sha1":
        raise _Refused("policy", "rsa-sha1 proves nothing any more")  # RFC 8301 §3.1
    if algorithm not in _ALGORITHMS:
        raise _Refused("neutral", "it is of an unknown algorithm")
    domain = found["d"].lower().rstrip(".")
    selector = found["s"].lower()
    identity_domain = found.get("i", f"@{domain}").rpartition("@")[2].lower().rstrip(".")
    if not _DOMAIN.fullmatch(domain) or not _DOMAIN.fullmatch(selector) or "." not in domain:
        raise _Refused("neutral", "d= or s= is no name")
    if identity_domain != domain and not identity_domain.endswith("." + domain):
        raise _Refused("neutral", "i= does not lie in d=")  # §3.5
    if "q" in found and "dns/txt" not in {q.strip() for q in found["q"].lower().split(":")}:
        raise _Refused("neutral", "the key is not in the DNS")
    signed = tuple(name.strip().lower() for name in found["h"].split(":"))
    if "from" not in signed:
        raise _Refused("permerror", "From is not signed")  # §5.4
    if len(signed) > MOST_SIGNED_FIELDS:
        raise _Refused("neutral", "it signs too many fields")
    header_form, body_form = _forms(found.get("c", "simple/simple"))
    signed_at, expires = _number(found, "t"), _number(found, "x")
    if signed_at is not None and expires is not None and expires <= signed_at:
        raise _Refused("neutral", "it expired before it was made")
    return _Signature(
        raw=raw,
        domain=domain,
        selector=selector,
        identity_domain=identity_domain,
        kind=_ALGORITHMS[algorithm],
        value=_from_base64(found["b"]),
        body_hash=_from_base64(found["bh"]),
        signed=signed,
        header_form=header_form,
        body_form=body_form,
        body_length=_number(found, "l"),
        expires=expires,
    )


def _forms(value: str) -> tuple[Form, Form]:
    header, _, body = value.lower().partition("/")
    forms = (header.strip(), body.strip() or "simple")  # §3.5: c=relaxed is relaxed/simple
    if not {*forms} <= {"simple", "relaxed"}:
        raise _Refused("neutral", "it is of an unknown canonicalisation")
    return cast("tuple[Form, Form]", forms)


def _number(found: Mapping[str, str], name: str) -> int | None:
    if name not in found:
        return None
    value = found[name]
    if not (value.isascii() and value.isdigit() and len(value) <= 76):  # §3.5: l=
        raise _Refused("neutral", f"{name}= is no number")
    return int(value)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _Refused("neutral", "b= or bh= is no base64") from None
