"""A web server that takes what is posted to it, and answers as it is told."""

import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


@dataclass(frozen=True)
class Post:
    """What was posted once; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The key against repetition."""
        return self.headers["webhook-id"]

    @property
    def told(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


@dataclass
class Answer:
    """What is answered; without a status the connection ends."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    wait: Callable[[], object] = lambda: None  # before anything is said


class Sink:
    """Answers 204, but for what stands in *answers*, each once."""

    def __init__(self, choose: Callable[[Post], Answer] | None = None) -> None:
        """Begin with nothing; *choose* says what is answered, if not *answers* do."""
        self.answers: list[Answer] = []
        self.posts: list[Post] = []
        self.taken: list[Post] = []  # those of them that were answered well
        self._choose = choose
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def answer(self, post: Post) -> Answer:
        """Take note of *post*, and return what is answered."""
        if self._choose is not None:
            answer = self._choose(post)
        else:
            answer = self.answers.pop(0) if self.answers else Answer()
        self.posts.append(post)
        if 200 <= answer.status < 300:
            self.taken.append(post)
        return answer


@contextmanager
def listening(sink: Sink, tls: ssl.SSLContext | None = None) -> Generator[Sink]:
    """Serve *sink* on a free port of loopback, in threads; within TLS if *tls* is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            sink.connections += 1

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            body = self.rfile.read(length)
            if len(body) < length:  # who posted was killed in the middle of it
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = sink.answer(Post(self.path, headers, body))
            answer.wait()
            if not answer.status:
                self.close_connection = True
                return
            try:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if "content-length" not in {name.lower() for name in answer.headers}:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:
                self.close_connection = True  # who posted waits no more

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            return  # who posts may be killed at any moment

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    if tls is not None:
        # The handshake is for the connection's own thread, or one who is silent keeps all waiting.
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    sink.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
