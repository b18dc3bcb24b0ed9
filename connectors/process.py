"""How each process of ours runs: ports it can't have, its logs, what becomes of memory it had."""

import contextlib
import ctypes
import errno
import gc
import logging
import os
import socket
import sys
from pathlib import Path

import msgspec
import structlog

from connectors.settings import PREFIX, Settings
from topologies.errors import Misconfigured

STDERR = 2  # the highest number of the three streams
LARGE_MEMORY_BYTES = 256 * 1024
_M_MMAP_THRESHOLD = -3  # of mallopt(3)


def give_back_large_memory() -> None:
    """Let what held a large mail go back to the system, where the C library can be told so.

    glibc raises its threshold with each large piece that is freed, up to 32 MiB, and keeps what
    is smaller: a few mails of 25 MB would stay resident for ever. A fixed threshold does not rise.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_MEMORY_BYTES)


def pass_over_the_program() -> None:
    """Let the garbage collector look no more at what there is now, which stays for good.

    Modules and stores are some 100,000 objects. To look through them takes 40 ms, more on a busy
    machine, in which nobody is answered; and that happens whenever enough that is new has lasted.
    """
    gc.collect()
    gc.freeze()


def open_standard_streams() -> None:
    """Let standard streams that whoever started us has closed lead nowhere.

    Else the next socket takes the number of one, here and in the processes that are started,
    and what is written there goes to a stranger; uvloop ends a process that closes it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(number, True)
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  it stays


def not_listening(
    protocol: str, host: str, setting: str, port: int, error: OSError
) -> Misconfigured:
    """Return what is wrong with the settings if *port*, which *setting* names, can't be used."""
    # asyncio puts more words into its own text than are needed here.
    number = error.errno or 0
    reason = os.strerror(number) if number > 0 else error.strerror or str(error)
    is_of_host = number == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror)
    advice = (
        f"let {PREFIX}HOST name an address of this machine's, 0.0.0.0 for all"
        if is_of_host
        else f"let {PREFIX}{setting.upper()} name a free port, or 0 for any"
    )
    return Misconfigured(f"{protocol} can't listen on {host}:{port} ({reason}): {advice}")


def configure_logs(settings: Settings) -> None:
    """Log to standard error: JSON, one line for each record, unless it is a terminal."""
    is_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer()
            if is_terminal
            else structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
        if is_terminal
        else structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)  # what libraries have to say


def _json(value: object, **_: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=repr)
