"""rillmail settings."""

from pathlib import Path

from click.testing import CliRunner

from api.cli.settings_list import as_page, described, settings
from connectors.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_lists_every_setting_as_it_is() -> None:
    assert PAGE.read_text() == as_page(described(Settings())) + "\n", (
        "write it anew: .venv/bin/rillmail settings --markdown > docs/settings.md"
    )


def test_the_list_shows_what_is_in_force() -> None:
    result = CliRunner(env={"RILLMAIL_HTTP_PORT": "1234"}).invoke(settings)
    assert "1234 (default: 8025)" in result.stdout


def test_a_setting_that_does_not_exist_is_told_and_the_list_all_the_same() -> None:
    result = CliRunner(env={"RILLMAIL_HTP_PORT": "1"}).invoke(settings)
    assert result.exit_code == 1
    assert "htp_port" in result.stderr.lower()
    assert "RILLMAIL_HTTP_PORT" in result.stdout
