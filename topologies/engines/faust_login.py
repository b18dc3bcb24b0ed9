"""How Faust's readers are let in by brokers that ask who comes."""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import ssl
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FaustLogin:
    """TLS, and within it maybe a user.

    Attributes:
        tls: Whom to believe, and the certificate that we show.
        user: Empty: the certificate says who we are, or nobody asks.
        password: The user's.
        mechanism: How it is proven, as SASL calls it (RFC 4422).
    """

    tls: ssl.SSLContext
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = "SCRAM-SHA-512"

    def credentials(self) -> Any:
        """Return the same in Faust's words."""
        import faust  # here: many a command asks Kafka, and few run stages

        if not self.user:
            return faust.SSLCredentials(context=self.tls)
        return faust.SASLCredentials(
            username=self.user,
            password=self.password,
            ssl_context=self.tls,
            mechanism=self.mechanism,
        )
