"""Own sender: a user sends from an address of their own, or from none at all.

Reads the directory. None at all is what answers sent by a program have (RFC 8098 §3).
"""

from topologies.check import Refusal, Transaction, check
from topologies.mail.sender_rights import may_write_as
from topologies.ports.directory import Directory


@check(at="mail", rank=5, origins=("submission",))
async def own_sender(mail: Transaction, *, directory: Directory) -> Refusal | None:
    """Return the refusal of a reverse-path that is another's.

    Raises:
        Retryable: The directory is out of reach.
    """
    if not mail.mail_from or await may_write_as(directory, mail.user_id, mail.mail_from):
        return None
    return Refusal(
        reply="553 5.7.1 That is no address of yours", reason="MAIL FROM is not the user's"
    )
