"""Sealing: adding our set to a message's ARC chain before it goes on to others (RFC 8617 §5.1).

Pure. Decides nothing about the message: who calls has verified the chain and knows what to say.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from topologies.events.inbound import ArcVerdict
from topologies.mail import arc_chain, dkim_canonical
from topologies.mail.arc_chain import MOST_SETS, BrokenChain
from topologies.mail.authres import folded
from topologies.mail.dkim_private import PrivateKey
from topologies.mail.dkim_write import chosen, in_base64, with_value

# RFC 6376 §5.4.1, and what RFC 8617 §4.1.2 adds; Authentication-Results are taken away by others.
SIGNED = (
    "from sender reply-to to cc subject date message-id in-reply-to references mime-version"
    " content-type content-transfer-encoding list-id list-help list-unsubscribe list-subscribe"
    " list-post list-owner list-archive dkim-signature"
).split()


def seal(
    raw: bytes,
    *,
    domain: str,
    selector: str,
    key: PrivateKey,
    said: Sequence[str],
    chain: ArcVerdict,
    now: datetime,
    names: Sequence[str] | None = None,
) -> bytes:
    """Return the three fields to put in front of *raw*; none where the chain takes no more.

    That is so where it was ended by an earlier host, is as long as it may get, or could not be
    verified for now.

    Args:
        raw: The message as it goes out, its lines ended by CRLF.
        domain: Whose seal it is (d=).
        selector: Of the key (s=).
        key: Belongs to the record at these two.
        said: What we found, as ``authres.words`` returns it.
        chain: What the chain of *raw* was worth when it came.
        now: The time to write into it.
        names: Of the fields to sign; None: those of ``SIGNED`` that are there.
    """
    header, body = dkim_canonical.split(raw)
    fields = dkim_canonical.fields(header)
    instance = chain.instances + 1
    if chain.result == "temperror" or instance > MOST_SETS or _was_ended(fields):
        return b""
    found_by: dict[str, list[bytes]] = {}
    for name, one in fields:
        found_by.setdefault(name, []).append(one)
    results = folded("ARC-Authentication-Results:", [f"i={instance};", *said])[:-2]
    common = {
        "a": key.algorithm,
        "d": domain,
        "i": str(instance),
        "s": selector,
        "t": str(int(now.timestamp())),
    }
    digest = hashlib.sha256(dkim_canonical.body(body, "relaxed")).digest()
    signed = list(names) if names is not None else _names(found_by)
    own = {"bh": in_base64(digest), "c": "relaxed/relaxed", "h": ":".join(signed)}
    found_by.setdefault(arc_chain.RESULTS, []).insert(0, results)
    over = chosen(found_by, signed)
    message = with_value("ARC-Message-Signature", common | own, over, key)
    sets = [results, message]
    if chain.result == "pass":
        sets = [part for one in arc_chain.read(fields) for part in _parts(one)] + sets
    state = {"cv": chain.result}
    # §5.1.2: where the chain is broken, the seal covers our own set alone.
    closing = with_value("ARC-Seal", common | state, sets, key)
    return b"".join(part + dkim_canonical.CRLF for part in (closing, message, results))


def _was_ended(fields: Sequence[tuple[str, bytes]]) -> bool:
    try:
        chain = arc_chain.read(fields)
    except BrokenChain:
        return False
    return bool(chain) and chain[-1].state == "fail"


def _parts(one: arc_chain.ArcSet) -> tuple[bytes, bytes, bytes]:
    return one.results, one.message, one.seal


def _names(found_by: Mapping[str, Sequence[bytes]]) -> list[str]:
    names = [name for name in SIGNED for _ in found_by.get(name, ())]
    return ["from", *names]  # once more than there are, so that none can be added
