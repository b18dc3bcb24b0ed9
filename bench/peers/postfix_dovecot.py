"""Postfix and Dovecot as a peer: SMTP → queue → LMTP → Maildir, full-text index by Xapian.

An instance of its own: configuration, queue and mail in a folder given, loopback ports only;
an installed and running Postfix is not touched. Written after postconf(5), master(5),
Dovecot 2.3's manual and the README of fts-xapian. Needs root, as both systems change users.
"""

import contextlib
import imaplib
import os
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path

from bench.mails import DOMAIN
from bench.peers import postfix

INSTALL = "apt-get install postfix dovecot-imapd dovecot-lmtpd dovecot-fts-xapian"
DOVECOT = Path("/usr/sbin/dovecot")
FTS_PLUGIN = "lib21_fts_xapian_plugin.so"
MAIL_USER, MAIL_GROUP = "nobody", "nogroup"
PASSWORD = "of-no-secret"
LONGEST_PART = 20  # characters; the default of fts-xapian

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
plugin {{
  fts = xapian
  fts_xapian = partial=3 full={full} verbose=0
  fts_autoindex = yes
  fts_enforced = yes
}}
service indexer-worker {{
  vsz_limit = 2G
}}
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
    if not DOVECOT.exists() or not postfix.is_installed() or not has_index():
        return f"postfix-dovecot: not measured, as it is not installed: {INSTALL}"
    if os.geteuid() != 0:
        return "postfix-dovecot: not measured, as it can be started by root only"
    version = postfix.output([str(DOVECOT), "--version"])
    if not version.startswith("2.3."):
        return f"postfix-dovecot: not measured, as this is written for Dovecot 2.3, not {version}"
    return ""


def versions() -> str:
    """Return which versions are measured."""
    dovecot = postfix.output([str(DOVECOT), "--version"]).split()[0]
    return f"Postfix {postfix.version()}, Dovecot {dovecot}"


@contextlib.contextmanager
def running(folder: Path, *, is_indexed: bool) -> Generator[PostfixDovecot]:
    """Run both with everything they write in *folder*, which other users must be able to enter.

    Args:
        folder: An empty folder.
        is_indexed: Mails are indexed as they arrive, so that their texts can be searched.

    Raises:
        TimeoutError: One of them did not start; its log, in *folder*, says why.
    """
    imap_port = postfix.free_port()
    configure(folder, imap_port, is_indexed=is_indexed)
    dovecot = [str(DOVECOT), "-F", "-c", str(folder / "dovecot.conf")]
    with contextlib.ExitStack() as started:
        log = started.enter_context((folder / "start.log").open("a"))
        pid = started.enter_context(postfix.process(dovecot, log))
        postfix.wait_for(imap_port)
        # Who is served: one domain, everybody in it, by Dovecot.
        own = {
            "virtual_mailbox_domains": DOMAIN,
            "virtual_mailbox_maps": "static:any",
            "virtual_transport": f"lmtp:unix:{folder}/dovecot/lmtp",
        }
        smtp_port, master = started.enter_context(postfix.running(folder, own))
        yield PostfixDovecot(folder, smtp_port, imap_port, [pid, master], is_indexed=is_indexed)


def configure(
    folder: Path,
    imap_port: int,
    more: str = "",
    *,
    is_indexed: bool = True,
    longest_part: int = LONGEST_PART,
) -> None:
    """Write the configuration of a Dovecot in *folder*, and make its folders.

    Args:
        folder: Holds all that it reads and writes.
        imap_port: Where it is to listen.
        more: Goes at the configuration's end.
        is_indexed: Texts can be searched.
        longest_part: Characters of the longest part of a word that is indexed besides the word.
    """
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
            index=INDEX_CONF.format(full=longest_part) if is_indexed else "",
        )
        + more
    )


def has_index() -> bool:
    """Tell whether the full-text plugin is installed."""
    return any(Path("/usr/lib/dovecot").glob(f"**/{FTS_PLUGIN}"))
