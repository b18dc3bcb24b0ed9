"""Sender proof: find out by SPF whether the sender's domain lets this client send.

Asks the DNS where it is of use here, which is for greylisting alone; refuses nothing. What
SPF is worth for the mail itself is `authenticate`'s work, later.
"""

import asyncio

from msgspec.structs import replace

from topologies.check import Transaction, check
from topologies.mail.domains import is_public_address
from topologies.mail.spf import check_host
from topologies.ports.dns import Resolver
from topologies.ports.policy import Greylisting

DEADLINE_S = 3.0


@check(at="mail", rank=10)
async def sender_proof(
    mail: Transaction, *, greylisting: Greylisting, dns: Resolver
) -> Transaction | None:
    """Return the mail with the domain that SPF proves, if it proves one."""
    if not greylisting.is_on or mail.is_trusted or not is_public_address(mail.client_ip):
        return None
    try:
        async with asyncio.timeout(DEADLINE_S):
            verdict = await check_host(
                dns, client_ip=mail.client_ip, mail_from=mail.mail_from, helo=mail.helo
            )
    except TimeoutError:
        return None
    return replace(mail, proved_domain=verdict.domain) if verdict.result == "pass" else None
