"""Postfix and Dovecot as a peer: SMTP → queue → LMTP → Maildir, full-text index by Xapian.

An instance of its own: configuration, queue and mail in a folder given, loopback ports only;
an installed and running Postfix is not touched. Written after postconf(5), master(5),
Dovecot 2.3's manual and the README of fts-xapian. Needs root, as both systems change users.
"""

import contextlib
import imaplib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from bench.mails import DOMAIN

INSTALL = "apt-get install postfix dovecot-imapd dovecot-lmtpd dovecot-fts-xapian"
DOVECOT = Path("/usr/sbin/dovecot")
FTS_PLUGIN = "lib21_fts_xapian_plugin.so"
MAIL_USER, MAIL_GROUP = "nobody", "nogroup"
PASSWORD = "of-no-secret"
START_TIMEOUT_S = 20
DELIVERIES = 20  # at once; Postfix's own default for one destination

DOVECOT_CONF = """\
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot
log_path = {folder}/dovecot.log
info_log_path = /dev/null
listen = 127.0.0.1
protocols = imap lmtp
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
{index}
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
"""

# Its defaults: every part of 3 to 20 characters of each word can be found, which costs far
# more than whole words and their beginnings.
INDEX_CONF = """\
mail_plugins = fts fts_xapian
plugin {
  fts = xapian
  fts_xapian = partial=3 full=20 verbose=0
  fts_autoindex = yes
  fts_enforced = yes
}
service indexer-worker {
  vsz_limit = 2G
}
"""


class PostfixDovecot:
    """A running pair."""

    def __init__(
        self,
        folder: Path,
        smtp_port: int,
        imap_port: int,
        pids: Sequence[int],
        *,
        is_indexed: bool,
    ) -> None:
        self.name = "postfix-dovecot" + ("-fts" if is_indexed else "")
        index = "Xapian index of all parts of words" if is_indexed else "no index"
        self.meaning = f"{versions()}: queue fsynced before 250, LMTP to Maildir, {index}"
        self._is_indexed = is_indexed
        self._folder = folder
        self._imap_port = imap_port
        self.smtp_port = smtp_port
        self.pids = pids

    def stored(self) -> int:
        """Return how many files lie in all Maildirs."""
        mail = self._folder / "mail"
        return sum(1 for place in ("new", "cur") for _ in mail.glob(f"*/Maildir/{place}/*"))

    def found(self, recipients: Sequence[str], word: str) -> int | None:
        """Return what IMAP searches find: with fts_enforced they wait for the index."""
        if not self._is_indexed:
            return None
        found = 0
        for recipient in recipients:
            with imaplib.IMAP4("127.0.0.1", self._imap_port, timeout=120) as client:
                client.login(recipient, PASSWORD)
                client.select("INBOX", readonly=True)
                _, [numbers] = client.search(None, "BODY", word)
                found += len((numbers or b"").split())
        return found


def why_not() -> str:
    """Return why it can't run here; empty if it can."""
    if not DOVECOT.exists() or shutil.which("postconf", path=_path()) is None or not _fts():
        return f"postfix-dovecot: not measured, as it is not installed: {INSTALL}"
    if os.geteuid() != 0:
        return "postfix-dovecot: not measured, as it can be started by root only"
    version = _output([str(DOVECOT), "--version"])
    if not version.startswith("2.3."):
        return f"postfix-dovecot: not measured, as this is written for Dovecot 2.3, not {version}"
    return ""


def versions() -> str:
    """Return which versions are measured."""
    dovecot = _output([str(DOVECOT), "--version"]).split()[0]
    return f"Postfix {_output(['postconf', '-dh', 'mail_version'])}, Dovecot {dovecot}"


@contextlib.contextmanager
def running(folder: Path, *, is_indexed: bool) -> Generator[PostfixDovecot]:
    """Run both with everything they write in *folder*, which other users must be able to enter.

    Args:
        folder: An empty folder.
        is_indexed: Mails are indexed as they arrive, so that their texts can be searched.

    Raises:
        TimeoutError: One of them did not start; its log, in *folder*, says why.
    """
    smtp_port, imap_port = _free_port(), _free_port()
    _configure_dovecot(folder, imap_port, INDEX_CONF if is_indexed else "")
    _configure_postfix(folder, smtp_port)
    dovecot = [str(DOVECOT), "-F", "-c", str(folder / "dovecot.conf")]
    etc = str(folder / "postfix/etc")
    _output(["postfix", "-c", etc, "check"])  # makes the queue's folders
    # `postfix start-fg` would stand between: what ends when we end it must be the master.
    postfix = [f"{_output(['postconf', '-dh', 'daemon_directory'])}/master", "-s", "-c", etc]
    with contextlib.ExitStack() as started:
        log = started.enter_context((folder / "start.log").open("w"))
        pids = [started.enter_context(_process(command, log)) for command in (dovecot, postfix)]
        for port in (imap_port, smtp_port):
            _wait_for(port)
        yield PostfixDovecot(folder, smtp_port, imap_port, pids, is_indexed=is_indexed)


