"""Mail of all kinds, as people and test suites wrote it, goes in by SMTP and can be read."""

import hashlib
import re
import smtplib
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.process import RunningService, emails_of, eventually

pytestmark = [pytest.mark.process, pytest.mark.corpus]

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"


def test_every_message_of_two_mailing_lists_is_kept_and_given_back_byte_for_byte(
    service: RunningService, tmp_path: Path
) -> None:
    folder = _unpacked("vectors.tar.xz", tmp_path)
    lists = sorted((folder / "vectors" / "mbox").glob("*.mbox"))
    raws = [raw for path in lists for raw in _messages_of(path)]
    assert len(raws) == 3_748 + 1_993
    _all_accounted_for(service, raws, refused_at_most=0)


def test_every_message_of_the_torture_set_is_kept_or_refused_with_a_reason(
    service: RunningService, tmp_path: Path
) -> None:
    folder = _unpacked("torture-dev.tar.xz", tmp_path)
    raws = [path.read_bytes() for path in sorted(folder.rglob("*.eml"))]
    assert len(raws) == 1_805
    _all_accounted_for(service, raws, refused_at_most=20)


def _all_accounted_for(
    service: RunningService, raws: Sequence[bytes], *, refused_at_most: int
) -> None:
    accepted: Counter[str] = Counter()
    refused: list[str] = []
    with smtplib.SMTP("127.0.0.1", service.smtp_port, timeout=60) as client:
        for raw in raws:
            try:
                client.sendmail("ann@far.example", [service.users[0][0]], _as_sent(raw))
            except smtplib.SMTPDataError as error:
                refused.append(f"{error.smtp_code} {error.smtp_error.decode()}")
            else:
                accepted[_digest(_as_sent(raw))] += 1
    assert len(refused) <= refused_at_most, refused
    assert [reply for reply in refused if not re.match(r"55\d 5\.\d\.\d+ \w", reply)] == []
    admin = service.signed_in(0)
    total = accepted.total()
    kept = eventually(lambda: _kept(admin), lambda found: len(found) == total, 120)
    assert admin.get("/admin/dead-letters").json()["dead_letters"] == []
    assert Counter(_digest(_raw(admin, path)) for path in kept) == accepted


def _kept(admin: httpx.Client) -> list[str]:
    """Return the path of the raw message of every mail in the mailbox and the quarantine."""
    own = [mail for folder in ("inbox", "spam") for mail in emails_of(admin, folder)]
    quarantined = admin.get("/admin/quarantine", params={"limit": 500}).json()["emails"]
    return [f"/emails/{mail['email_id']}/raw" for mail in own] + [
        f"/admin/quarantine/{mail['email_id']}/raw" for mail in quarantined
    ]


def _raw(client: httpx.Client, path: str) -> bytes:
    answer = client.get(path)
    answer.raise_for_status()
    return answer.content


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _as_sent(raw: bytes) -> bytes:
    """Return *raw* with the line ends that SMTP knows."""
    sent = re.sub(rb"\r\n|\n|\r", b"\r\n", raw)
    return sent if sent.endswith(b"\r\n") else sent + b"\r\n"


def _messages_of(path: Path) -> Iterator[bytes]:
    start = re.compile(rb"^From \S+.* \d\d:\d\d:\d\d \d{4}$")
    lines: list[bytes] = []
    for line in path.read_bytes().split(b"\n"):
        if start.match(line):
            if lines:
                yield b"\n".join(lines)
            lines = []
        else:
            lines.append(line)
    yield b"\n".join(lines)


def _unpacked(name: str, folder: Path) -> Path:
    packed = CORPORA / name
    if not packed.exists():
        pytest.skip(f"{name} is not there: it belongs in ../shared/corpora")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder
