"""Certificates for peers, each its own authority."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from connectors.memory.clock import ManualClock


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


def issued(folder: Path, *names: str) -> tuple[Certificate, bytes]:
    """Return a certificate of *names*, with that of its authority behind it, and that in DER."""
    now, key, ca_key = ManualClock().now(), _key(), _key()
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An Authority")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])

    def begun(subject: x509.Name, subject_key: ec.EllipticCurvePrivateKey) -> Any:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(subject_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(subject_key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
                critical=False,
            )
        )

    usage = {"key_cert_sign": True, "crl_sign": True, "digital_signature": True}
    others = "content_commitment key_encipherment data_encipherment key_agreement".split()
    others += ["encipher_only", "decipher_only"]
    authority = (
        begun(ca_name, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage, **dict.fromkeys(others, False)), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    own = (
        begun(name, key)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem, key_file = folder / "issued.pem", folder / "issued.key"
    pem.write_bytes(own.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Certificate(str(pem), str(key_file)), authority.public_bytes(Encoding.DER)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
