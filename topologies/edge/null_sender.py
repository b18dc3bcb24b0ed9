"""Null sender: a bounce goes to one recipient, whom its mail came from (RFC 5321 §4.5.5).

Who sends one "bounce" to many sends something else.
"""

from topologies.check import Refusal, Transaction, check


@check(at="rcpt", rank=30)
async def null_sender(mail: Transaction) -> Refusal | None:
    """Return the refusal of a bounce's second recipient."""
    if mail.mail_from or mail.is_trusted or set(mail.recipients) <= {mail.recipient}:
        return None
    return Refusal(reply="550 5.5.3 A bounce has one recipient", reason="a bounce to several")
