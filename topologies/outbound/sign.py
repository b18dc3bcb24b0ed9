"""Sign: a mail becomes complete, is signed, and is split by the systems it goes to.

Reads `mail.outgoing`; writes one `DeliveryDue` for each destination, or for each recipient where
each has a reverse-path of its own. Adds the trace, and a date and an id where they are missing;
signs with each key that the domain in From has for the time of submission (RFC 6376, RFC 8463).
What is signed is the same however often it is done, so that a replay makes no second message.
Which host a destination has is not asked here.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache

from topologies.errors import Poison
from topologies.events import RAW_INLINE_BYTES, DeliveryDue, Event, MailOutgoing
from topologies.mail import (
    completing,
    dkim_canonical,
    dkim_private,
    dkim_sign,
    ids,
    require_tls,
    verp,
)
from topologies.mail.dkim_private import PrivateKey
from topologies.mail.domains import organizational
from topologies.mail.mailbox_address import parse
from topologies.mail.raw import raw_of
from topologies.mail.wishes import wishes_for
from topologies.ports.blobs import Blobs
from topologies.ports.dkim_keys import DkimKey, DkimKeys
from topologies.ports.policy import SignPolicy
from topologies.ports.url_key import UrlKey
from topologies.stage import stage

IN_THREAD_BYTES = 128 * 1024  # larger messages are hashed beside the event loop
MOST_COPIES_BYTES = 4 * RAW_INLINE_BYTES  # of one message in the events of its deliveries


@stage(reads=MailOutgoing, writes=[DeliveryDue])
async def sign(
    mail: MailOutgoing, *, keys: DkimKeys, blobs: Blobs, url_key: UrlKey, policy: SignPolicy
) -> Sequence[Event]:
    """Return what is to be delivered, by destination."""
    is_split = bool(mail.kind == "sent" and mail.mail_from and mail.stream in policy.verp_streams)
    deliveries = _deliveries(mail, is_split=is_split)
    key = verp.key_of(await url_key.get()) if is_split else b""
    raw = await raw_of(mail, blobs)
    # RFC 8689 §4.1: what was said in the envelope counts, and the header where nothing was.
    tls_required = mail.tls_required or require_tls.of_header(raw)
    chosen = await _keys_for(mail, raw, keys)
    if len(raw) > IN_THREAD_BYTES:
        whole = await asyncio.to_thread(_complete, mail, raw, chosen, policy.hostname)
    else:
        whole = _complete(mail, raw, chosen, policy.hostname)
    fits = len(whole) <= RAW_INLINE_BYTES and len(whole) * len(deliveries) <= MOST_COPIES_BYTES
    [blob] = [None] if fits else await blobs.put([whole])
    return [
        DeliveryDue(
            delivery_id=delivery_id,
            mail_id=mail.mail_id,
            user_id=mail.user_id,
            submitted_at=mail.submitted_at,
            mail_from=mail.mail_from,
            return_path=verp.made(delivery_id, mail.mail_from, key) if is_split else "",
            destination=destination,
            recipients=recipients,
            size_bytes=len(whole),
            raw=whole if fits else None,
            raw_blob=blob,
            due_at=mail.submitted_at,
            stream=mail.stream,
            kind=mail.kind,
            smtputf8=mail.smtputf8,
            body_type=mail.body_type,
            wishes=wishes_for(mail.wishes, recipients),
            tls_required=tls_required,
        )
        for delivery_id, (destination, recipients) in deliveries.items()
    ]


def _deliveries(mail: MailOutgoing, *, is_split: bool) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return destination and recipients of each delivery, by its id."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for destination, recipients in _by_destination(mail.recipients).items():
        known = ("delivery", mail.mail_id, destination)
        if not is_split or len(recipients) == 1:
            found[ids.derived_id(mail.submitted_at, *known)] = destination, recipients
            continue
        for each in recipients:
            found[ids.derived_id(mail.submitted_at, *known, each)] = destination, (each,)
    return found


def _by_destination(recipients: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for recipient in dict.fromkeys(recipients):
        try:
            found.setdefault(parse(recipient).domain, []).append(recipient)
        except ValueError as error:
            raise Poison(f"a recipient is no address: {error}") from None
    return {destination: tuple(found[destination]) for destination in sorted(found)}


async def _keys_for(
    mail: MailOutgoing, raw: bytes, keys: DkimKeys
) -> tuple[str, Sequence[tuple[str, PrivateKey]]]:
    """Return whose keys sign *mail*, and them by selector; none if it is not to be signed."""
    header, _ = dkim_canonical.split(raw)
    domain = completing.from_domain(dkim_canonical.fields(header)) if mail.sign else ""
    if not domain:
        return "", ()
    last = organizational(domain)
    while True:
        # A name below one of ours, such as that of a host, is signed for by the domain above
        # it (RFC 6376 §3.5, i=), which DMARC takes for the same (RFC 7489 §3.1.1).
        if found := [k for k in await keys.keys(domain) if k.signs_at(mail.submitted_at)]:
            return domain, [(each.selector, _read(each)) for each in found]
        if domain == last or "." not in domain:
            return "", ()
        domain = domain.partition(".")[2]


def _read(key: DkimKey) -> PrivateKey:
    return _parsed(key.private_key)


@lru_cache(maxsize=1_024)
def _parsed(text: str) -> PrivateKey:
    return dkim_private.parse(text)


def _complete(
    mail: MailOutgoing,
    raw: bytes,
    signing: tuple[str, Sequence[tuple[str, PrivateKey]]],
    hostname: str,
) -> bytes:
    header, _ = dkim_canonical.split(raw)
    added = completing.received(hostname=hostname, mail_id=mail.mail_id, at=mail.submitted_at)
    if mail.kind != "forwarded":  # what others wrote, and may have signed, stays as it is
        fields = dkim_canonical.fields(header)
        domain = completing.from_domain(fields) or hostname
        added += completing.missing(
            fields, mail_id=mail.mail_id, domain=domain, at=mail.submitted_at
        )
    whole = added + raw
    domain, keys = signing
    if not keys:
        return whole
    return dkim_sign.sign(whole, domain=domain, keys=keys, at=mail.submitted_at) + whole
