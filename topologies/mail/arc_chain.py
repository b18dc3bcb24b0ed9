"""The chain of ARC sets in a header, read and put in order (RFC 8617 §4).

Pure. Each host that seals a message adds a set of three fields: what it found
(ARC-Authentication-Results), a signature over the message (ARC-Message-Signature), and a seal
over all sets so far (ARC-Seal). Whether they hold is not decided here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from topologies.mail import dkim_key
from topologies.mail.dkim_key import TagSyntaxError
from topologies.mail.dkim_signature import Refused, Signature, Signer, number, over_message, signer

MOST_SETS = 50  # RFC 8617 §4.2.1
RESULTS, MESSAGE, SEAL = (
    "arc-authentication-results",
    "arc-message-signature",
    "arc-seal",
)

_OF_RESULTS = re.compile(rb"[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([0-9]{1,2})[ \t\r\n]*;")
_STATES = ("none", "pass", "fail")


class BrokenChain(Exception):
    """The sets contradict each other or the grammar; no key can mend that."""

    def __init__(self, reason: str, instances: int) -> None:
        super().__init__(reason)
        self.instances: int = instances


@dataclass(frozen=True, slots=True, kw_only=True)
class ArcSet:
    """What one host added."""

    instance: int  # i=, from 1
    results: bytes  # the three fields, whole
    message: bytes
    seal: bytes
    sealed_by: Signer
    state: str  # cv=: of the chain as the host found it
    message_tags: Mapping[str, str]

    def signature(self) -> Signature:
        """Return the signature over the message.

        Raises:
            Refused: It makes no sense.
        """
        found = self.message_tags
        for name in ("a", "b", "bh", "d", "s"):
            if not found.get(name):
                raise Refused("neutral", f"{name}= is missing")
        if "h" not in found:
            raise Refused("neutral", "h= is missing")
        # Sealers who leave out c= sign relaxed forms, other than in DKIM.
        signature = over_message(self.message, found, signer(found), form="relaxed/relaxed")
        if SEAL in signature.signed:
            raise Refused("permerror", "it signs a seal")  # §4.1.2
        return signature


def read(fields: Sequence[tuple[str, bytes]]) -> list[ArcSet]:
    """Return the sets in *fields*, the oldest first; none if there are none.

    Raises:
        BrokenChain: One is not complete, there twice, missing, or its seal makes no sense.
    """
    found: dict[str, dict[int, bytes]] = {RESULTS: {}, MESSAGE: {}, SEAL: {}}
    tags: dict[tuple[str, int], Mapping[str, str]] = {}
    for name, field in fields:
        if name not in found:
            continue
        kind = found[name]
        try:
            instance, tags_of = _instance(name, field)
        except (TagSyntaxError, Refused) as error:
            raise BrokenChain(f"{name}: {error}", _most(found)) from None
        if not 1 <= instance <= MOST_SETS:
            raise BrokenChain(f"{name}: i={instance} is out of range", _most(found))
        if instance in kind:
            raise BrokenChain(f"{name}: i={instance} is there twice", _most(found))
        kind[instance] = field
        tags[name, instance] = tags_of
    count = _most(found)
    for name, kind in found.items():
        if len(kind) != count:  # none above `count`, none twice: so all are there
            raise BrokenChain(f"{name}: one of {count} is missing", count)
    chain: list[ArcSet] = []
    for instance in range(1, count + 1):
        try:
            sealed_by, state = _seal(tags[SEAL, instance])
        except Refused as refused:
            raise BrokenChain(f"seal {instance}: {refused}", count) from None
        chain.append(
            ArcSet(
                instance=instance,
                results=found[RESULTS][instance],
                message=found[MESSAGE][instance],
                seal=found[SEAL][instance],
                sealed_by=sealed_by,
                state=state,
                message_tags=tags[MESSAGE, instance],
            )
        )
    return chain


def value_of_results(field: bytes) -> bytes:
    """Return what an ARC-Authentication-Results field says, without its instance."""
    value = field.partition(b":")[2]
    matched = _OF_RESULTS.match(value)
    return value[matched.end() :] if matched else b""


def _most(found: Mapping[str, Mapping[int, bytes]]) -> int:
    return max((instance for kind in found.values() for instance in kind), default=0)


def _instance(name: str, field: bytes) -> tuple[int, Mapping[str, str]]:
    value = field.partition(b":")[2]
    if name == RESULTS:
        matched = _OF_RESULTS.match(value)
        if not matched:
            raise Refused("neutral", "it begins with no i=")
        return int(matched[1]), {}
    found = dkim_key.tags(value.decode("latin-1"), is_strict=True)
    instance = number(found, "i")
    if instance is None:
        raise Refused("neutral", "i= is missing")
    return instance, found


def _seal(found: Mapping[str, str]) -> tuple[Signer, str]:
    for name in ("a", "b", "cv", "d", "s"):
        if not found.get(name):
            raise Refused("neutral", f"{name}= is missing")
    for name in ("h", "bh", "c", "l"):
        if name in found:  # §4.1.3: a seal is over sets, not over the message
            raise Refused("neutral", f"{name}= does not belong there")
    number(found, "t")
    state = found["cv"].lower()
    if state not in _STATES:
        raise Refused("neutral", "cv= is no state")
    return signer(found), state
