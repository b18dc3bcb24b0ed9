"""Greylist: strangers are asked to come again, which most who send spam never do (RFC 6647).

Keyed by client, sender and recipient. A client is known by the domain that SPF proves, else by
its network: a large sender tries from another machine each time, and would wait for ever if it
were known by its address. Who came again once is let in from then on with whatever it brings.
Off by default. What can't be asked for refuses nobody.
"""

from hashlib import blake2b

from topologies.check import Refusal, Transaction, check
from topologies.errors import Retryable
from topologies.mail.domains import is_public_address
from topologies.mail.networks import network_of
from topologies.ports.clock import Clock
from topologies.ports.policy import Greylisting
from topologies.ports.seen import Seen

DAY_S = 86_400.0
FIRST_KEPT_S = 2 * DAY_S  # RFC 6647 §5 has 24 hours: some come again after a day
KNOWN_KEPT_S = 36 * DAY_S  # so that what comes once a month need not wait


@check(at="rcpt", rank=50)
async def greylist(
    mail: Transaction, *, greylisting: Greylisting, seen: Seen, clock: Clock
) -> Refusal | None:
    """Return the refusal of who comes for the first time, or too soon again."""
    if not greylisting.is_on or mail.is_trusted or mail.is_allowed:
        return None
    if not is_public_address(mail.client_ip):
        return None
    who = mail.proved_domain or network_of(mail.client_ip)
    client = _key("client", who)
    try:
        if await seen.when(client) is None:
            tried = _key("try", who, mail.mail_from.lower(), mail.recipient.lower())
            first_at = await seen.see(tried, FIRST_KEPT_S)
            waited_s = (clock.now() - first_at).total_seconds()
            if waited_s < greylisting.wait_s:
                return Refusal(
                    reply="451 4.7.1 You are new here: come back in a few minutes",
                    reason=f"greylisted, {waited_s:.0f} s of {greylisting.wait_s:.0f} waited",
                )
        await seen.see(client, KNOWN_KEPT_S)
    except Retryable:
        return None
    return None


def _key(*words: str) -> str:
    # Hashed, since addresses are nobody's business there.
    text = "\0".join(words).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).hexdigest()
