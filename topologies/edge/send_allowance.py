"""Send allowance: a user sends so much and no more, and nothing once they are suspended.

Counts at ``Limits`` what is taken, when all else is known to be fine. The copy in Sent needs
room in the user's mailbox, too.
"""

import math

from topologies.check import Refusal, Transaction, check
from topologies.mail.allowance import Allowances
from topologies.ports.directory import Directory
from topologies.ports.limits import Limits
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.policy import SendRates
from topologies.ports.restraints import Restraints


@check(at="data", rank=30, origins=("submission",))
async def send_allowance(
    mail: Transaction,
    *,
    directory: Directory,
    mailboxes: Mailboxes,
    limits: Limits,
    restraints: Restraints,
    rates: SendRates,
) -> Refusal | None:
    """Return the refusal of one mail too many.

    Raises:
        Retryable: The directory, the mailboxes or the restraints are out of reach.
    """
    user = await directory.user(mail.user_id)
    if user is None or user.is_suspended:
        return Refusal(reply="550 5.7.1 You may not send any more", reason="user is suspended")
    quota = user.quota_bytes
    if quota and await mailboxes.usage(user.user_id) + mail.size_bytes > quota:
        return Refusal(
            reply="552 5.2.2 Your mailbox is full: there is no room for your own copy",
            reason="sender's mailbox is full",
        )
    recipients = len(set(mail.recipients))
    allowance = await Allowances(limits, restraints, rates).ask(user, recipients)
    match allowance.refused:
        case "":
            return None
        case "suspended":
            return Refusal(reply=f"550 5.7.1 {allowance.reason}", reason="sending is suspended")
        case "rate":
            minutes = max(1, math.ceil(allowance.retry_after_s / 60))
            return Refusal(
                reply=f"451 4.7.1 That is more mail than may be sent: again in {minutes} minutes",
                reason="send rate",
            )
