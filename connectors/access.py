"""How an engine of the cluster is reached that asks who comes: TLS, a certificate, a password.

Read from the settings that begin with the engine's name. The engine's host has to prove its
name in any case; which authorities it may do so by, the machine says, or ``…_ca_file``. Files
are read when a process starts.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import structlog

from connectors.settings import Settings
from topologies.errors import Misconfigured

Engine = Literal["kafka", "cassandra", "elasticsearch", "redis", "s3"]
Place = tuple[str, int]  # host and port

ANSWER_WITHIN_S = 3.0  # a handshake; whoever takes longer is away
OBJECTION_WITHIN_S = 0.25  # after a handshake: in TLS 1.3 the client's certificate comes last

# What people call an engine, and the setting that says where it is.
_NAMES: dict[Engine, tuple[str, str]] = {
    "kafka": ("Kafka", "kafka_servers"),
    "cassandra": ("Cassandra", "cassandra_hosts"),
    "elasticsearch": ("Elasticsearch", "elasticsearch_urls"),
    "redis": ("Redis", "redis_url"),
    "s3": ("S3", "s3_url"),
}
# Of OpenSSL's X509_V_ERR_…: of another name or address; and not valid yet, or any more.
_OTHER_NAME, _OTHER_TIME = (62, 64), (9, 10)
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")

_logger = structlog.get_logger("access")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one engine is spoken to.

    Attributes:
        engine: As its settings begin.
        is_tls: Whether it is spoken to within TLS.
        ca_file: PEM file of the authorities to believe; empty: the machine's.
        certificate: PEM file of ours, with the chain; empty: none.
        key: PEM file with its private key.
        user: Empty: none.
        password: The user's.
        mechanism: How the password is proven; Kafka's.
        api_key: Instead of both; Elasticsearch's.
    """

    engine: Engine
    is_tls: bool = False
    ca_file: str = ""
    certificate: str = ""
    key: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = ""
    api_key: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """What people call the engine."""
        return _NAMES[self.engine][0]

    @property
    def has_secret(self) -> bool:
        """Whether we prove who we are by something that was given to us."""
        return bool(self.user or self.password or self.api_key)

    def tls(self) -> ssl.SSLContext | None:
        """Return how TLS is spoken; None: not at all.

        Raises:
            Misconfigured: A file can't be read, or is no such file.
        """
        if not self.is_tls:
            return None
        with self._told("ca_file", self.ca_file):
            context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.certificate:
            for setting, path in (("certificate", self.certificate), ("key", self.key)):
                with self._told(setting, path):
                    Path(path).read_bytes()
            with self._told("certificate", self.certificate):
                # With a password that is none: else OpenSSL would ask at the terminal.
                context.load_cert_chain(self.certificate, self.key, password="")
        return context

    async def check(self, places: Sequence[Place]) -> None:
        """Find out whether TLS comes about with any of *places*; those away may come yet.

        Raises:
            Misconfigured: None lets us in and one refuses; says which and why.
        """
        context = self.tls()
        if context is None:
            return
        found = await asyncio.gather(*(self._objection(*place, context) for place in places))
        objections = [each for each in found if each]
        if objections and None not in found:
            raise Misconfigured(objections[0])
        for each in objections:
            _logger.warning("not-let-in", reason=each)

    async def _objection(self, host: str, port: int, context: ssl.SSLContext) -> str | None:
        """Return what stands against TLS with that host; None: nothing; empty: it is away."""
        at = f"{self.name} at {host}:{port}"
        where = _NAMES[self.engine][1]
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                reader, writer = await asyncio.open_connection(
                    host, port, ssl=context, server_hostname=host
                )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(OBJECTION_WITHIN_S):
                    await reader.read(1)
        except ssl.SSLCertVerificationError as error:
            if error.verify_code in _OTHER_NAME:
                amiss = f"{at} proves another name: {_words(error)}"
                return f"{amiss}: look at its certificate, and {where}"
            if error.verify_code in _OTHER_TIME:
                return f"{at}: {_words(error)}: renew it, or look at the clock"
            return (
                f"{at} has a certificate of no authority that we believe ({_words(error)}):"
                f" look at {self.engine}_ca_file"
            )
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError):
            _logger.warning("closed-in-handshake", at=at, hint=f"is TLS spoken there? See {where}")
            return ""
        except ssl.SSLError as error:
            if error.reason in _NO_TLS:
                return f"{at} speaks no TLS: look at {where}"
            if "ALERT" in (error.reason or ""):
                return (
                    f"{at} refuses our certificate, or asks for one ({error.reason}):"
                    f" look at {self.engine}_certificate"
                )
            return f"{at}: no TLS comes about ({error.reason}): look at {where}"
        except (OSError, TimeoutError):
            return ""
        finally:
            if writer is not None:
                writer.transport.abort()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        return None

    async def wants_tls(self, places: Sequence[Place]) -> Misconfigured | None:
        """Return what to raise if one of *places*, which gave no answer in clear, speaks TLS.

        For the handshake alone: nothing is said, so nobody need prove a name.
        """
        if self.is_tls:
            return None
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                for host, port in places:
                    if await _speaks_tls(host, port, context):
                        e = self.engine
                        return Misconfigured(
                            f"{self.name} at {host}:{port} speaks TLS alone: let {e}_tls be true"
                        )
        return None

    def refused(self, reason: str) -> Misconfigured:
        """Return what to raise when the engine does not let in whom we say we are."""
        e = self.engine
        settings = {
            "elasticsearch": f"{e}_user and {e}_password, or {e}_api_key",
            "redis": f"{e}_user and {e}_password, or {e}_url",
            "s3": f"{e}_access_key and {e}_secret_key",
        }.get(e, f"{e}_user and {e}_password")
        who = f"our user {self.user}" if self.user else "us"
        return Misconfigured(f"{self.name} does not let {who} in ({reason}): look at {settings}")

    @contextlib.contextmanager
    def _told(self, setting: str, path: str) -> Generator[None]:
        try:
            yield
        except ssl.SSLError as error:
            what = error.reason or "not in PEM"
            raise Misconfigured(f"{self.engine}_{setting}: {path} does not fit: {what}") from error
        except OSError as error:
            raise Misconfigured(
                f"{self.engine}_{setting}: {path} can't be read: {error.strerror}"
            ) from error


