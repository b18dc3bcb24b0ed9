"""Several processes that take mail at the same ports, started and watched by the service.

What they share is on disk: they append to the same log, and look up the same users. Each has its
own sockets, which are kept here, so that clients wait rather than fail while one is started
again. A process that dies takes with it the sessions that it had; what it said `250` to is
durable. When the service dies, its processes see that at once, end what is under way, and leave
the ports to the next.
"""

import asyncio
import contextlib
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

from connectors.settings import Settings
from connectors.smtp_in.channel import LINE_BYTES, Failed, Figures, Lines, Ready
from connectors.smtp_in.listening import Ports, Sockets, bound_for_each, close_all, port_of
from connectors.smtp_in.server import GRACE_S, ports_of
from topologies.errors import Misconfigured

SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.1, 10.0  # before one is started again
STEADY_AFTER_S = 60.0  # one that ran so long begins with the shortest wait again
TRIES_TO_START = 3  # where it is killed before it could say anything
END_WITHIN_S = GRACE_S + 3.0

_logger = structlog.get_logger("smtp")


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told at its start, on standard input.

    Attributes:
        sockets: Descriptors it was given, by the setting of their port.
        channel: The descriptor by which it speaks to us.
    """

    settings: Settings
    sockets: dict[str, list[int]]
    channel: int


class SmtpProcess:
    """One of them, started again whenever it ends, until it is stopped."""

    def __init__(
        self,
        number: int,
        command: Sequence[str],
        settings: Settings,
        sockets: Sockets,
        on_append: Callable[[], None],
    ) -> None:
        """Start nothing yet."""
        self.number = number
        self.sessions = 0
        self.restarts = 0
        self._answers: Mapping[str, int] = {}  # of the one that runs
        self._answers_before = Counter[str]()  # of those that ran before
        self.is_ready = False
        self.pid = 0  # while it runs
        self._command = command
        self._settings = settings
        self._sockets = sockets
        self._on_append = on_append
        self._process: subprocess.Popen[bytes] | None = None
        self._first = asyncio.get_running_loop().create_future()  # it takes mail, or never will
        self._failure = ""
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"smtp-{number}")

    @property
    def answers(self) -> Mapping[str, int]:
        """What it answered, by codes, as far as was told; it never becomes less."""
        return self._answers_before + Counter(self._answers)

    async def started(self) -> None:
        """Return when it takes mail for the first time.

        Raises:
            Misconfigured: It never will.
        """
        await asyncio.wait({self._task, self._first}, return_when="FIRST_COMPLETED")
        if not self._first.done():
            self._task.result()

    async def close(self) -> None:
        """End it in order, or without when that takes too long."""
        self._stopping.set()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        _, late = await asyncio.wait({self._task}, timeout=END_WITHIN_S)
        for task in late:
            _logger.warning("smtp.process-hangs", process=self.number)
            task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        wait_s = SHORTEST_WAIT_S
        while True:
            began = time.monotonic()
            status = await self._once()
            if self._stopping.is_set():
                return
            was_killed = status < 0 and self.restarts < TRIES_TO_START
            if not self._first.done() and not was_killed:
                raise Misconfigured(
                    self._failure or f"a process that takes mail ended at once, status {status}"
                )
            if time.monotonic() - began > STEADY_AFTER_S:
                wait_s = SHORTEST_WAIT_S
            _logger.warning(
                "smtp.process-ended",
                process=self.number,
                status=status,
                reason=self._failure,
                again_in_s=wait_s,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._stopping.wait()
                    return
            self.restarts += 1
            wait_s = min(LONGEST_WAIT_S, 2 * wait_s)

    async def _once(self) -> int:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        task = Task(
            settings=self._settings,
            sockets={name: [s.fileno() for s in each] for name, each in self._sockets.items()},
            channel=theirs.fileno(),
        )
        given = [theirs.fileno(), *(n for each in task.sockets.values() for n in each)]
        with ours:
            ours.setblocking(False)
            try:
                with theirs:
                    process = _started(self._command, given)
            except OSError as error:  # no memory, or too many processes: perhaps not for ever
                self._failure = f"can't start {self._command[0]}: {error}"
                return 1
            ended = _end_of(process, loop)
            self._process, self.pid = process, process.pid
            if self._stopping.is_set():
                process.terminate()
            lines = Lines()
            loop.add_reader(ours, self._hear, ours, lines)
            try:
                _tell(process, msgspec.json.encode(task))
                return await asyncio.shield(ended)
            except asyncio.CancelledError:
                process.kill()
                await ended
                raise
            finally:
                self._hear(ours, lines)  # its last words
                loop.remove_reader(ours)
                self._process, self.pid, self.sessions, self.is_ready = None, 0, 0, False
                self._answers_before.update(self._answers)
                self._answers = {}

    def _hear(self, channel: socket.socket, lines: Lines) -> None:
        try:
            piece = channel.recv(LINE_BYTES)
        except OSError:
            return
        if not piece:
            asyncio.get_running_loop().remove_reader(channel)
            return
        is_appended, words = lines.feed(piece)
        for word in words:
            match word:
                case Ready():
                    self.is_ready = True
                    self._failure = ""
                    if not self._first.done():
                        self._first.set_result(None)
                case Failed(reason):
                    self._failure = reason
                case Figures():
                    self.sessions = word.sessions
                    self._answers = word.answers
        if is_appended:
            self._on_append()


def _started(command: Sequence[str], given: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start *command*, which takes milliseconds; it keeps the descriptors that are *given*."""
    return subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=given)  # noqa: S603  ours


