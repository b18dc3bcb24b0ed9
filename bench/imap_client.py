"""One IMAP connection that costs the client next to nothing (RFC 9051, as far as is asked here).

Sends a command and reads to its tagged answer; what is between is counted and kept as bytes.
"""

import re
import socket
from typing import Self

TIMEOUT_S = 600  # a first look at a large folder takes long
_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


class ImapClient:
    """Asks one server, command by command, on one connection."""

    def __init__(self, port: int, user: str, password: str) -> None:
        """Connect to *port* of this machine, and sign in."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb", buffering=1 << 18)
        self._number = 0
        self._line()
        self.ask(f"LOGIN {user} {password}")

    def ask(self, command: str) -> bytes:
        """Return all that is answered to *command*.

        Raises:
            RuntimeError: It is answered with NO or BAD.
        """
        self._number += 1
        tag = b"a%d " % self._number
        self._socket.sendall(tag + command.encode() + b"\r\n")
        told: list[bytes] = []
        while not (line := self._line()).startswith(tag):
            told.append(line)
        if not line.startswith(tag + b"OK"):
            raise RuntimeError(f"{command}: {line.decode(errors='replace').strip()}")
        return b"".join(told)

    def idle(self) -> None:
        """Begin to listen (RFC 2177); ``told`` says what comes, ``done`` ends it."""
        self._number += 1
        self._socket.sendall(b"a%d IDLE\r\n" % self._number)
        while not self._line().startswith(b"+"):
            pass

    def told(self, word: bytes, within_s: float) -> bool:
        """Return whether a line with *word* comes in time, while listening."""
        self._socket.settimeout(within_s)
        try:
            while word not in self._line():
                pass
        except TimeoutError:
            # The reader keeps nothing of a line that was cut off: a fresh one goes on.
            self._file = self._socket.makefile("rb", buffering=1 << 18)
            return False
        finally:
            self._socket.settimeout(TIMEOUT_S)
        return True

    def done(self) -> None:
        """End ``idle``."""
        self._socket.sendall(b"DONE\r\n")
        while not self._line().startswith(b"a%d " % self._number):
            pass

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _line(self) -> bytes:
        """Return the next line, with the literals in it."""
        line = self._file.readline()
        while literal := _LITERAL.search(line):
            line += self._file.read(int(literal[1])) + self._file.readline()
        if not line:
            raise RuntimeError("the server closed the connection")
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
