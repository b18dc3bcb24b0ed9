"""A Postfix of its own: configuration, queue and log in a folder given, loopback ports only.

An installed and running Postfix is not touched. Written after postconf(5) and master(5). Needs
root, as Postfix changes users.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

INSTALL = "apt-get install postfix"
START_TIMEOUT_S = 20
DELIVERIES = 20  # at once; Postfix's own default for one destination


def is_installed() -> bool:
    """Tell whether there is a Postfix here."""
    return shutil.which("postconf", path=_path()) is not None


def version() -> str:
    """Return which Postfix it is."""
    return output(["postconf", "-dh", "mail_version"])


@contextlib.contextmanager
def running(folder: Path, own: Mapping[str, object]) -> Generator[tuple[int, int]]:
    """Run a Postfix; yield the port that it takes mail at, and the id of its process.

    Args:
        folder: An empty one, which other users must be able to enter.
        own: Settings of main.cf that are not as here.

    Raises:
        TimeoutError: It did not start; its log, in *folder*, says why.
    """
    port = free_port()
    etc = _configure(folder, port, own)
    output(["postfix", "-c", str(etc), "check"])  # makes the queue's folders
    # `postfix start-fg` would stand between: what ends when we end it must be the master.
    master = [f"{output(['postconf', '-dh', 'daemon_directory'])}/master", "-s", "-c", str(etc)]
    with (folder / "start.log").open("a") as log, process(master, log) as pid:
        wait_for(port)
        yield port, pid


def _configure(folder: Path, smtp_port: int, own: Mapping[str, object]) -> Path:
    home = folder / "postfix"
    etc = home / "etc"
    for name in ("etc", "queue", "data"):
        (home / name).mkdir(parents=True)
    shutil.chown(home / "data", "postfix")
    daemons = output(["postconf", "-dh", "daemon_directory"])
    meta = output(["postconf", "-dh", "meta_directory"])
    main: Mapping[str, object] = {
        "compatibility_level": "3.6",
        "myhostname": "postfix.example",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "queue_directory": home / "queue",
        "data_directory": home / "data",
        "daemon_directory": daemons,
        "meta_directory": meta,
        "maillog_file": folder / "postfix.log",
        "maillog_file_prefixes": folder,
        "mydestination": "",
        "local_recipient_maps": "",
        "alias_maps": "",
        "alias_database": "",
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
        **own,
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
    return etc


@contextlib.contextmanager
def process(command: Sequence[str], log: TextIO) -> Generator[int]:
    """Run *command* while inside; yield the id of its process."""
    environment = {**os.environ, "PATH": _path()}
    with subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
    ) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    """Return when something answers at *port*.

    Raises:
        TimeoutError: Nothing does.
    """
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


def free_port() -> int:
    """Return a port that nothing uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def output(command: Sequence[str]) -> str:
    """Return what *command* prints, without space around it."""
    environment = {**os.environ, "PATH": _path()}
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment
    ).stdout.strip()
