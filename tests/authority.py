"""A certificate authority of a test's own, and a door that speaks TLS before an engine."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pem:
    """A certificate and its key, each a file."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates, whose files lie in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"CA {folder.name}")])
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(_pem(self._signed(self._name, self._key.public_key(), (), True)))

    def issue(self, *names: str, days: int = 2) -> Pem:
        """A certificate for hosts or addresses, or a client of that name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        made = self._signed(subject, key.public_key(), names, False, days)
        stem = f"{names[0]}-{days}".replace(":", "-")
        pem = Pem(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        pem.certificate.write_bytes(_pem(made))
        kind = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        pem.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, *kind))
        return pem

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        names: tuple[str, ...],
        is_ca: bool,
        days: int = 2,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        # Without these, Python refuses them from 3.13 on (RFC 5280 §4.2.1.1 to 3).
        ours = self._key.public_key()
        builder = (
            builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), critical=False)
            .add_extension(_usage(is_ca=is_ca), critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self._key, hashes.SHA256())


@asynccontextmanager
async def tls_door(
    pem: Pem,
    to: tuple[str, int] | None = None,
    *,
    admits: Callable[[bytes], bytes | None] | None = None,
) -> AsyncGenerator[int]:
    """A port on the loopback that speaks TLS, and passes on what comes to an engine.

    Args:
        pem: What it proves its name by.
        to: The engine's address; None: what comes is read and answered by nothing.
        admits: Asked with the first bytes of a connection; what it returns is the answer, and
            the end of the connection.
    """
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        lines = [writer]
        try:
            first = await reader.read(64 * 1024)
            answer = admits(first) if admits is not None and first else None
            if answer is not None or to is None:
                writer.write(answer or b"")
                await writer.drain()
                return
            behind, other = await asyncio.open_connection(*to)
            lines.append(other)
            other.write(first)
            await asyncio.gather(_pump(reader, other), _pump(behind, writer))
        except (OSError, asyncio.CancelledError):
            pass  # the engine is not there, or the door is closed
        finally:
            for line in lines:
                line.close()
                with suppress(OSError, TimeoutError):
                    async with asyncio.timeout(1):
                        await line.wait_closed()
            serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=_server(pem))
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


@contextmanager
def strict_door(pem: Pem, clients_of: Path) -> Generator[int]:
    """A port that ends connections of whoever shows no certificate of that authority.

    In a thread: asyncio drops the connection before it has said why (RFC 8446 §6.2).
    """
    context = _server(pem)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(clients_of)

    def serve() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return  # it is closed
            with line, suppress(OSError), context.wrap_socket(line, server_side=True) as secured:
                secured.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        pool.submit(serve)
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def _server(pem: Pem) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem.certificate, pem.key)
    return context


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
    writer.close()


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
