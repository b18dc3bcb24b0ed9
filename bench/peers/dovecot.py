"""Dovecot alone as a peer: IMAP on a Maildir with a full-text index by Xapian, mail by LMTP.

An instance of its own, configured as beside Postfix (``postfix_dovecot``) but for a port of LMTP.
The Maildir is filled file by file, as Dovecot would write it.
"""

import contextlib
import os
import random
import shutil
import smtplib
import subprocess
from collections.abc import Generator
from pathlib import Path

from bench.fill import APART
from bench.mails import BEGIN, message_id, paragraphs, person, subject
from bench.peers import postfix, postfix_dovecot
from bench.peers.postfix_dovecot import DOVECOT, MAIL_GROUP, MAIL_USER, PASSWORD
from bench.progress import Progress

# Whole words, and parts of 3 and 4 characters, which it can't do without: all parts, as it does by
# default, take four times as long, which are hours for 100,000 mails.
LONGEST_PART = 4
LMTP_CONF = """
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
mail_max_userip_connections = 100
"""


class Dovecot:
    """A running Dovecot."""

    def __init__(self, folder: Path, imap_port: int, lmtp_port: int) -> None:
        self.imap_port = imap_port
        self._folder = folder
        self._lmtp_port = lmtp_port

    def index(self, user: str) -> None:
        """Bring indexes and the full-text index of *user* up to date."""
        command = [
            _doveadm(),
            "-c",
            str(self._folder / "dovecot.conf"),
            "index",
            "-u",
            user,
            "INBOX",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"doveadm index: {done.stderr[-500:]}")

    def deliver(self, user: str, raw: bytes) -> None:
        """Hand a mail over by LMTP; returns at its 250."""
        with smtplib.LMTP("127.0.0.1", self._lmtp_port, timeout=60) as client:
            client.sendmail("ann@news.example", [user], raw)


def why_not() -> str:
    """Return why it can't run here; empty if it can."""
    if not DOVECOT.exists() or not postfix_dovecot.has_index() or not _doveadm():
        needs = "apt-get install dovecot-imapd dovecot-lmtpd dovecot-fts-xapian"
        return f"dovecot: not measured, as it is not installed: {needs}"
    if os.geteuid() != 0:
        return "dovecot: not measured, as it can be started by root only"
    version = postfix.output([str(DOVECOT), "--version"])
    if not version.startswith("2.3."):
        return f"dovecot: not measured, as this is written for 2.3, not {version}"
    return ""


def version() -> str:
    """Return which Dovecot it is."""
    return postfix.output([str(DOVECOT), "--version"]).split()[0]


@contextlib.contextmanager
def running(folder: Path) -> Generator[Dovecot]:
    """Run it with everything that it writes in *folder*, which other users must be able to enter.

    Raises:
        TimeoutError: It did not start; its log, in *folder*, says why.
    """
    imap_port, lmtp_port = postfix.free_port(), postfix.free_port()
    postfix_dovecot.configure(
        folder, imap_port, LMTP_CONF.format(port=lmtp_port), longest_part=LONGEST_PART
    )
    command = [str(DOVECOT), "-F", "-c", str(folder / "dovecot.conf")]
    with (folder / "start.log").open("a") as log, postfix.process(command, log):
        postfix.wait_for(imap_port)
        postfix.wait_for(lmtp_port)
        yield Dovecot(folder, imap_port, lmtp_port)


def fill(folder: Path, user: str, count: int, size_bytes: int, progress: Progress) -> None:
    """Put the mails that ``bench.fill`` makes into the Maildir of *user*."""
    maildir = folder / "mail" / user.partition("@")[0] / "Maildir"
    for name in ("tmp", "new", "cur"):
        (maildir / name).mkdir(parents=True)
    with progress.step(f"Filling a Maildir of {count}", count) as advance:
        for number in range(count):
            raw = raw_of(number, user, size_bytes)
            at = BEGIN + number * APART
            seen = "S" if number % 5 > 0 else ""
            sizes = f"S={len(raw)},W={len(raw) + raw.count(bytes([10]))}"
            name = f"{int(at.timestamp())}.M{number}P1.bench,{sizes}:2,{seen}"
            (maildir / "cur" / name).write_bytes(raw)
            advance()
    for path in (maildir.parent, maildir, *(maildir / name for name in ("tmp", "new", "cur"))):
        shutil.chown(path, MAIL_USER, MAIL_GROUP)


def raw_of(number: int, user: str, size_bytes: int) -> bytes:
    """Return mail *number* as a file of a Maildir: what ``bench.fill`` stores, as text."""
    draw = random.Random(number)
    name, address = person(number)
    lines = paragraphs(draw, number, size_bytes - 800)
    return (
        f"From: {name.encode('ascii', 'replace').decode()} <{address}>\nTo: <{user}>\n"
        f"Subject: {subject(draw, number).encode('ascii', 'replace').decode()}\n"
        f"Date: {BEGIN + number * APART:%a, %d %b %Y %H:%M:%S +0000}\n"
        f"Message-ID: <{message_id(number)}>\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n\n" + "\n\n".join(lines) + "\n"
    ).encode()


def _doveadm() -> str:
    return shutil.which("doveadm") or ""


__all__ = ["PASSWORD", "Dovecot", "fill", "raw_of", "running", "version", "why_not"]
