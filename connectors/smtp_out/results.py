"""What a server's answers, or their absence, mean for each recipient."""

from collections.abc import Mapping, Sequence

from connectors.smtp_out.session import Answer, Sent, Session
from topologies.events import RecipientResult
from topologies.mail.mx import Refusal
from topologies.mail.smtp_reply import Reply

# RFC 7504: there is no mail here, and will not be.
NO_MAIL_HERE = (521, 556)
LOST = "4.4.2"  # RFC 3463: the connection was lost
NO_ANSWER = "4.4.1"


def of_reply(recipient: str, answer: Answer, reply: Reply, host: str, tls: str) -> RecipientResult:
    """Return what *reply* means for *recipient*."""
    enhanced = reply.enhanced
    if answer.step == "end" and reply.is_positive:
        status = "delivered"
    elif answer.step == "connect":
        # Who refuses a connection refuses us, not this mail: 5xx or not, it may change.
        status = "failed" if reply.code in NO_MAIL_HERE else "deferred"
        if status == "deferred" and enhanced.startswith("5"):
            enhanced = "4" + enhanced[1:]
    elif reply.is_permanent:
        status = "failed"
    else:
        status = "deferred"  # 4xx, and what makes no sense where it was said
    digit = {"delivered": "2", "deferred": "4", "failed": "5"}[status]
    if not enhanced.startswith(digit):
        enhanced = f"{digit}.0.0"
    return RecipientResult(
        recipient=recipient,
        status=status,
        code=reply.code,
        enhanced=enhanced,
        text=reply.text,
        host=host,
        tls=tls,
    )


def of_refusal(recipient: str, refusal: Refusal, host: str = "") -> RecipientResult:
    """Return that *recipient* can't be reached, for good, and why."""
    return RecipientResult(
        recipient=recipient,
        status="failed",
        enhanced=refusal.enhanced,
        text=refusal.text,
        host=host,
    )


def deferred(
    recipients: Sequence[str], enhanced: str, text: str, host: str = ""
) -> list[RecipientResult]:
    """Return that nobody was reached, for now."""
    return [
        RecipientResult(
            recipient=recipient, status="deferred", enhanced=enhanced, text=text, host=host
        )
        for recipient in recipients
    ]


def of_sent(sent: Sent, session: Session, host: str) -> Mapping[str, RecipientResult]:
    """Return the results of one mail in one session, by recipient."""
    results: dict[str, RecipientResult] = {}
    for recipient, answer in sent.answers.items():
        if answer.refusal is not None:
            results[recipient] = of_refusal(recipient, answer.refusal, host)
        elif answer.reply is not None:
            result = of_reply(recipient, answer, answer.reply, host, session.tls)
            if result.status == "delivered" and sent.takes_wishes:
                result = _telling(result)
            results[recipient] = result
        else:
            [results[recipient]] = deferred([recipient], LOST, answer.lost, host)
    return results


def _telling(result: RecipientResult) -> RecipientResult:
    return RecipientResult(
        recipient=result.recipient,
        status=result.status,
        code=result.code,
        enhanced=result.enhanced,
        text=result.text,
        host=result.host,
        tls=result.tls,
        tells_itself=True,
    )
