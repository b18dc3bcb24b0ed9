"""Mail of all kinds, as people and test suites wrote it, comes in and can be read.

On the cluster a part of it, taken evenly: what a part shows there is that both profiles keep
mail alike, the whole is read by the same stages on the embedded one.
"""

import hashlib
import re
import smtplib
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.place import ANN, Person, Place, quarantined
from tests.process import eventually

pytestmark = [pytest.mark.process, pytest.mark.corpus]

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
IN_TIME_S = 120.0
LISTS_EVERY, TORTURE_EVERY = 12, 8  # of which one goes to the cluster
IMPORTED = 300

_HAS_NAME = re.compile(rb"^message-id[ \t]*:", re.IGNORECASE | re.MULTILINE)


def test_every_message_of_two_mailing_lists_is_kept_and_given_back_byte_for_byte(
    place: Place, tmp_path: Path
) -> None:
    raws = [raw for path in _lists(tmp_path) for raw, _ in _messages_of(path)]
    assert len(raws) == 3_748 + 1_993
    part = raws[::LISTS_EVERY] if place.is_cluster else raws
    _all_accounted_for(place, part, refused_at_most=0)


def test_every_message_of_the_torture_set_is_kept_or_refused_with_a_reason(
    place: Place, tmp_path: Path
) -> None:
    folder = _unpacked("torture-dev.tar.xz", tmp_path)
    paths = sorted(folder.rglob("*.eml"))
    assert len(paths) == 1_805
    part = paths[::TORTURE_EVERY] if place.is_cluster else paths
    _all_accounted_for(place, [path.read_bytes() for path in part], refused_at_most=20)


def test_a_mailing_list_is_imported_threaded_and_found(place: Place, tmp_path: Path) -> None:
    bo = place.person("bo")
    [_, path] = _lists(tmp_path)
    messages = list(_messages_of(path))[:IMPORTED]
    mbox = tmp_path / "part.mbox"
    mbox.write_bytes(b"".join(start + b"\n" + raw + b"\n" for raw, start in messages))
    done = place.told("import", str(mbox), "--user", bo.address, "--wait", str(IN_TIME_S))
    assert (done["added"], done["not_seen_yet"], done["refused"]) == (IMPORTED, 0, [])

    lines = bo.emails()
    kept = Counter(_digest(bo.raw(line["email_id"])) for line in lines)
    assert kept == Counter(_digest(_as_sent(_unquoted(raw))) for raw, _ in messages)
    mails = [bo.get(f"/emails/{line['email_id']}") for line in lines]
    threads = {mail["message_id"]: mail["thread_id"] for mail in mails}
    answers = [
        (mail["thread_id"], threads[answered])
        for mail in mails
        for answered in mail["in_reply_to"]
        if answered in threads
    ]
    assert len(answers) > IMPORTED / 4
    assert [pair for pair in answers if pair[0] != pair[1]] == []

    [(writer, times)] = Counter(line["from"]["address"] for line in lines).most_common(1)
    eventually(lambda: _found(bo, f"from:{writer}"), lambda found: len(found) == times, IN_TIME_S)
    assert {line["from"]["address"] for line in _found(bo, f"from:{writer}")} == {writer}


def _all_accounted_for(place: Place, raws: Sequence[bytes], *, refused_at_most: int) -> None:
    bo, root = place.person("bo"), place.person("root", "--admin")
    dead_before = root.get("/admin/dead-letters", limit=500)["dead_letters"]
    eventually(lambda: place.refusals(b"Subject: first\r\n\r\n", [bo.address]), lambda no: not no)
    [first] = bo.awaited()
    bo.client.delete(f"/emails/{first['email_id']}", params={"permanent": True})
    accepted: Counter[str] = Counter()
    refused: list[str] = []
    with smtplib.SMTP("127.0.0.1", place.service.smtp_port, timeout=60) as client:
        for raw in raws:
            try:
                client.sendmail(ANN, [bo.address], _as_sent(raw))
            except smtplib.SMTPDataError as error:
                refused.append(f"{error.smtp_code} {error.smtp_error.decode()}")
            else:
                digest = _digest(_as_sent(raw))
                # What is the same to the letter came again (RFC 1047), if it has a name.
                accepted[digest] = 1 if _HAS_NAME.search(_header(raw)) else accepted[digest] + 1
    assert len(refused) <= refused_at_most, refused
    assert [reply for reply in refused if not re.match(r"55\d 5\.\d\.\d+ \w", reply)] == []
    kept = eventually(
        lambda: bo.count("inbox", "spam") + len(quarantined(root, bo.address)),
        lambda found: found == accepted.total(),
        IN_TIME_S,
    )
    assert kept == accepted.total()
    assert root.get("/admin/dead-letters", limit=500)["dead_letters"] == dead_before
    assert Counter(_digest(raw) for raw in _kept(bo, root)) == accepted


def _header(raw: bytes) -> bytes:
    return _as_sent(raw).partition(b"\r\n\r\n")[0]


def _kept(bo: Person, root: Person) -> Iterator[bytes]:
    """Yield the raw message of every mail in the mailbox and the quarantine."""
    for folder_id in ("inbox", "spam"):
        for line in bo.emails(folder_id):
            yield bo.raw(line["email_id"])
    for email_id in quarantined(root, bo.address):
        yield root.client.get(f"/admin/quarantine/{email_id}/raw").content


def _found(person: Person, query: str) -> list[dict[str, Any]]:
    return person.get("/emails/search", query=query, limit=500)["emails"]


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _as_sent(raw: bytes) -> bytes:
    """Return *raw* with the line ends that SMTP knows."""
    sent = re.sub(rb"\r\n|\n|\r", b"\r\n", raw)
    return sent if sent.endswith(b"\r\n") else sent + b"\r\n"


def _unquoted(raw: bytes) -> bytes:
    """Return *raw* without what an mbox puts before lines that begin with From."""
    return re.sub(rb"(?m)^>(?=>*From )", b"", raw)


def _lists(folder: Path) -> Iterable[Path]:
    return sorted((_unpacked("vectors.tar.xz", folder) / "vectors" / "mbox").glob("*.mbox"))


def _messages_of(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield each message of an mbox and the line before it."""
    start = re.compile(rb"^From \S+.* \d\d:\d\d:\d\d \d{4}$")
    begun = b""
    lines: list[bytes] = []
    for line in path.read_bytes().split(b"\n"):
        if start.match(line):
            if lines:
                yield b"\n".join(lines), begun
            begun, lines = line, []
        else:
            lines.append(line)
    yield b"\n".join(lines), begun


def _unpacked(name: str, folder: Path) -> Path:
    packed = CORPORA / name
    if not packed.exists():
        pytest.skip(f"{name} is not there: it belongs in ../shared/corpora")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder
