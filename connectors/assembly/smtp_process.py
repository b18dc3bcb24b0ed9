"""A process of the embedded profile that takes mail beside the service, which starts it.

Reads a ``Task`` from standard input and listens at the sockets that it was given; appends
`mail.received` to the log in the data folder. It ends when it is told to (SIGTERM), and when the
service is gone. Loads what it needs and no more: neither stages nor the API.
"""

import asyncio
import signal
import socket
import sys
from contextlib import ExitStack
from dataclasses import dataclass

import msgspec
import uvloop

from connectors.assembly.data_folder import DataFolder
from connectors.assembly.edge import acceptance_of
from connectors.assembly.tracers import tracer_of
from connectors.dns.resolver import DnsResolver
from connectors.files.url_key import FileUrlKey
from connectors.memory.clock import SystemClock
from connectors.process import configure_logs, give_back_large_memory
from connectors.settings import Settings
from connectors.sign_in import SignIns
from connectors.smtp_in.channel import Failed, Figures, Ready, ToService
from connectors.smtp_in.processes import END_WITHIN_S, Task
from connectors.smtp_in.server import SmtpIn
from connectors.sqlite.app_passwords import SqliteAppPasswords
from connectors.sqlite.directory import SqliteDirectory
from connectors.sqlite.restraints import SqliteRestraints
from connectors.sqlite.second_factors import SqliteSecondFactors
from topologies.errors import Misconfigured
from topologies.ports.clock import Clock
from topologies.ports.limits import Limits
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.restraints import Restraints
from topologies.ports.tracer import Tracer

COMMAND = (sys.executable, "-m", "connectors.assembly.smtp_process")
FIGURES_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorStores:
    """What is looked into before a mail is accepted."""

    clock: Clock
    directory: SqliteDirectory
    mailboxes: Mailboxes
    limits: Limits
    restraints: Restraints
    url_key: FileUrlKey


async def serve(task: Task) -> None:
    """Take mail until SIGTERM, or until the service is gone."""
    service = ToService(socket.socket(fileno=task.channel))
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    service.watch(stopped.set, END_WITHIN_S)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    with ExitStack() as open_files:
        try:
            tracer = tracer_of(task.settings, "smtp")
            smtp = _smtp(task.settings, service, open_files, tracer)
            await smtp.start(
                {
                    setting: [socket.socket(fileno=each) for each in sockets]
                    for setting, sockets in task.sockets.items()
                }
            )
        except Misconfigured as error:
            service.say(Failed(str(error)))
            sys.exit(1)
        service.say(Ready())
        telling = asyncio.create_task(_tell(service, smtp), name="tell")
        try:
            await stopped.wait()
        finally:
            telling.cancel()
            await smtp.close()
            if tracer is not None:
                await tracer.close()


def _smtp(
    settings: Settings, service: ToService, open_files: ExitStack, tracer: Tracer | None
) -> SmtpIn:
    clock = SystemClock()
    files = DataFolder(settings, clock, open_files)
    sending = files.sending()
    stores = DoorStores(
        clock=clock,
        directory=files.directory(),
        mailboxes=files.mailboxes(),
        limits=files.limits(),
        restraints=SqliteRestraints(sending, clock),
        url_key=FileUrlKey(files.path / "url.key"),
    )
    resolver = DnsResolver(settings.dns_servers, settings.dns_timeout_s, clock)
    return SmtpIn(
        files.log(files.log_database(), on_append=service.hint),
        files.blobs(),
        acceptance_of(settings, stores, resolver, files.seen()),
        clock,
        files.mails_seen(),
        settings,
        SignIns(
            stores.directory,
            SqliteAppPasswords(sending),
            stores.limits,
            SqliteSecondFactors(sending),
        ),
        tracer,
    )


async def _tell(service: ToService, smtp: SmtpIn) -> None:
    while True:
        service.say(Figures(sessions=smtp.sessions, answers=dict(smtp.answers)))
        await asyncio.sleep(FIGURES_EVERY_S)


def main() -> None:
    """Do what standard input says."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    configure_logs(task.settings)
    give_back_large_memory()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(task))


if __name__ == "__main__":
    main()
