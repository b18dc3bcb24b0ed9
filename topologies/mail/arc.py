"""ARC: whether a message came through hands that vouch for how they got it (RFC 8617).

Reads the raw message, asks the DNS for keys, and gives one verdict on the whole chain. Whom of
its sealers to believe is decided by ``topologies.mail.arc_trust``.

What a hostile chain costs is bounded: 50 sets, two keys each, asked for ten at a time; the body
is hashed at most twice, a header field of the chain once for all seals.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from topologies.events.inbound import ArcVerdict
from topologies.mail import arc_chain, dkim_canonical
from topologies.mail.arc_chain import ArcSet, BrokenChain
from topologies.mail.dkim_check import LONGEST_HEADER_BYTES, SignedMessage, ask_key, usable
from topologies.mail.dkim_key import Key
from topologies.mail.dkim_signature import Refused, Signature
from topologies.ports.dns import Resolver

ASKED_AT_ONCE = 10
IN_THREAD_BYTES = 128 * 1024  # larger messages are hashed beside the event loop
IN_THREAD_SETS = 5  # and longer chains

T = TypeVar("T")
NO_CHAIN = ArcVerdict(result="none")


async def verify(dns: Resolver, raw: bytes, *, now: datetime) -> ArcVerdict:
    """Return what the chain of *raw* is worth.

    Args:
        dns: Whom to ask for keys.
        raw: The message, its lines ended by CRLF.
        now: What expiry is compared with; a replay passes the same.
    """
    header, body = dkim_canonical.split(raw)
    if b"arc-" not in header[:LONGEST_HEADER_BYTES].lower():
        return NO_CHAIN
    if len(header) > LONGEST_HEADER_BYTES:
        return ArcVerdict(result="fail", reason="the header is too large")
    fields = dkim_canonical.fields(header)
    try:
        chain = arc_chain.read(fields)
    except BrokenChain as broken:
        return ArcVerdict(result="fail", instances=broken.instances, reason=str(broken))
    if not chain:
        return NO_CHAIN
    try:
        _check_states(chain)
        check = _Check(chain, SignedMessage(fields, body), int(now.timestamp()))
        check.keys.update(await _ask(dns, [check.signatures[-1].by.key_name]))
        is_long = len(raw) > IN_THREAD_BYTES or len(chain) > IN_THREAD_SETS
        await _run(check.newest, is_long)
        # Only now is it worth asking for more: this much, nobody but a signer can make us do.
        check.keys.update(await _ask(dns, check.names_of_all() - check.keys.keys()))
        oldest_pass = await _run(check.all, is_long)
    except Refused as refused:
        return ArcVerdict(
            result="temperror" if refused.result == "temperror" else "fail",
            instances=len(chain),
            sealers=tuple(one.sealed_by.domain for one in chain),
            reason=str(refused),
        )
    return ArcVerdict(
        result="pass",
        instances=len(chain),
        oldest_pass=oldest_pass,
        sealers=tuple(one.sealed_by.domain for one in chain),
    )


async def _run(check: Callable[[], T], is_long: bool) -> T:
    return await asyncio.to_thread(check) if is_long else check()


async def _ask(dns: Resolver, names: Iterable[str]) -> Mapping[str, Key | Refused]:
    places = asyncio.Semaphore(ASKED_AT_ONCE)

    async def one(name: str) -> tuple[str, Key | Refused]:
        async with places:
            return name, await ask_key(dns, name)

    return dict(await asyncio.gather(*map(one, sorted(names))))


def _check_states(chain: Sequence[ArcSet]) -> None:
    newest = chain[-1]
    if newest.state == "fail":  # RFC 8617 §5.2, step 2
        raise Refused("fail", f"it was broken before it came to {newest.sealed_by.domain}")
    for one in chain:  # step 3
        if one.state != ("none" if one.instance == 1 else "pass"):
            raise Refused("fail", f"seal {one.instance}: cv={one.state} can not be")


class _Check:
    """One chain and the message it came with."""

    def __init__(self, chain: Sequence[ArcSet], message: SignedMessage, now_s: int) -> None:
        """Read the signatures.

        Raises:
            Refused: The newest makes no sense.
        """
        self._chain = chain
        self._message = message
        self._now_s = now_s
        self.signatures: list[Signature] = [chain[-1].signature()]  # the newest is the last
        self.keys: dict[str, Key | Refused] = {}
        for one in reversed(chain[:-1]):
            try:
                self.signatures.insert(0, one.signature())
            except Refused:  # it does not pass, which only tells since when it was not changed
                break

    def names_of_all(self) -> set[str]:
        """Return where the keys of all seals and signatures are."""
        seals = {one.sealed_by.key_name for one in self._chain}
        return seals | {signature.by.key_name for signature in self.signatures}

    def newest(self) -> None:
        """Return if the message is as the last sealer sent it (step 4).

        Raises:
            Refused: It is not, or nobody knows.
        """
        self._check_message(self.signatures[-1])

    def all(self) -> int:
        """Return since which set the message was not changed any more; 0: ever (steps 5, 6).

        Raises:
            Refused: A seal does not hold, or nobody knows.
        """
        self._check_seals()
        oldest = len(self._chain)
        for signature in reversed(self.signatures[:-1]):
            try:
                self._check_message(signature)
            except Refused:
                break
            oldest -= 1
        return 0 if oldest == 1 else oldest

    def _check_message(self, signature: Signature) -> None:
        length = signature.body_length
        if length is not None and length != self._message.body_bytes(signature.body_form):
            raise Refused("policy", "not all of the body is signed")
        key = usable(self.keys[signature.by.key_name], signature.by)
        self._message.check_body(signature)
        self._message.check_header(signature, key)
        if signature.expires is not None and signature.expires < self._now_s:
            raise Refused("policy", "the signature has expired")

    def _check_seals(self) -> None:
        unknown: Refused | None = None
        so_far = hashlib.sha256()  # §5.1.1: each seal covers all sets before it, in order
        for one in self._chain:
            for field in (one.results, one.message):
                so_far.update(dkim_canonical.field(field, "relaxed") + dkim_canonical.CRLF)
            digest = so_far.copy()
            own = dkim_canonical.without_own_value(one.seal)
            digest.update(dkim_canonical.field(own, "relaxed"))
            so_far.update(dkim_canonical.field(one.seal, "relaxed") + dkim_canonical.CRLF)
            try:
                key = usable(self.keys[one.sealed_by.key_name], one.sealed_by)
            except Refused as refused:
                if refused.result != "temperror":
                    raise
                unknown = refused
                continue
            if not key.proves(one.sealed_by.value, digest.digest()):
                raise Refused("fail", f"seal {one.instance} does not hold")
        if unknown is not None:
            raise unknown
