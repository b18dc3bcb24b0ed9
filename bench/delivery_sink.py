"""Where deliveries go: an SMTP server in a process of its own that takes all mail and keeps none.

    python -m bench.delivery_sink PORT

It listens on all of 127/8; whoever comes to ``SILENT`` is never greeted. ``COUNT`` in its standard
input is answered by the number of messages taken.
"""

import asyncio
import sys
from typing import cast

import uvloop

SILENT = "127.9.9.9"
_EHLO = b"250-sink.example\r\n250-PIPELINING\r\n250-SIZE 60000000\r\n250 8BITMIME\r\n"


class Sink:
    """How many it took."""

    taken = 0


class Connection(asyncio.Protocol):
    """One client. It looks at nothing but verbs, and at the end of a message."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._data = bytearray()
        self._is_message = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, unless nobody is to be greeted there."""
        self._transport = cast("asyncio.Transport", transport)
        if transport.get_extra_info("sockname")[0] != SILENT:
            self._transport.write(b"220 sink.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        self._data += data
        answers: list[bytes] = []
        while True:
            end = b"\r\n.\r\n" if self._is_message else b"\r\n"
            at = self._data.find(end)
            if at < 0:
                break
            verb = b"." if self._is_message else bytes(self._data[:4]).upper()
            del self._data[: at + len(end)]
            self._is_message = verb == b"DATA"
            self._sink.taken += verb == b"."
            answers.append(
                {b"EHLO": _EHLO, b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(
                    verb, b"250 2.0.0 fine\r\n"
                )
            )
        self._transport.write(b"".join(answers))


async def serve(port: int) -> None:
    """Serve until the standard input ends."""
    sink, loop = Sink(), asyncio.get_running_loop()
    await loop.create_server(lambda: Connection(sink), "0.0.0.0", port, backlog=1024)
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(sink.taken, flush=True)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
