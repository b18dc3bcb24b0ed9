"""What the HTTP API tells about how a mail was judged, as JSON."""

from api.shapes import Out
from api.shapes_emails import AuthenticationOut, FindingOut


class ContributionOut(Out, frozen=True, kw_only=True):
    """One thing in the mail, and what it weighed."""

    feature: str  # as the model knows it
    meaning: str  # in words; empty if there are none for it
    weight: float  # log-odds: above 0 it speaks for spam


class VerdictOut(Out, frozen=True, kw_only=True):
    """How a mail was judged, and what weighed how much.

    ``start``, the contributions, ``others``, ``by_sender`` and ``by_reports`` add up to the
    log-odds of ``probability``, as long as ``is_same_model``.
    """

    email_id: str
    is_judged: bool  # sent, imported and drafted mail is not
    is_spam: bool  # what was decided when it came; `folder_id` of the mail says where it is now
    probability: float | None
    threshold: float | None  # from this probability on it is spam
    is_disowned: bool  # DMARC failed and the domain's owner asks not to deliver it: spam at once
    model: str  # that judged it
    is_same_model: bool  # the contributions are of that model; else of the one in use now
    start: float  # log-odds of an empty mail
    contributions: tuple[ContributionOut, ...]  # the loudest first, for spam and against it
    others: float  # what all that is not listed adds up to
    by_sender: float  # what the sender's reputation added
    by_reports: float  # what your own reports added
    reasons: tuple[str, ...]
    authentication: AuthenticationOut | None
    findings: tuple[FindingOut, ...]  # of the virus scanner
    note: str
