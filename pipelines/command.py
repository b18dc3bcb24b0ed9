"""`rillmail batch`: jobs on Apache Beam, a file for each, loaded when asked for.

Beam is an extra, and takes seconds to load: the command and its help need none of it.
"""

import importlib
import logging

import click

COMMANDS = {
    "reconcile": ("pipelines.reconcile", "Hold search and blobs against the mailboxes."),
    "reports": ("pipelines.reports", "What is held, and what became of what was sent."),
    "generate": ("pipelines.generate", "Make up mail, as much as you like."),
    "export": ("pipelines.export", "Write the mail of many users into mbox files."),
    "retention": ("pipelines.retention", "Move old mail to the trash, or delete it."),
}
_OF_BEAM = ("apache_beam", "pyarrow")


class Lazily(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the jobs."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write what each job does, without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in COMMANDS.items()])

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        """Return the job's command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        logging.disable(logging.WARNING)  # Beam tells of each cloud that it can't reach
        try:
            command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _OF_BEAM:
                raise
            raise click.ClickException(
                "batch jobs need Apache Beam, which is not installed: install rillmail[pipelines]"
            ) from error
        finally:
            logging.disable(logging.NOTSET)
        return command


@click.group(cls=Lazily)
def batch() -> None:
    """The past, in bulk: jobs on Apache Beam.

    They run in this process; on Flink, Dataflow and others by Beam's options after `--`:
    `rillmail batch reports … -- --runner FlinkRunner --flink_master HOST:8081`.
    """