def _tell(process: subprocess.Popen[bytes], task: bytes) -> None:
    """Write *task*, which a pipe holds whole, so that nobody waits for its reader."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(task)


def _end_of(
    process: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop
) -> asyncio.Future[int]:
    """Return what will be the status of *process*.

    Waited for in a thread of its own: a loop's own watch may miss one that is killed in the
    moment in which it starts, and would wait for its end for ever.
    """
    ended: asyncio.Future[int] = loop.create_future()

    def tell(status: int) -> None:
        if not ended.done():
            ended.set_result(status)

    def wait() -> None:
        status = process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(tell, status)

    threading.Thread(target=wait, name=f"wait-{process.pid}", daemon=True).start()
    return ended


class SmtpProcesses(Ports):
    """All of them, as one that takes mail."""

    def __init__(
        self, settings: Settings, command: Sequence[str], on_append: Callable[[], None]
    ) -> None:
        """Prepare; nothing is opened before ``start``.

        Args:
            settings: ``smtp_processes`` tells how many.
            command: Starts one, which reads a ``Task`` from its standard input.
            on_append: Called when one may have appended something to the log.
        """
        self._settings = settings
        self._command = command
        self._on_append = on_append
        self._sockets: dict[str, Sequence[Sequence[socket.socket]]] = {}
        self._processes: list[SmtpProcess] = []

    @property
    def sessions(self) -> int:
        """How many clients are here now, as far as was told."""
        return sum(process.sessions for process in self._processes)

    @property
    def processes(self) -> Sequence[SmtpProcess]:
        """Each of them."""
        return self._processes

    @property
    def trouble(self) -> str:
        """Why some who knock must wait; empty if nobody has to."""
        missing = [str(each.number) for each in self._processes if not each.is_ready]
        return f"SMTP process {', '.join(missing)} is being started again" if missing else ""

    async def start(self) -> None:
        """Take mail from now on.

        Raises:
            Misconfigured: A port is taken, or a process can't do its work as it is set up.
        """
        settings = self._settings
        try:
            for setting, port in ports_of(settings).items():
                self._sockets[setting] = await bound_for_each(
                    settings, setting, port, settings.smtp_processes
                )
            for number in range(settings.smtp_processes):
                sockets = {setting: each[number] for setting, each in self._sockets.items()}
                self._processes.append(
                    SmtpProcess(number + 1, self._command, settings, sockets, self._on_append)
                )
            for process in self._processes:
                await process.started()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Take no more: open sessions are told 421, once the message they bring is answered."""
        sockets, self._sockets = self._sockets, {}
        processes, self._processes = self._processes, []
        for each in sockets.values():
            for of_one in each:
                close_all(of_one)
        await asyncio.gather(*(process.close() for process in processes))

    def _port(self, setting: str) -> int:
        return port_of(self._sockets[setting][0]) if setting in self._sockets else 0
