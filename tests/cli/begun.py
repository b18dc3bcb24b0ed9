"""A data folder that a deployment has begun in, for commands that refuse to begin one."""

from pathlib import Path

from click.testing import CliRunner

from api.cli.main import main


def begin(data_dir: Path) -> None:
    """Begin a deployment in *data_dir*, with one domain and nobody in it."""
    env = {"RILLMAIL_DATA_DIR": str(data_dir)}
    result = CliRunner(env=env).invoke(main, ["domain", "add", "shop.example"])
    assert result.exit_code == 0, result.output
