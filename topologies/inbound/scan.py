"""Scan: look for malware in a mail and in all that it carries, and decide what follows.

Reads `mail.authenticated`; writes `mail.scanned`. The raw message is scanned, and what a scanner
does not find in it while it is encoded: the decoded text and each attachment. Every part has
a say. The policy names an action for each kind of finding, and the strictest counts; `route`
only carries it out. A mail that an administrator let out of the quarantine is not looked at
again: it is tagged with what it was kept for.
"""

from collections.abc import AsyncIterator, Sequence

from topologies.events import (
    Event,
    Finding,
    MailAuthenticated,
    MailScanned,
    Release,
    VirusVerdict,
)
from topologies.events.inbound import grow
from topologies.mail import malware
from topologies.mail.raw import read_raw
from topologies.ports.antivirus import Antivirus
from topologies.ports.blobs import Blobs
from topologies.ports.policy import MalwarePolicy
from topologies.stage import stage

UNLISTED = Finding(kind="unscannable", name="too many parts")


@stage(reads=MailAuthenticated, writes=[MailScanned])
async def scan(
    mail: MailAuthenticated, *, antivirus: Antivirus, blobs: Blobs, policy: MalwarePolicy
) -> Sequence[Event]:
    """Return the mail with what was found in it, and what follows."""
    if mail.released is not None:
        return [grow(mail, MailScanned, virus=_released(mail.released))]
    found = [UNLISTED] if mail.message.truncated else []
    async for content, file_name in _contents(mail, blobs):
        verdict = await antivirus.scan(content, file_name=file_name)
        found += [malware.in_part(finding, file_name) for finding in malware.findings_of(verdict)]
        if any(finding.kind in malware.ENDING for finding in found):
            break
    return [grow(mail, MailScanned, virus=malware.decided(found, policy))]


async def _contents(mail: MailAuthenticated, blobs: Blobs) -> AsyncIterator[tuple[bytes, str]]:
    """Yield what to scan, with its file name: one after the other, since they may be large."""
    message = mail.message
    yield (mail.raw if mail.raw is not None else await read_raw(blobs, mail.raw_ref)), ""
    for text, blob in ((message.text, message.text_blob), (message.html, message.html_blob)):
        if blob is not None:
            yield await blobs.get(blob), ""
        elif text:
            yield text.encode(), ""
    seen: set[tuple[str, str]] = set()  # the same file twice needs one look
    for attachment in message.attachments:
        part = (attachment.blob, attachment.file_name)
        if part not in seen:
            seen.add(part)
            yield await blobs.get(attachment.blob), attachment.file_name


def _released(release: Release) -> VirusVerdict:
    # Clean, since somebody looked: its sender's name shall not suffer again.
    return VirusVerdict(result="clean", findings=release.findings, action="tag")
