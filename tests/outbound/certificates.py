"""Certificates for peers, each its own authority."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Certificate:
    """One, in files."""

    pem: str
    key: str

    def context(self) -> ssl.SSLContext:
        """Return what a server needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem, self.key)
        return context

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(Path(self.pem).read_text(encoding="ascii"))


def made(folder: Path, *names: str) -> Certificate:
    """Return a certificate of *names*; skip the test where nothing can make one."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not there: it makes the certificate")
    pem, key = str(folder / f"{names[0]}.pem"), str(folder / f"{names[0]}.key")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", key, "-out", pem, "-subj", f"/CN={names[0]}"]
    alternatives = "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)
    command = ["openssl", "req", "-x509", *kind, *files, "-addext", alternatives]
    subprocess.run(command, check=True, capture_output=True)
    return Certificate(pem, key)
