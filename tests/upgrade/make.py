"""Make what an upgrade is tested with: what the release of this checkout wrote.

Run it once for a release, and keep the files beside the others, for ever: a data folder, and what a
cluster left in its engines, which `servers/up` started and the settings name::

    python -m tests.upgrade.make tests/upgrade/2026-11-26.tar.xz
    python -m tests.upgrade.make tests/upgrade/2026-11-26.cluster.tar.xz

The service is killed while mail waits to be worked on, so that events of that release are read by
those to come. What must be found later lies in `expected.json` in it.
"""

import hashlib
import json
import sys
import tarfile
import tempfile
from contextlib import ExitStack
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx

from connectors.settings import load
from tests.live.engines import cluster_settings
from tests.process import RunningCluster, RunningService, emails_of, eventually
from tests.upgrade import engines

CLUSTER = ".cluster.tar.xz"
FOLDERS = ("inbox", "sent", "trash", "spam", "drafts")
WAITING = 12  # mails that are accepted and, most of them, not worked on when it is killed


def main(target: Path) -> None:
    """Let a service, or a cluster, work for a while, kill it, and pack what it leaves."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as opened:
        folder = Path(place) / "data"
        if not target.name.endswith(CLUSTER):
            told = worked(RunningService(folder))
        else:
            folder.mkdir()
            settings = opened.enter_context(cluster_settings())
            told = worked(RunningCluster(Path(place) / "cluster", settings))
            engines.take(load(settings), folder)
        (folder / "expected.json").write_text(json.dumps(told, indent=2, ensure_ascii=False))
        with tarfile.open(target, "w:xz") as archive:
            archive.add(folder, arcname="data", filter=nameless)


def worked(service: RunningService) -> dict[str, Any]:
    """Let *service* work for a while and kill it; return what must be found of it."""
    with service:
        seen = lived(service)
        waiting = [f"waiting {number}" for number in range(WAITING)]
        for subject in waiting:
            service.send(message(subject), [service.users[0][0]])
        service.power_cut()
        return {"users": service.users, "mails": seen, "waiting": waiting}


def lived(service: RunningService) -> list[dict[str, Any]]:
    """Let two people use it; return what is in the mailbox of the first then."""
    alice, bob = service.signed_in(0), service.signed_in(1)
    to = service.users[0][0]
    for raw in messages():
        service.send(raw, [to])
    mails = eventually(lambda: emails_of(alice), lambda found: len(found) == len(messages()))
    by_subject = {mail["subject"]: mail["email_id"] for mail in mails}
    made = alice.post("/folders", json={"name": "Journeys"})
    made.raise_for_status()
    for subject, change in (
        ("The lake", {"is_starred": True, "is_read": True}),
        ("湖の写真", {"is_read": True}),
        ("A ticket", {"folder_id": made.json()["folder_id"]}),
        ("Not needed", {"folder_id": "trash"}),
    ):
        path = f"/emails/{by_subject[subject]}"
        eventually(
            lambda path=path, change=change: alice.patch(path, json=change).status_code,
            lambda status: status == 200,
        )
    sent = {"to": [service.users[1][0]], "subject": "See you there", "body": "At nine."}
    assert alice.post("/emails/send", json=sent).status_code == 202
    eventually(lambda: emails_of(bob), bool)
    eventually(lambda: emails_of(alice, "sent"), bool)
    return in_mailbox(alice)


def in_mailbox(client: httpx.Client) -> list[dict[str, Any]]:
    """Return of every mail what no release may change."""
    found: list[dict[str, Any]] = []
    names = {f["folder_id"]: f["name"] for f in client.get("/folders").json()}
    for folder_id in (*FOLDERS, *(set(names) - set(FOLDERS))):
        for line in emails_of(client, folder_id):
            path = f"/emails/{line['email_id']}"
            mail = client.get(path).json()
            raw = client.get(f"{path}/raw")
            raw.raise_for_status()
            found.append(
                {
                    "email_id": line["email_id"],
                    "thread_id": mail["thread_id"],
                    "folder": names.get(folder_id, folder_id),
                    "subject": line["subject"],
                    "body": mail["body"][:80],
                    "is_read": line["is_read"],
                    "is_starred": line["is_starred"],
                    "attachments": [each["file_name"] for each in mail["attachments"]],
                    "raw": hashlib.sha256(raw.content).hexdigest(),
                }
            )
    return sorted(found, key=lambda mail: str(mail["email_id"]))


def messages() -> list[bytes]:
    """Return one message of each kind that is kept in a way of its own."""
    with_file = EmailMessage()
    with_file["From"], with_file["Subject"] = "Ann <ann@far.example>", "A ticket"
    with_file["Message-ID"] = "<ticket@far.example>"
    with_file.set_content("It is attached.\n")
    with_file.add_attachment(b"%PDF-1.4 no more\n", "application", "pdf", filename="tïcket.pdf")
    return [
        message("The lake", message_id="lake"),
        message("Re: The lake", message_id="lake-2", answers="lake"),
        message("Re: Re: The lake", message_id="lake-3", answers="lake-2"),
        message("湖の写真", text="写真を送ります。"),
        message("Not needed"),
        message("A long one", text="line after line of it\r\n" * 30_000),  # a blob of its own
        with_file.as_bytes().replace(b"\n", b"\r\n"),
    ]


def message(
    subject: str, *, text: str = "Hello.", message_id: str = "", answers: str = ""
) -> bytes:
    """Return a message from Ann."""
    head = [
        "From: Ann <ann@far.example>",
        f"Subject: {subject}",
        f"Message-ID: <{message_id or hashlib.md5(subject.encode()).hexdigest()}@far.example>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]
    if answers:
        head += [f"In-Reply-To: <{answers}@far.example>", f"References: <{answers}@far.example>"]
    return "\r\n".join([*head, "", text, ""]).encode()


def nameless(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return *entry* as nobody's in particular."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main(Path(sys.argv[1]))
