"""All settings, and the only reader of the environment.

A value comes from the environment (``RILLMAIL_HTTP_PORT``), else from the TOML
file that ``RILLMAIL_CONFIG`` names (``http_port = 8025``), else from here.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from topologies.errors import Misconfigured

PREFIX = "RILLMAIL_"
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set. Port 0 takes a free one, which is printed."""

    profile: Literal["embedded", "cluster"] = "embedded"
    data_dir: str = "data"  # everything durable lies in here
    host: str = "127.0.0.1"  # the address that all servers listen on
    smtp_port: Port = 2525
    lmtp_port: Port = 2424
    submission_port: Port = 2587  # needs a certificate; not opened without one
    http_port: Port = 8025
    public_url: str = ""  # how clients reach the API; empty: http://HOST:PORT
    hostname: str = ""  # in the SMTP greeting and Received lines; empty: the machine's name
    tls_certificate: str = ""  # PEM file with the chain; enables STARTTLS
    tls_key: str = ""  # PEM file with the private key
    max_message_bytes: Positive = 25 * 1024 * 1024
    max_recipients: Positive = 100  # of one SMTP transaction
    max_sessions: Positive = 1_000  # SMTP sessions at once, further ones get 421
    session_timeout_s: Positive = 300  # RFC 5321 §4.5.3.2: five minutes
    default_quota_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0  # of new users; 0: no limit
    partitions: Annotated[int, msgspec.Meta(ge=1, le=256)] = 4  # of each topic
    in_flight: Positive = 64  # events of one partition that a chain works on at once
    log_max_bytes: Positive = 20 * 1024**3  # the log refuses more beyond
    log_retention_hours: Positive = 7 * 24  # read records older than this are removed
    disk_reserve_bytes: Annotated[int, msgspec.Meta(ge=0)] = 512 * 1024**2  # below: 452, 507
    cuts: tuple[str, ...] = ()  # steps to cut, by topic name; "all" cuts each
    taps: tuple[str, ...] = ()  # steps to publish besides
    dns_servers: tuple[str, ...] = ()  # empty: as the machine is set up
    dns_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 3.0
    spam_threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.9  # at or above: spam folder
    token_hours: Positive = 24 * 30  # how long a sign-in lasts
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        Misconfigured: A name is unknown or a value does not fit; says which and where.
    """
    env = os.environ if environment is None else environment
    values: dict[str, Any] = _from_file(env.get(PREFIX + "CONFIG"))
    for field in msgspec.structs.fields(Settings):
        name = PREFIX + field.name.upper()
        if name in env:
            text = env[name]
            values[field.name] = (
                tuple(filter(None, (item.strip() for item in text.split(","))))
                if isinstance(field.default, tuple)
                else text
            )
    known = {f.name for f in msgspec.structs.fields(Settings)} | {"config"}
    for name in env:
        if name.startswith(PREFIX) and name[len(PREFIX) :].lower() not in known:
            raise Misconfigured(f"{name} is no setting; `rillmail settings` lists them")
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"settings: {error}") from error


def _from_file(path: str | None) -> dict[str, Any]:
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{PREFIX}CONFIG={path}: {error}") from error
