"""`rillmail`: one command, a file for each of its subcommands, loaded when asked for."""

import importlib
import logging

import click
import structlog

from topologies.errors import Misconfigured

COMMANDS = {
    "run": "api.cli.run:run",
    "worker": "api.cli.worker:worker",
    "cluster": "api.cli.cluster:cluster",
    "domain": "api.cli.domain:domain",
    "user": "api.cli.user:user",
    "alias": "api.cli.alias:alias",
    "rules": "api.cli.rules:rules",
    "send": "api.cli.send:send",
    "import": "api.cli.import_:import_",
    "export": "api.cli.export:export",
    "topology": "api.cli.topology:topology",
    "capacity": "api.cli.capacity:capacity",
    "stage": "api.cli.stage:stage",
    "trace": "api.cli.trace:trace",
    "prepare": "api.cli.prepare:prepare",
    "topics": "api.cli.topics:topics",
    "queue": "api.cli.queue:queue",
    "suppress": "api.cli.suppress:suppress",
    "webhooks": "api.cli.webhooks:webhooks",
    "dead": "api.cli.dead:dead",
    "quarantine": "api.cli.quarantine:quarantine",
    "audit": "api.cli.audit:audit",
    "replay": "api.cli.replay:replay_",
    "rebuild": "api.cli.rebuild:rebuild",
    "sweep": "api.cli.sweep:sweep_",
    "backup": "api.cli.backup:backup",
    "restore": "api.cli.backup:restore",
    "spam": "api.cli.spam:spam",
    "batch": "pipelines.command:batch",
    "schema": "api.cli.schema:schema",
    "settings": "api.cli.settings_list:settings",
}


class Lazily(click.Group):
    """A group whose commands are imported when they are named: `--help` needs no numpy."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        """Return the command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        except Misconfigured as error:  # by another distribution's stages or topics
            raise click.ClickException(str(error)) from error
        return command


@click.group(cls=Lazily)
@click.version_option(package_name="rillmail")
def main() -> None:
    """Rillmail: email as a stream.

    Start with `rillmail run --demo`. Settings are environment variables or a TOML file:
    see `rillmail settings`.
    """
    # Commands answer on standard output; what is logged on the way is no answer.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(click.get_text_stream("stderr")),
    )


if __name__ == "__main__":
    main()
