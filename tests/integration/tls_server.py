"""A PostgreSQL that takes connections over TLS only, and certificates for it, made here.

The embedded server is built without TLS, so this is the distribution's: a data directory of a test session's own.
"""

import os
import pwd
import shutil
import socket
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "pa55-of-the-tls-server"
ACCOUNT = "postgres"
"""Whom a distribution's server runs as; root can't run one."""

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = {port}
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
fsync = off
"""
DAY = timedelta(days=1)


def with_tls() -> Path | None:
    """The programs of a PostgreSQL that is built with TLS, the newest one; None if there is none."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *(Path(path) for path in os.get_exec_path())]
    for programs in sorted(found, reverse=True):
        if (programs / "initdb").exists() and (programs / "pg_config").exists():
            built = subprocess.run([programs / "pg_config", "--configure"], capture_output=True, text=True, check=True)
            if "--with-openssl" in built.stdout or "--with-ssl" in built.stdout:
                return programs
    return None


class Authority:
    """A certificate authority."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, 0), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, host: str) -> tuple[bytes, bytes]:
        """A certificate for a host name, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        builder = self._builder(name, key).add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        plain = serialization.NoEncryption()
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
        return certificate, key.private_bytes(pem, form, plain)

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
        )


@dataclass
class TlsServer:
    """A server whose certificate is for `localhost`, although it is at 127.0.0.1 too."""

    home: Path
    programs: Path
    port: int = 0

    def start(self, authority: Authority) -> None:
        self._password_file.write_text(PASSWORD)
        self.home.chmod(0o700)
        self._own(self.home, self._password_file)
        self._run(
            "initdb", "-D", self._data, "-U", ACCOUNT, f"--pwfile={self._password_file}", "--no-locale", "-EUTF8", "-N"
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        for name, content in zip(("server.crt", "server.key"), authority.issue("localhost"), strict=True):
            (self._data / name).write_bytes(content)
            (self._data / name).chmod(0o600)
            self._own(self._data / name)
        with open(self._data / "postgresql.conf", "a", encoding="ascii") as file:
            file.write(SETTINGS.format(port=self.port))
        (self._data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        self._run("pg_ctl", "start", "-s", "-w", "-D", self._data, "-l", self.home / "log")

    def stop(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-s", "-m", "fast", "-D", self._data)
        shutil.rmtree(self.home)

    def url(self, query: str = "", host: str = "localhost") -> str:
        return f"postgresql://{ACCOUNT}:{PASSWORD}@{host}:{self.port}/postgres{query}"

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @property
    def _password_file(self) -> Path:
        return self.home / "password"

    def _own(self, *paths: Path) -> None:
        if os.geteuid() == 0:
            for path in paths:
                shutil.chown(path, ACCOUNT, ACCOUNT)

    def _run(self, program: str, *arguments: str | Path) -> None:
        account = pwd.getpwnam(ACCOUNT) if os.geteuid() == 0 else None
        subprocess.run(
            [self.programs / program, *arguments],
            check=True,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
