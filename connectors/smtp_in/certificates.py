"""The certificate that TLS is offered with, read anew when its files change.

Whoever renews it writes the files and need not restart anything: the next handshake looks. New
files that can't be used are told in the log, and the old certificate serves on.
"""

import ssl
from pathlib import Path

import structlog

from connectors.settings import PREFIX
from topologies.errors import Misconfigured

_logger = structlog.get_logger("smtp")

_Stamp = tuple[tuple[int, int, int], ...]


class Certificates:
    """A certificate and its key, in PEM files."""

    def __init__(self, certificate: str, key: str) -> None:
        """Read the files; *key* is empty where the key stands in the same file.

        Raises:
            Misconfigured: They can't be used.
        """
        self._certificate = certificate
        self._key = key
        self._seen = self._stamp()
        try:
            self._context = self._read()
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise Misconfigured(
                f"the certificate {certificate} can't be used ({error}): let"
                f" {PREFIX}TLS_CERTIFICATE and {PREFIX}TLS_KEY name PEM files"
            ) from error

    def context(self) -> ssl.SSLContext:
        """Return what a handshake needs, from the files as they are now."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._context = self._read()
            except (OSError, ValueError) as error:
                # Half written, perhaps: another change will come.
                _logger.warning("smtp.certificate-unusable", reason=str(error))
            else:
                _logger.info("smtp.certificate-renewed", file=self._certificate)
        return self._context

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996: older ones are broken
        context.load_cert_chain(self._certificate, self._key or None)
        return context

    def _stamp(self) -> _Stamp:
        stamps: list[tuple[int, int, int]] = []
        for name in filter(None, (self._certificate, self._key)):
            try:
                found = Path(name).stat()
            except OSError:
                stamps.append((0, 0, 0))
            else:
                stamps.append((found.st_mtime_ns, found.st_size, found.st_ino))
        return tuple(stamps)
