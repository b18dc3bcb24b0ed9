# ruff: noqa: N802  aiosmtpd finds commands by their names
"""Who is there and how we talk: the commands of SMTP that belong to no mail (RFC 5321 §4.1.1)."""

from aiosmtpd.smtp import syntax  # pyright: ignore[reportUnknownVariableType]
from msgspec.structs import replace

from connectors.smtp_in import replies
from connectors.smtp_in.connection import Connection
from topologies.check import Refusal


class Introduction(Connection):
    """A session as far as it is about the client."""

    @syntax("HELO hostname")
    async def smtp_HELO(self, hostname: str | None) -> None:
        """Greet without extensions."""
        if refusal := await self._introduced(hostname, extended=False):
            await self.push(refusal)
        else:
            self.wire.say(f"250 {self.hostname}")

    @syntax("EHLO hostname")
    async def smtp_EHLO(self, hostname: str | None) -> None:
        """Greet and tell the extensions."""
        if refusal := await self._introduced(hostname, extended=True):
            await self.push(refusal)
            return
        lines = [self.hostname, *self.extensions()]
        self.wire.say("".join(f"250-{line}\r\n" for line in lines) + "250 HELP")

    def extensions(self) -> list[str]:
        """Return what EHLO offers."""
        extensions = [
            "PIPELINING",  # RFC 2920
            f"SIZE {self.data_size_limit}",  # RFC 1870
            "8BITMIME",  # RFC 6152
            "SMTPUTF8",  # RFC 6531
            "CHUNKING",  # RFC 3030
            "BINARYMIME",
            "ENHANCEDSTATUSCODES",  # RFC 2034
        ]
        if self.tls_context and not self.tls:
            extensions.append("STARTTLS")  # RFC 3207
        if self.tls:
            extensions.append("REQUIRETLS")  # RFC 8689 §2: never in clear text
        return extensions

    async def _introduced(self, hostname: str | None, *, extended: bool) -> str:
        if not hostname or not hostname.isascii() or not hostname.isprintable():
            return replies.NEEDS_NAME
        self._set_rset_state()
        asked = replace(self.facts, helo=hostname)
        answer = await self.reception.acceptance.ask("helo", asked)
        if isinstance(answer, Refusal):
            return answer.reply
        self.facts = answer
        self.client.extended_smtp = extended
        return ""

    @syntax("STARTTLS", when="tls_context")
    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """Go on in TLS."""
        if arg:
            await self.push(replies.NO_ARGUMENT)
        elif self.tls_context is None:
            await self.push(replies.NO_TLS)
        elif self.tls:
            await self.push(replies.TLS_ALREADY)
        else:
            await self.secure()

    @syntax("QUIT")
    async def smtp_QUIT(self, arg: str | None) -> None:
        """Say goodbye."""
        if arg:
            await self.push(replies.NO_ARGUMENT)
            return
        await self.push(replies.BYE)
        self.finish()

    @syntax("VRFY <address>")
    async def smtp_VRFY(self, arg: str | None) -> None:
        """Tell nothing: that would help those who collect addresses (RFC 5321 §7.3)."""
        await self.push(replies.CANNOT_VERIFY if arg else replies.NEEDS_ADDRESS)
