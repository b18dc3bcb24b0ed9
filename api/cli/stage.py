"""`rillmail stage`: for whoever adds a stage."""

import click

from api.cli.stage_new import new
from api.cli.stage_run import run


@click.group()
def stage() -> None:
    """Add a stage, and try stages at the desk: see docs/adding-a-stage.md."""


stage.add_command(new)
stage.add_command(run)
