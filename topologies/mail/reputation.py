"""What a sender's domain was like lately: counts by the hour, and what they say of its next mail.

Pure. Counts of the last ``HOURS`` hours are kept; they say little until there are ``FEWEST``, and
never more than ``MOST`` in log-odds: what stands in a mail says more than who sent others.
"""

import math
from collections.abc import Mapping
from datetime import datetime

from topologies.ports.reputations import Reputation

HOURS = 24
FEWEST = 10
MOST = 1.5  # log-odds

Hours = Mapping[int, tuple[int, int]]  # hours since 1970 → mails, bad ones


def counted(hours: Hours, at: datetime, *, is_bad: bool) -> dict[int, tuple[int, int]]:
    """Return *hours* with one mail more, without what is older than the window."""
    hour = int(at.timestamp()) // 3600
    newest = max(hour, max(hours, default=hour))
    kept = {each: counts for each, counts in hours.items() if each > newest - HOURS}
    if hour > newest - HOURS:
        mails, bad = kept.get(hour, (0, 0))
        kept[hour] = (mails + 1, bad + is_bad)
    return kept


def total(hours: Hours, now: datetime) -> Reputation:
    """Return the counts of the window that ends at *now*."""
    oldest = int(now.timestamp()) // 3600 - HOURS
    within = [counts for hour, counts in hours.items() if hour > oldest]
    return Reputation(mails=sum(m for m, _ in within), bad=sum(b for _, b in within))


def log_odds(known: Reputation | None) -> float:
    """Return what *known* adds to the log-odds of spam: between -MOST and MOST."""
    if known is None or known.mails < FEWEST:
        return 0.0
    share = (known.bad + 1) / (known.mails + 2)
    return max(-MOST, min(MOST, 0.5 * math.log(share / (1 - share))))


def weighed(probability: float, by: float) -> float:
    """Return *probability* with *by* added to its log-odds."""
    if not by or not 0 < probability < 1:
        return probability
    odds = probability * math.exp(by)  # not by way of the logarithm, whose way back may overflow
    return min(1.0, odds / (odds + 1 - probability))  # rounding may carry it beyond


def user_key(user_id: str) -> str:
    """Return under what mails that a user of ours sends are counted: no domain is called so."""
    return f"user:{user_id}"
