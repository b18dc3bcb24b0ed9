"""rillmail schema publish, to a small registry that speaks Confluent's API."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from click.testing import CliRunner, Result

from api.cli.schema_publish import publish
from topologies.schemas import schemas
from topologies.topics import OWN_TOPICS

HOW_MANY = sum(len(topic.events) for topic in OWN_TOPICS)


def test_every_schema_is_registered_and_once_more_changes_nothing(registry: "Registry") -> None:
    assert asked(registry).output == f"{HOW_MANY} schemas are there\n"
    before = dict(registry.subjects)
    told = json.loads(asked(registry, "--json").stdout)["registered"]
    assert registry.subjects == before
    assert len(told) == len(set(told.values())) == HOW_MANY
    [kept] = registry.subjects["mail.received-mail.received-v1"]
    assert kept == dict(schemas())["mail.received-1.json"].decode()


def test_a_check_changes_nothing_and_its_exit_code_tells(registry: "Registry") -> None:
    result = asked(registry, "--check")
    assert (result.exit_code, registry.subjects) == (1, {})
    assert "missing mail.received-mail.received-v1\n" in result.stdout
    asked(registry, "--prefix", "test.")
    assert asked(registry, "--check").exit_code == 1
    result = asked(registry, "--check", "--prefix", "test.")
    assert (result.exit_code, result.stdout) == (0, "All schemas are there.\n")


def test_a_refusal_is_told_in_the_registry_s_words(registry: "Registry") -> None:
    registry.refusal = "Schema being registered is incompatible"
    result = asked(registry)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: mail.held-mail.held-v1: Schema being registered is inc")


def test_a_registry_that_asks_who_it_is_is_told(registry: "Registry", tmp_path: Path) -> None:
    registry.password = "secret"
    result = asked(registry)
    assert (result.exit_code, "lets nobody in" in result.stderr) == (1, True)
    (tmp_path / "password").write_text("secret\n")
    options = ("--user", "rillmail", "--password-file", str(tmp_path / "password"))
    assert asked(registry, *options).exit_code == 0


@pytest.mark.parametrize("url", ["registry:8081", "file:///etc/passwd", "http://"])
def test_what_is_no_registry_s_url_is_refused(url: str) -> None:
    result = CliRunner().invoke(publish, [url])
    assert (result.exit_code, "is no URL of a schema registry" in result.stderr) == (1, True)


def test_a_registry_that_is_away_is_told_in_a_sentence(registry: "Registry") -> None:
    registry.close()
    result = asked(registry)
    assert (result.exit_code, "out of reach" in result.stderr) == (1, True)
    assert result.stderr.count("\n") == 1


def asked(registry: "Registry", *options: str) -> Result:
    return CliRunner().invoke(publish, [registry.url, *options])


class Registry:
    """Subjects with their schemas: an id for each schema, the same for what is equal."""

    def __init__(self) -> None:
        self.subjects: dict[str, list[str]] = {}
        self.ids: dict[tuple[str, str], int] = {}
        self.refusal = ""
        self.password = ""
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, told = registry.answer(
                    self.path, self.headers.get("Authorization", ""), body
                )
                content = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, who: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
        wanted = "Basic " + base64.b64encode(f"rillmail:{self.password}".encode()).decode()
        if self.password and who != wanted:
            return 401, {"error_code": 401, "message": "Unauthorized"}
        if self.refusal:
            return 409, {"error_code": 409, "message": self.refusal}
        assert body["schemaType"] == "JSON"
        json.loads(body["schema"])
        [_, subjects, subject, *rest] = path.split("/")
        assert subjects == "subjects"
        kept = self.subjects.get(unquote(subject), [])
        if not rest:
            if body["schema"] not in kept:
                return 404, {"error_code": 40403, "message": "Schema not found"}
            return 200, {"subject": unquote(subject), "version": kept.index(body["schema"]) + 1}
        assert rest == ["versions"]
        if body["schema"] not in kept:
            self.subjects[unquote(subject)] = [*kept, body["schema"]]
        return 200, {"id": self.ids.setdefault((subject, body["schema"]), len(self.ids) + 1)}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def registry() -> Iterator[Registry]:
    running = Registry()
    yield running
    running.close()
