"""Rates: so many mails an hour are taken from one client, network and sender, and for one mailbox.

Counted where the first recipient passes all that is asked before: what was refused, greylisted
tries among it, counts for nobody, else who is told to come again would be kept out by coming.
Bounces have no sender to count by.
"""

from collections.abc import Iterator

from topologies.check import Refusal, Transaction, check
from topologies.mail.networks import network_of
from topologies.ports.limits import Limits
from topologies.ports.policy import MailRates

WINDOW_S = 3_600.0


@check(at="rcpt", rank=60)
async def rates(mail: Transaction, *, allowed: MailRates, limits: Limits) -> Refusal | None:
    """Return the refusal of one more than are taken an hour."""
    if mail.is_trusted:
        return None
    counted: list[str] = []
    for what, name, limit in _counted(mail, allowed):
        key = f"mail-in {what} {name}"
        verdict = await limits.hit(key, limit, WINDOW_S)
        if not verdict.allowed:
            for other in counted:
                await limits.take_back(other, WINDOW_S)
            return Refusal(
                reply="451 4.7.1 That is more mail than is taken in an hour: come back later",
                reason=f"more than {limit} an hour by {what}, {verdict.retry_after_s:.0f} s to go",
            )
        counted.append(key)
    return None


def _counted(mail: Transaction, allowed: MailRates) -> Iterator[tuple[str, str, int]]:
    if allowed.per_recipient and mail.recipient not in mail.recipients:
        # A mailbox has many addresses, with tags and aliases; a list of many is itself.
        is_one = len(mail.targets) == 1
        mailbox = mail.targets[0].user_id if is_one else mail.recipient.lower()
        yield "recipient", mailbox, allowed.per_recipient
    if mail.recipients:
        return  # the mail is counted already
    if allowed.per_sender and mail.mail_from:
        yield "sender", mail.mail_from.lower(), allowed.per_sender
    if allowed.per_client:
        yield "client", mail.client_ip, allowed.per_client
    if allowed.per_network:
        yield "network", network_of(mail.client_ip), allowed.per_network
