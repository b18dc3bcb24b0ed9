"""`rillmail worker`: one process of the cluster."""

import asyncio
from collections.abc import Sequence

import click
import msgspec

from api.cli.output import as_json, examples
from api.cli.stores import errors_for_people
from connectors.settings import Settings, load
from topologies.errors import Misconfigured


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What a running worker tells whoever started it."""

    roles: tuple[str, ...]
    http_url: str  # of the API, or of health and metrics
    smtp: str = ""  # host:port
    lmtp: str = ""
    submission: str = ""  # for users; empty: there is no such port
    submissions: str = ""  # for users who begin in TLS

    @classmethod
    def none(cls) -> "Started":
        """Return what is told of a worker that does not run."""
        return cls(roles=(), http_url="")


@click.command(
    epilog=examples(
        "rillmail worker smtp",
        "rillmail worker api",
        "rillmail worker inbound",
        "rillmail worker mailbox outbound",
        "RILLMAIL_CUTS=mail.authenticated rillmail worker scan",
    )
)
@click.argument("roles", nargs=-1, required=True, metavar="ROLE...")
@as_json
def worker(roles: Sequence[str], as_json: bool) -> None:
    """Run some roles of the cluster until SIGTERM, with RILLMAIL_PROFILE=cluster.

    A role is smtp, api, a path of stages (inbound, mailbox, outbound, feedback), or one stage
    that heads a chain: cut the step before it to run it alone. Start as many of each as the load
    wants.
    It ends with an error when it can't go on, so let something start it again.
    """
    from api.cli.serving import run_until_signal  # here, since `--help` needs no engine

    with errors_for_people():
        settings = load()
        if settings.profile != "cluster":
            raise Misconfigured(
                "workers are of the cluster: set RILLMAIL_PROFILE=cluster, or use `rillmail run`"
            )
        run_until_signal(lambda stopped: _serve(settings, roles, as_json, stopped), settings)


async def _serve(
    settings: Settings, roles: Sequence[str], as_json: bool, stopped: asyncio.Event
) -> None:
    from api.cli.serving import serving, work_until
    from connectors.assembly.cluster import open_worker

    async with open_worker(settings, roles) as process:
        port = settings.http_port if process.has_api else settings.health_port
        async with serving(process, port) as http:
            smtp = process.smtp
            told = Started(
                roles=process.roles,
                http_url=f"http://{settings.host}:{http.port}",
                smtp=f"{settings.host}:{smtp.smtp_port}" if smtp else "",
                lmtp=f"{settings.host}:{smtp.lmtp_port}" if smtp else "",
                submission=_door(settings, smtp.submission_port if smtp else 0),
                submissions=_door(settings, smtp.submissions_port if smtp else 0),
            )
            click.echo(msgspec.json.encode(told).decode() if as_json else _for_people(told))
            await work_until(stopped, process)


def _door(settings: Settings, port: int) -> str:
    return f"{settings.host}:{port}" if port else ""


def _for_people(told: Started) -> str:
    mail = f", takes mail on {told.smtp} (SMTP) and {told.lmtp} (LMTP)" if told.smtp else ""
    what = "serves" if "api" in told.roles else "tells its health on"
    return f"Worker {', '.join(told.roles)}{mail}, {what} {told.http_url}. SIGTERM stops it."
