"""Every way a stage, a port or the wiring can fail to answer.

    MailError
    ├── Retryable       the world may change: try this record again
    │   └── NoSpace     the log or the disk is full: slow the senders down
    ├── Poison          this record can never pass: dead letter, go on
    │   └── BlobMissing what the record refers to is not in the blob store
    └── Misconfigured   we are wrong: stop the worker, move no offset

A *no* is no error: a refused command is the event ``CommandAnswered``, an
infected mail is the event ``MailQuarantined``.
"""


class MailError(Exception):
    """Base of all errors that this service raises on purpose."""


class Retryable(MailError):
    """A dependency is out of reach or asked us to slow down.

    Attributes:
        after_s: Seconds the dependency asked us to wait, if it said so.
        outage: The dependency as a whole is down, so that every record would
            fail alike: the engine waits without using up attempts and buries nothing.
    """

    def __init__(self, reason: str, *, after_s: float | None = None, outage: bool = False) -> None:
        super().__init__(reason)
        self.after_s = after_s
        self.outage = outage


class NoSpace(Retryable):
    """The log reached its limit or the disk is nearly full.

    Senders are told to come back: 452 4.3.1 by SMTP, 507 by HTTP.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason, outage=True)


class Poison(MailError):
    """The record is undecodable, of an unknown version, or breaks an invariant."""


class BlobMissing(Poison):
    """The blob store does not hold what the record refers to."""


class Misconfigured(MailError):
    """A setting or the wiring is wrong; found at start, never per record."""
