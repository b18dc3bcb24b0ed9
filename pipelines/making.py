"""One part of made-up mail: a file, a folder, or a session of SMTP.

The same part is the same bytes on every machine. It has its name when it is whole.
"""
# pyright: reportUnknownMemberType=false
# Beam types its file systems only in part.

import hashlib
import smtplib
import time
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import msgspec
from apache_beam.io.filesystems import FileSystems

from pipelines.running import count, make_folder
from pipelines.synthetic import MadeUp, MailProfile, mails
from topologies.events import Filing
from topologies.mail import ids, mbox_writing

ANSWERED_WITHIN_S = 60.0


class Generated(msgspec.Struct, frozen=True, kw_only=True):
    """What a job came to.

    Attributes:
        there_already: Parts that an earlier job had made.
        refused: Mails that the server did not take.
        scripts: Mails by the script of their text.
    """

    mails: int = 0
    bytes: int = 0
    parts: int = 0
    there_already: int = 0
    refused: int = 0
    scripts: dict[str, int] = {}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made.

    Attributes:
        rate: Mails a second that each worker sends at most; 0: as many as are taken.
    """

    mails: int
    per_part: int
    seed: int
    recipients: tuple[str, ...]
    profile: MailProfile
    form: Literal["mbox", "eml", "smtp"]
    output: str = ""
    host: str = ""
    port: int = 25
    rate: float = 0

    @property
    def parts(self) -> int:
        """How many."""
        return -(-self.mails // self.per_part)

    def of(self, part: int) -> Iterator[MadeUp]:
        """Yield the mails of *part*."""
        how_many = min(self.per_part, self.mails - part * self.per_part)
        return mails(
            self.profile, seed=self.seed, part=part, count=how_many, recipients=self.recipients
        )

    def path(self, part: int) -> str:
        """Return the file, or the folder, of *part*; no other job's parts are called so."""
        job = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, output="")))
        name = f"{self.output}/mail-{job.hexdigest()[:8]}-{part:05d}-of-{self.parts:05d}"
        return f"{name}.mbox" if self.form == "mbox" else name


def made(part: int, wanted: Wanted) -> Generated:
    """Make one part, and return what it came to.

    Raises:
        OSError: It can't be written, or the server is out of reach.
    """
    if wanted.form == "smtp":
        return _sent(part, wanted)
    path = wanted.path(part)
    if FileSystems.exists(path):
        return Generated(there_already=1)
    return _as_mbox(part, wanted) if wanted.form == "mbox" else _as_files(part, wanted)


def _as_mbox(part: int, wanted: Wanted) -> Generated:
    path = wanted.path(part)
    tally = _Tally()
    make_folder(wanted.output)
    with FileSystems.create(f"{path}.part") as file:
        for mail in wanted.of(part):
            file.write(
                mbox_writing.written(
                    mail.raw,
                    email_id=ids.derived_id(mail.sent_at, mail.message_id),
                    sender=mail.mail_from,
                    stored_at=mail.sent_at,
                    filing=Filing(folder="inbox"),
                )
            )
            tally.add(mail)
    FileSystems.rename([f"{path}.part"], [path])
    return tally.told()


def _as_files(part: int, wanted: Wanted) -> Generated:
    folder = wanted.path(part)
    tally = _Tally()
    beside = f"{folder}.part"
    if FileSystems.exists(beside):
        FileSystems.delete([beside])  # what a job that was cut off has left
    FileSystems.mkdirs(beside)
    for number, mail in enumerate(wanted.of(part)):
        with FileSystems.create(f"{beside}/{number:06d}.eml", "message/rfc822") as file:
            file.write(mail.raw)
        tally.add(mail)
    FileSystems.rename([beside], [folder])
    return tally.told()


def _sent(part: int, wanted: Wanted) -> Generated:
    tally = _Tally()
    refused = 0
    began = time.monotonic()
    with smtplib.SMTP(wanted.host, wanted.port, timeout=ANSWERED_WITHIN_S) as server:
        for number, mail in enumerate(wanted.of(part)):
            if wanted.rate:
                time.sleep(max(0.0, began + number / wanted.rate - time.monotonic()))
            try:
                server.sendmail(mail.mail_from, list(mail.recipients), mail.raw)
            except smtplib.SMTPResponseException:
                refused += 1
            except smtplib.SMTPRecipientsRefused:
                refused += 1
            else:
                tally.add(mail)
    return tally.told(refused=refused)


class _Tally:
    """What a part comes to while it is made."""

    def __init__(self) -> None:
        self._mails = self._bytes = 0
        self._scripts: Counter[str] = Counter()

    def add(self, mail: MadeUp) -> None:
        self._mails += 1
        self._bytes += len(mail.raw)
        self._scripts[mail.script] += 1
        count()

    def told(self, *, refused: int = 0) -> Generated:
        return Generated(
            mails=self._mails,
            bytes=self._bytes,
            parts=1,
            refused=refused,
            scripts=dict(self._scripts),
        )
