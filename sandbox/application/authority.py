"""A certificate authority of the sandbox's own, for names that AWS has certificates for (database endpoints)."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_FOR = timedelta(days=3650)


class Authority:
    """Made anew by each process; programs that the sandbox starts are told to trust `file`."""

    def __init__(self, home: Path) -> None:
        self._home = home / "certificates"
        self.file = self._home / "authority.pem"
        self._key: ec.EllipticCurvePrivateKey | None = None
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The sandbox's authority")])
        self._contexts: dict[str, ssl.SSLContext] = {}

    def ensure(self) -> Path:
        """The file with its certificate."""
        if self._key is None:
            self._home.mkdir(parents=True, exist_ok=True)
            self._key = ec.generate_private_key(ec.SECP256R1())
            made = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))
            self.file.write_bytes(made)
        return self.file

    def server(self, name: str) -> ssl.SSLContext:
        """The context of a server with this name."""
        if name not in self._contexts:
            self.ensure()
            key = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A server of the sandbox")])
            pem = self._sign(subject, key, x509.SubjectAlternativeName([x509.DNSName(name)]))
            private = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            chain = self._home / f"{len(self._contexts)}.pem"
            chain.touch(mode=0o600)
            chain.write_bytes(private + pem)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(chain)
            chain.unlink()
            self._contexts[name] = context
        return self._contexts[name]

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> bytes:
        assert self._key is not None
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + VALID_FOR)
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if isinstance(extension, x509.BasicConstraints):
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
