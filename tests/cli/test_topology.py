"""rillmail topology, and rillmail settings."""

from api.cli.settings_list import described, settings
from api.cli.topology import topology
from connectors.settings import Settings
from tests.cli.stores_in_memory import MemoryStores, in_json


def test_the_topology_is_drawn_as_text() -> None:
    result = MemoryStores().run(topology)
    assert result.exit_code == 0
    assert "└ route  [inbound]" in result.output


def test_the_topology_is_drawn_for_mermaid() -> None:
    result = MemoryStores().run(topology, "--format", "mermaid")
    assert result.output.startswith("flowchart LR\n")


def test_the_topology_is_told_in_json() -> None:
    told = in_json(MemoryStores().run(topology, "--json"))
    [parse] = [stage for stage in told["stages"] if stage["name"] == "parse"]
    assert parse == {
        "name": "parse",
        "path": "inbound",
        "reads": ["mail.received/1"],
        "writes": ["mail.parsed/1"],
        "reads_topic": "mail.received",
        "writes_topics": ["mail.parsed"],
        "timeout_s": 30.0,
        "attempts": 5,
    }


def test_cuts_and_taps_come_from_options_or_settings() -> None:
    chosen = ["--cut", "mail.parsed", "--cut", "mail.scored", "--tap", "mail.scanned"]
    told = in_json(MemoryStores().run(topology, *chosen, "--json", RILLMAIL_CUTS="all"))
    assert (told["cuts"], told["taps"]) == (["mail.parsed", "mail.scored"], ["mail.scanned"])
    assert {"topic": "mail.scored", "head": "route"} in told["chains"]
    told = in_json(MemoryStores().run(topology, "--json", RILLMAIL_CUTS="mail.scanned"))
    assert told["cuts"] == ["mail.scanned"]


def test_what_is_no_step_can_not_be_cut() -> None:
    result = MemoryStores().run(topology, "--cut", "mail.received")
    assert result.exit_code == 1
    assert "'mail.received' can't be cut or tapped" in result.stderr


# --- settings -----------------------------------------------------------------------


def test_every_setting_has_a_meaning() -> None:
    without = [s.name for s in described(Settings()) if not s.meaning]
    assert without == [], "say it in connectors/settings.py: Annotated[…, means(…)]"


def test_settings_are_listed_with_their_values() -> None:
    listed = in_json(MemoryStores().run(settings, "--json", RILLMAIL_HTTP_PORT="0"))
    [port] = [s for s in listed if s["name"] == "http_port"]
    assert port == {
        "name": "http_port",
        "env": "RILLMAIL_HTTP_PORT",
        "type": "integer 0 … 65535",
        "default": 8025,
        "value": 0,
        "meaning": "for the API and the webmail",
    }
    text = MemoryStores().run(settings, RILLMAIL_HTTP_PORT="0", RILLMAIL_CUTS="a, b").output
    assert "0 (default: 8025)" in text
    assert "a,b (default: empty)" in text


def test_settings_are_listed_even_when_one_does_not_fit() -> None:
    result = MemoryStores().run(settings, RILLMAIL_HTP_PORT="0")
    assert result.exit_code == 1
    assert "RILLMAIL_HTTP_PORT" in result.stdout
    assert "RILLMAIL_HTP_PORT is no setting" in result.stderr
