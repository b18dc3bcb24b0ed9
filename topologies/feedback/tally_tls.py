"""Tally TLS: what connections to a domain's hosts came to is counted, for its owner (RFC 8460).

Reads `delivery.outcomes`; keeps in ``Summaries`` what an attempt saw of the TLS of hosts whose
domain asks for reports. Writes the `SummaryDue` that ends the day, if that began it. Reports
themselves are not counted, or two systems would report on their reports for ever.
"""

from collections.abc import Sequence

from topologies.errors import Retryable
from topologies.events import DeliveryAttempted, Event
from topologies.events.summary import SummaryDue
from topologies.mail import report_uris, summarizing, tls_report_write
from topologies.ports.dns import Resolver
from topologies.ports.policy import SummaryPolicy
from topologies.ports.summaries import Summaries, Window
from topologies.stage import stage


@stage(reads=DeliveryAttempted, writes=[SummaryDue])
async def tally_tls(
    attempted: DeliveryAttempted, *, summaries: Summaries, dns: Resolver, policy: SummaryPolicy
) -> Sequence[Event]:
    """Return what ends the day of the domain, if this began it."""
    if not policy.tells_tls or attempted.kind == "report" or attempted.is_late:
        return []
    if attempted.destination.startswith("["):  # an address has no owner to ask
        return []
    facts = tls_report_write.facts_of(attempted)
    if not facts or not await _is_asked_for(attempted.destination, dns):
        return []
    day = summarizing.day_of(attempted.attempted_at)
    window = Window(kind="tls", domain=attempted.destination, day=day)
    return [summarizing.due(window)] if await summaries.gather(window, facts) else []


async def _is_asked_for(domain: str, dns: Resolver) -> bool:
    try:
        return bool(report_uris.of_tls(await dns.txt(f"_smtp._tls.{domain}")))
    except Retryable:
        return True  # it is asked again when the day has ended
