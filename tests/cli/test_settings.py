"""rillmail settings."""

import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from api.cli.settings_list import as_page, described, settings
from connectors.settings import SECRETS, Settings, load
from topologies.errors import Misconfigured

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


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SPAM_THRESHOLD", "2", "RILLMAIL_SPAM_THRESHOLD: Expected `float` <= 1.0; "),
        ("GREYLIST", "maybe", "RILLMAIL_GREYLIST: Expected `bool`, got `str`; "),
        ("VERP_STREAMS", "none", "RILLMAIL_VERP_STREAMS: Invalid enum value 'none'; "),
        ("HOSTNAME", "two words", "RILLMAIL_HOSTNAME: Expected `str` matching regex"),
        ("HOSTNAME", "mx.shop.example\n", "RILLMAIL_HOSTNAME: Expected `str` matching regex"),
    ],
)
def test_a_value_that_does_not_fit_is_told_by_the_setting_s_name(
    name: str, value: str, words: str
) -> None:
    with pytest.raises(Misconfigured) as told:
        load({f"RILLMAIL_{name}": value})
    assert str(told.value).startswith(words)
    assert str(told.value).endswith("`rillmail settings` tells what it may be")


def test_an_unknown_name_in_the_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mail.toml"
    path.write_text("http_prt = 1\n")
    with pytest.raises(Misconfigured, match=r"RILLMAIL_CONFIG: http_prt is no setting; "):
        load({"RILLMAIL_CONFIG": str(path)})


@pytest.mark.parametrize("name", ["", "mx.shop.example", "mail-1", "[192.0.2.1]"])
def test_we_may_be_called_by_a_name_or_an_address(name: str) -> None:
    assert load({"RILLMAIL_HOSTNAME": name}).hostname == name


def test_secrets_are_told_by_nobody() -> None:
    hidden = {f"RILLMAIL_{name.upper()}": "hunter2" for name in SECRETS}
    hidden |= {
        "RILLMAIL_REDIS_URL": "rediss://ann:hunter2@redis:6380/0",
        "RILLMAIL_ELASTICSEARCH_URLS": "https://ann:hunter2@one:9200,https://two:9200",
    }
    for arguments in ([], ["--json"], ["--markdown"]):
        result = CliRunner(env=hidden).invoke(settings, arguments)
        assert (result.exit_code, "hunter2" in result.output) == (0, False)
    assert "rediss://…@redis:6380/0" in CliRunner(env=hidden).invoke(settings).stdout
    printed = repr(load(hidden))
    assert ("hunter2" in printed, "https://…@one:9200" in printed) == (False, True)


def test_a_setting_that_sounds_like_a_secret_is_one() -> None:
    sounding = {
        field.name
        for field in msgspec.structs.fields(Settings)
        if re.search("secret|password|access_key|api_key", field.name)
    }
    assert sounding == SECRETS
