"""A Dovecot of a test's own: everything it writes in a folder given, loopback ports only.

An installed and running Dovecot is not touched. Written after Dovecot 2.3's manual. Needs root,
as Dovecot changes users.
"""

import contextlib
import imaplib
import json
import os
import shutil
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

from bench.peers import postfix
from tests.outbound.certificates import made

DOVECOT = Path("/usr/sbin/dovecot")
HOST = "localhost"
LOGIN, PASSWORD, TOKEN = "bo", "sécret", "ya29.of-bo"

_CONF = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
info_log_path = /dev/null
listen = 127.0.0.1
protocols = imap
ssl = yes
ssl_cert = <{pem}
ssl_key = <{key}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    special_use = \\Junk
    auto = create
  }}
}}
auth_mechanisms = plain {mechanism}
passdb {{
  driver = oauth2
  mechanisms = {mechanism}
  args = {folder}/tokens.conf
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
  }}
}}
"""

_TOKENS = """\
introspection_mode = post
introspection_url = http://127.0.0.1:{port}/
username_attribute = username
active_attribute = active
active_value = true
"""


class _Introspection(BaseHTTPRequestHandler):
    """Says whose a token is (RFC 7662)."""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        is_active = form.get("token") == [TOKEN]
        body = json.dumps({"active": is_active, "username": LOGIN} if is_active else {})
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep quiet."""


@dataclass(frozen=True)
class Dovecot:
    """A running one."""

    port: int
    ca_file: str

    @contextlib.contextmanager
    def client(self) -> Generator[imaplib.IMAP4_SSL]:
        """A client that may change everything."""
        context = ssl.create_default_context(cafile=self.ca_file)
        with imaplib.IMAP4_SSL(HOST, self.port, ssl_context=context, timeout=60) as client:
            client.authenticate("PLAIN", lambda _: f"\0{LOGIN}\0{PASSWORD}".encode())
            yield client


def why_not() -> str:
    """Return why it can't run here; empty if it can."""
    if not DOVECOT.exists():
        return "needs dovecot-imapd"
    if os.geteuid() != 0:
        return "needs root, to start Dovecot"
    version = postfix.output([str(DOVECOT), "--version"])
    return "" if version.startswith("2.3.") else f"is written for Dovecot 2.3, not {version}"


@contextlib.contextmanager
def running(folder: Path, mechanism: str = "oauthbearer") -> Generator[Dovecot]:
    """Run one in *folder*, which is empty and which other users may enter.

    *mechanism* is the one by which it takes ``TOKEN``, besides the password.
    """
    port = postfix.free_port()
    certificate = made(folder, HOST)
    (folder / "run").mkdir()
    mail = folder / "mail"
    mail.mkdir()
    shutil.chown(mail, "nobody", "nogroup")
    values = {"pem": certificate.pem, "key": certificate.key, "password": PASSWORD}
    (folder / "dovecot.conf").write_text(
        _CONF.format(folder=folder, port=port, mechanism=mechanism, **values)
    )
    command = [str(DOVECOT), "-F", "-c", str(folder / "dovecot.conf")]
    with (
        HTTPServer(("127.0.0.1", 0), _Introspection) as tokens,
        (folder / "start.log").open("a") as log,
    ):
        (folder / "tokens.conf").write_text(_TOKENS.format(port=tokens.server_port))
        thread = Thread(target=tokens.serve_forever)
        thread.start()
        try:
            with postfix.process(command, log):
                postfix.wait_for(port)
                yield Dovecot(port, certificate.pem)
        finally:
            tokens.shutdown()
            thread.join()
