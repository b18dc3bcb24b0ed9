"""`rillmail import`: mail from files, or with `imap` from another provider."""

import click

from api.cli.import_imap import import_imap
from api.cli.import_mbox import import_mbox

IMAP, FILES = "imap", "files"


class FromFilesOrImap(click.Group):
    """What is not `imap` is a file: `rillmail import old.mbox`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let the command for files have whatever does not begin with `imap`."""
        if args[:1] != [IMAP]:
            args = [FILES, *args]
        return super().parse_args(ctx, args)


@click.group("import", cls=FromFilesOrImap)
def import_() -> None:
    """Bring mail into a mailbox: from files, or with `imap` from another provider."""


import_.add_command(import_mbox, FILES)
import_.add_command(import_imap, IMAP)
