# ruff: noqa: N802  aiosmtpd finds commands by their names
"""LMTP, by which a mail server of our own hands mail over (RFC 2033): SMTP with more answers."""

from collections.abc import Sequence

from aiosmtpd.smtp import syntax  # pyright: ignore[reportUnknownVariableType]

from connectors.smtp_in import replies
from connectors.smtp_in.mail import Mail
from connectors.smtp_in.protocol import SmtpSession


class LmtpSession(SmtpSession):
    """A session with a mail server of our own, which wants an answer for each recipient."""

    greeting = "LMTP"
    commands = (
        "smtp_LHLO",
        *(name for name in SmtpSession.commands if name not in ("smtp_EHLO", "smtp_HELO")),
    )
    origin = "lmtp"
    way = "lmtp"
    hello = "LHLO"

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, hostname: str | None) -> None:
        """Greet and tell the extensions: EHLO by its LMTP name (RFC 2033 §4.1)."""
        await self.smtp_EHLO(hostname)

    def no_recipient(self, mail: Mail) -> str:  # noqa: ARG002  SMTP tells by it
        """Return 503 in any case (RFC 2033 §4.2)."""
        return replies.RCPT_FIRST

    def to_tell(self, answers: Sequence[str]) -> Sequence[str]:
        """Return all of them: one for each accepted RCPT, in order (RFC 2033 §4.2)."""
        return answers

    def to_deliver(self, recipients: Sequence[str], answers: Sequence[str]) -> Sequence[str]:
        """Return those who took it."""
        return [to for to, a in zip(recipients, answers, strict=True) if a[0] == "2"]