def access_of(settings: Settings, engine: Engine) -> Access:
    """Return how *engine* is reached, as *settings* say.

    Raises:
        Misconfigured: They contradict each other; says which.
    """

    def told(name: str) -> str:
        value = getattr(settings, f"{engine}_{name}", "")
        return value if isinstance(value, str) else ""

    is_tls = {
        "kafka": settings.kafka_tls,
        "cassandra": settings.cassandra_tls,
        "elasticsearch": all(url.startswith("https://") for url in settings.elasticsearch_urls),
        "redis": settings.redis_url.startswith("rediss://"),
        "s3": settings.s3_url.startswith("https://") or not settings.s3_url,
    }[engine]
    access = Access(
        engine=engine,
        is_tls=is_tls,
        ca_file=told("ca_file"),
        certificate=told("certificate"),
        key=told("key"),
        user=told("user"),
        password=told("password"),
        mechanism=told("mechanism"),
        api_key=told("api_key"),
    )
    _check(access)
    return access


def _check(access: Access) -> None:
    e, where = access.engine, _NAMES[access.engine][1]
    within = f"let {e}_tls be true" if e in ("kafka", "cassandra") else f"see {where}"
    if not access.is_tls:
        for name in ("ca_file", "certificate", "user", "password", "api_key"):
            if getattr(access, name):
                raise Misconfigured(f"{e}_{name} is of use within TLS alone: {within}")
    if bool(access.certificate) != bool(access.key):
        raise Misconfigured(f"{e}_certificate and {e}_key belong together")
    if access.user and not access.password:
        raise Misconfigured(f"{e}_user needs {e}_password")
    # The first user of a Redis has a password alone.
    if access.password and not access.user and e != "redis":
        raise Misconfigured(f"{e}_password needs {e}_user")
    if access.api_key and access.user:
        raise Misconfigured(f"{e}_api_key stands instead of {e}_user: one of them is too many")


async def _speaks_tls(host: str, port: int, context: ssl.SSLContext) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    except OSError:
        return False
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _words(error: ssl.SSLCertVerificationError) -> str:
    return error.verify_message.rstrip(".")
