"""DKIM: whether the signatures of a message hold (RFC 6376, RFC 8463, RFC 8301).

Reads the raw message, asks the DNS for keys, and gives one verdict a signature, in the words
of RFC 8601 §2.7.1. What a good signature is worth is not decided here.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from topologies.events.inbound import DkimResult, DkimVerdict
from topologies.mail import dkim_canonical, dkim_key
from topologies.mail.dkim_check import LONGEST_HEADER_BYTES, SignedMessage, ask_key, usable
from topologies.mail.dkim_key import Key, TagSyntaxError
from topologies.mail.dkim_signature import Refused, Signature, over_message, signer
from topologies.ports.dns import Resolver

MOST_SIGNATURES = 5  # looked at, from the top; RFC 6376 §6.1 leaves the number to us
IN_THREAD_BYTES = 128 * 1024  # larger messages are hashed beside the event loop
FEW_BITS = 2048  # RFC 8301 §3.2: what signers should use; fewer hold, and are noted


async def verify(
    dns: Resolver, raw: bytes, *, now: datetime, accepts_partial: bool = False
) -> tuple[DkimVerdict, ...]:
    """Return a verdict for each of the first signatures of *raw*, from the top.

    Args:
        dns: Whom to ask for keys.
        raw: The message, its lines ended by CRLF.
        now: What expiry is compared with; a replay passes the same.
        accepts_partial: Let signatures pass that leave out the end of the body (l=).
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
    names = sorted({s.by.key_name for s in read if isinstance(s, Signature)})
    keys = dict(zip(names, await asyncio.gather(*(ask_key(dns, n) for n in names)), strict=True))
    check = _Check(SignedMessage(fields, body), keys, int(now.timestamp()), accepts_partial)
    if len(raw) > IN_THREAD_BYTES:
        return await asyncio.to_thread(check.all, read)
    return check.all(read)


class _Check:
    """All signatures of one message."""

    def __init__(
        self,
        message: SignedMessage,
        keys: Mapping[str, Key | Refused],
        now_s: int,
        accepts_partial: bool,
    ) -> None:
        self._message = message
        self._keys = keys
        self._now_s = now_s
        self._accepts_partial = accepts_partial

    def all(self, read: Sequence[Signature | DkimVerdict]) -> tuple[DkimVerdict, ...]:
        """Return the verdicts, in order."""
        return tuple(s if isinstance(s, DkimVerdict) else self._verdict(s) for s in read)

    def _verdict(self, signature: Signature) -> DkimVerdict:
        result: DkimResult = "pass"
        try:
            reason = self._check(signature)
        except Refused as refused:
            result, reason = refused.result, str(refused)
        by = signature.by
        return DkimVerdict(result=result, domain=by.domain, selector=by.selector, reason=reason)

    def _check(self, signature: Signature) -> str:
        """Return what is to be noted about *signature*, which holds."""
        by = signature.by
        key = usable(self._keys[by.key_name], by)
        if "s" in key.flags and signature.identity_domain != by.domain:
            raise Refused("permerror", "the key is not for subdomains")  # §3.6.1
        is_whole = self._message.check_body(signature)
        self._message.check_header(signature, key)
        partial = f"only the first {signature.body_length} bytes of the body are signed"
        if not is_whole and not self._accepts_partial:
            # §8.2: whoever adds text beyond it speaks in the signer's name.
            raise Refused("policy", partial)
        if signature.expires is not None and signature.expires < self._now_s:
            raise Refused("policy", "the signature has expired")
        if not is_whole:
            return partial
        return f"an RSA key of {key.bits} bits is short" if 0 < key.bits < FEW_BITS else ""


def _read(raw: bytes) -> Signature | DkimVerdict:
    """Return the signature in a field, or the verdict on one that can't be checked."""
    text = raw.partition(b":")[2].decode("latin-1")
    found: Mapping[str, str] = {}
    result: DkimResult
    try:
        found = dkim_key.tags(text)
        return _signature(raw, found)
    except TagSyntaxError as error:
        result, reason = "neutral", str(error)
    except Refused as refused:
        result, reason = refused.result, str(refused)
    domain, selector = found.get("d", "")[:255].lower(), found.get("s", "")[:255]
    return DkimVerdict(result=result, domain=domain, selector=selector, reason=reason)


def _signature(raw: bytes, found: Mapping[str, str]) -> Signature:
    for name in ("v", "a", "b", "bh", "d", "h", "s"):
        if not found.get(name):
            raise Refused("neutral", f"{name}= is missing")
    if found["v"] != "1":
        raise Refused("neutral", "it is of an unknown version")
    by = signer(found)
    identity = found.get("i", f"@{by.domain}").rpartition("@")[2].lower().rstrip(".")
    if identity != by.domain and not identity.endswith("." + by.domain):
        raise Refused("neutral", "i= does not lie in d=")  # §3.5
    signature = over_message(raw, found, by, identity=identity)
    if "from" not in signature.signed:
        raise Refused("permerror", "From is not signed")  # §5.4
    return signature
