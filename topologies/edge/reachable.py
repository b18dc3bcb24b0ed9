"""Reachable: a user may send to anybody, but for mailboxes of ours that are not there.

Reads the directory. What other systems take is theirs to say, later.
"""

from topologies.check import Refusal, Transaction, check
from topologies.ports.directory import Directory


@check(at="rcpt", rank=15, origins=("submission",))
async def reachable(mail: Transaction, *, directory: Directory) -> Refusal | None:
    """Return the refusal of an address that nobody can be reached at.

    Raises:
        Retryable: The directory is out of reach.
    """
    match (await directory.resolve(mail.recipient)).status:
        case "unknown":
            return Refusal(
                reply="550 5.1.1 There is no such mailbox here", reason="unknown recipient"
            )
        case "invalid":
            return Refusal(reply="553 5.1.3 That is no valid address", reason="invalid recipient")
        case "local" | "foreign":
            return None