def _configure_dovecot(folder: Path, imap_port: int, index: str) -> None:
    (folder / "dovecot").mkdir()
    mail = folder / "mail"
    mail.mkdir()
    shutil.chown(mail, MAIL_USER, MAIL_GROUP)
    (folder / "dovecot.conf").write_text(
        DOVECOT_CONF.format(
            folder=folder,
            imap_port=imap_port,
            user=MAIL_USER,
            group=MAIL_GROUP,
            password=PASSWORD,
            index=index,
        )
    )


def _configure_postfix(folder: Path, smtp_port: int) -> None:
    own = folder / "postfix"
    etc = own / "etc"
    for name in ("etc", "queue", "data"):
        (own / name).mkdir(parents=True)
    shutil.chown(own / "data", "postfix")
    daemons = _output(["postconf", "-dh", "daemon_directory"])
    meta = _output(["postconf", "-dh", "meta_directory"])
    main: Mapping[str, object] = {
        "compatibility_level": "3.6",
        "myhostname": f"mx.{DOMAIN}",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "queue_directory": own / "queue",
        "data_directory": own / "data",
        "daemon_directory": daemons,
        "meta_directory": meta,
        "maillog_file": folder / "postfix.log",
        "maillog_file_prefixes": folder,
        # Who is served: one domain, everybody in it, by Dovecot.
        "mydestination": "",
        "local_recipient_maps": "",
        "alias_maps": "",
        "alias_database": "",
        "virtual_mailbox_domains": DOMAIN,
        "virtual_mailbox_maps": "static:any",
        "virtual_transport": f"lmtp:unix:{folder}/dovecot/lmtp",
        "mynetworks": "127.0.0.0/8",
        "smtpd_recipient_restrictions": "permit_mynetworks, reject",
        # As fast as it goes: no DNS, no TLS, no limit on one client.
        "smtp_dns_support_level": "disabled",
        "smtpd_peername_lookup": "no",
        "smtpd_tls_security_level": "none",
        "smtpd_client_connection_count_limit": 0,
        "default_destination_concurrency_limit": DELIVERIES,
        "lmtp_destination_concurrency_limit": DELIVERIES,
        "initial_destination_concurrency": DELIVERIES,
        "message_size_limit": 60_000_000,
    }
    (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in main.items()))
    # Type, private, unprivileged, chroot, wakeup, processes, command: see master(5).
    (etc / "master.cf").write_text(
        f"127.0.0.1:{smtp_port} inet n - n - - smtpd\n"
        "pickup unix n - n 60 1 pickup\n"
        "cleanup unix n - n - 0 cleanup\n"
        "qmgr unix n - n 300 1 qmgr\n"
        "tlsmgr unix - - n 1000? 1 tlsmgr\n"
        "rewrite unix - - n - - trivial-rewrite\n"
        "bounce unix - - n - 0 bounce\n"
        "defer unix - - n - 0 bounce\n"
        "trace unix - - n - 0 bounce\n"
        "verify unix - - n - 1 verify\n"
        "flush unix n - n 1000? 0 flush\n"
        "proxymap unix - - n - - proxymap\n"
        "proxywrite unix - - n - 1 proxymap\n"
        "smtp unix - - n - - smtp\n"
        "relay unix - - n - - smtp\n"
        "showq unix n - n - - showq\n"
        "error unix - - n - - error\n"
        "retry unix - - n - - error\n"
        "discard unix - - n - - discard\n"
        "virtual unix - n n - - virtual\n"
        f"lmtp unix - - n - {DELIVERIES} lmtp\n"
        "anvil unix - - n - 1 anvil\n"
        "scache unix - - n - 1 scache\n"
        "postlog unix-dgram n - n - 1 postlogd\n"
    )


@contextlib.contextmanager
def _process(command: Sequence[str], log: TextIO) -> Generator[int]:
    environment = {**os.environ, "PATH": _path()}
    with subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
    ) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing answers on port {port}") from None
            time.sleep(0.1)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _fts() -> bool:
    return any(Path("/usr/lib/dovecot").glob(f"**/{FTS_PLUGIN}"))


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _output(command: Sequence[str]) -> str:
    environment = {**os.environ, "PATH": _path()}
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment
    ).stdout.strip()
