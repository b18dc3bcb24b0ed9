"""Scan: look for malware in a mail and in all that it carries.

Reads `mail.authenticated`; writes `mail.scanned`. The raw message is scanned, and what a scanner
does not find in it while it is encoded: the decoded text and each attachment. Every part has
a say: one infected part makes the mail infected, else one that could not be scanned makes it
unscannable. What follows from that is decided by `route`.
"""

from collections.abc import AsyncIterator, Sequence

from topologies.events import Event, MailAuthenticated, MailScanned, VirusVerdict
from topologies.events.inbound import grow
from topologies.mail.raw import read_raw
from topologies.ports.antivirus import Antivirus
from topologies.ports.blobs import Blobs
from topologies.stage import stage

CLEAN = VirusVerdict(result="clean")
UNLISTED = VirusVerdict(result="unscannable", name="too many parts")


@stage(reads=MailAuthenticated, writes=[MailScanned])
async def scan(mail: MailAuthenticated, *, antivirus: Antivirus, blobs: Blobs) -> Sequence[Event]:
    """Return the mail with what was found in it."""
    worst = UNLISTED if mail.message.truncated else CLEAN
    async for content, file_name in _contents(mail, blobs):
        verdict = await antivirus.scan(content, file_name=file_name)
        if verdict.result == "infected":
            worst = _in_part(verdict, file_name)
            break
        if verdict.result == "unscannable" and worst.result == "clean":
            worst = _in_part(verdict, file_name)
    return [grow(mail, MailScanned, virus=worst)]


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


def _in_part(verdict: VirusVerdict, file_name: str) -> VirusVerdict:
    part = "/".join(filter(None, (file_name, verdict.part)))
    return VirusVerdict(result=verdict.result, name=verdict.name, part=part)
