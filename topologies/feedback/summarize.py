"""Summarize: when a day has ended, the owner of a domain is told what was seen of it.

Reads `summaries.due`; until the time has come, or who wants to be told can't be asked, writes it to
a topic whose records wait. Then the facts of that day are closed for good, and become one report:
a mail, as `MailOutgoing`, or `MailReceived` where its recipient is here, with an id that is
derived from domain and day, so that a replay sends no second one; and for each URL one
`SummaryDue`, by which it is posted. That it was posted is noted at once: only a crash between the
answer and that moment posts it again, with the same report id.
"""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from topologies.errors import Retryable
from topologies.events import RAW_INLINE_BYTES, Event, MailOutgoing, MailReceived
from topologies.events.summary import SummaryDue, SummaryLater4h, SummaryLater30m
from topologies.mail import (
    aggregate,
    dmarc,
    dmarc_report_write,
    ids,
    report_mail,
    report_uris,
    summarizing,
    tls_report_write,
)
from topologies.mail.report_uris import ReportUri
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory
from topologies.ports.dns import Resolver
from topologies.ports.messenger import Messenger, NotNow
from topologies.ports.policy import SummaryPolicy
from topologies.ports.summaries import Summaries
from topologies.stage import stage

AGAIN_AFTER = timedelta(minutes=30)
_TYPE = "application/tlsrpt+gzip"  # RFC 8460 §5.4


@stage(
    reads=SummaryDue,
    writes=[SummaryDue, SummaryLater30m, SummaryLater4h, MailOutgoing, MailReceived],
    timeout=timedelta(minutes=10),  # a day may have many facts
)
async def summarize(
    due: SummaryDue,
    *,
    summaries: Summaries,
    dns: Resolver,
    directory: Directory,
    blobs: Blobs,
    messenger: Messenger,
    clock: Clock,
    policy: SummaryPolicy,
) -> Sequence[Event]:
    """Return the report, or what asks for it later."""
    if not (policy.tells_tls if due.kind == "tls" else policy.tells_dmarc):
        return []
    left = due.due_at - clock.now()
    if left > timedelta():
        return [summarizing.later(due, left)]
    if due.to:
        return await _posted(due, summaries, directory, messenger, policy)
    try:
        wanted = await _wanted(due, dns)
    except Retryable:
        return _again(due)
    if not wanted:
        return []
    content = await _content(due, summaries, directory, policy)
    if not content:
        return []
    addresses = [
        uri.address
        for uri in wanted
        if uri.address and (not uri.most_bytes or len(content) <= uri.most_bytes)
    ]
    posts = [
        SummaryDue(kind=due.kind, domain=due.domain, day=due.day, due_at=due.due_at, to=uri.url)
        for uri in wanted
        if uri.url
    ]
    return [*await _mails(due, content, addresses, directory, blobs, policy), *posts]


async def _wanted(due: SummaryDue, dns: Resolver) -> Sequence[ReportUri]:
    """Return where the domain's owner wants the report, as the DNS says now.

    Raises:
        Retryable: It can't be told.
    """
    if due.kind == "tls":
        return report_uris.of_tls(await dns.txt(f"_smtp._tls.{due.domain}"))
    records = [r for r in await dns.txt(f"_dmarc.{due.domain}") if dmarc.is_record(r)]
    try:
        rua = dmarc.parse(records[0], due.domain).rua if len(records) == 1 else ""
    except dmarc.DmarcSyntaxError:
        return []
    return [
        uri
        for uri in report_uris.of_dmarc(rua)
        if not report_uris.is_external(uri, due.domain)
        # RFC 7489 §7.1: or anybody could have reports sent to anybody.
        or report_uris.is_consent(await dns.txt(report_uris.consent_name(uri, due.domain)))
    ]


async def _content(
    due: SummaryDue, summaries: Summaries, directory: Directory, policy: SummaryPolicy
) -> bytes:
    """Return the report, packed; empty: there is nothing to tell."""
    window = summarizing.window_of(due)
    counts = await summaries.close(window)
    if not counts:
        return b""
    heading = summarizing.heading(window, await _sender(directory, policy))
    write = tls_report_write.write if due.kind == "tls" else dmarc_report_write.write
    return report_mail.packed(write(heading, counts))


async def _sender(directory: Directory, policy: SummaryPolicy) -> str:
    """Return who reports: somebody at a domain of ours, whose keys sign it."""
    if policy.sender:
        return policy.sender
    domain = await aggregate.domain_of(policy.hostname, directory)
    return aggregate.report_address(domain or policy.hostname)


async def _mails(
    due: SummaryDue,
    content: bytes,
    addresses: Sequence[str],
    directory: Directory,
    blobs: Blobs,
    policy: SummaryPolicy,
) -> Sequence[Event]:
    """Return the mail to those who asked, as each is reached; it has no reverse-path."""
    here: list[str] = []
    elsewhere: list[str] = []
    for address in addresses:
        status = (await directory.resolve(address)).status
        (here if status in ("local", "unknown") else elsewhere).append(address)
    if not addresses:
        return []
    heading = summarizing.heading(summarizing.window_of(due), await _sender(directory, policy))
    raw = report_mail.build(heading, content, to=addresses, at=due.due_at)
    [blob] = [None] if len(raw) <= RAW_INLINE_BYTES else await blobs.put([raw])
    mail_id, inline = summarizing.mail_id(due), raw if blob is None else None
    events: list[Event] = []
    if here:
        events.append(
            MailReceived(
                mail_id=ids.local_id(due.due_at, mail_id),
                received_at=due.due_at,
                origin="local",
                mail_from="",
                recipients=tuple(here),
                size_bytes=len(raw),
                raw=inline,
                raw_blob=blob,
            )
        )
    if elsewhere:
        events.append(
            MailOutgoing(
                mail_id=mail_id,
                submitted_at=due.due_at,
                mail_from="",
                recipients=tuple(elsewhere),
                size_bytes=len(raw),
                raw=inline,
                raw_blob=blob,
                kind="report",
                body_type="7BIT",
            )
        )
    return events


async def _posted(
    due: SummaryDue,
    summaries: Summaries,
    directory: Directory,
    messenger: Messenger,
    policy: SummaryPolicy,
) -> Sequence[Event]:
    """Post the report, unless that was done; return what asks for it again if it was not taken."""
    window = summarizing.window_of(due)
    async with messenger.turn(f"{due.key} {due.day} {due.to}"):
        if await summaries.is_told(window, due.to):
            return []
        content = await _content(due, summaries, directory, policy)
        if not content:
            return []
        host = urlsplit(due.to).hostname or due.to
        reply = await messenger.post(host, due.to, {"content-type": _TYPE}, content)
        if isinstance(reply, NotNow) or not 200 <= reply.status < 300:
            return _again(due)
        await summaries.tell(window, due.to)
        return []


def _again(due: SummaryDue) -> Sequence[Event]:
    """Return *due* for later, if it was not for long enough in vain (RFC 8460 §5.5)."""
    if due.tries >= summarizing.MOST_TRIES:
        return []
    return [summarizing.later(due, AGAIN_AFTER, tries=due.tries + 1)]
