"""A certificate authority for tests."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Pair:
    chain: tuple[x509.Certificate, ...]
    key: Key

    def write(self, folder: Path, passphrase: bytes | None = None) -> dict[str, str]:
        """Writes both files and returns them as the configuration names them."""
        folder.mkdir(exist_ok=True)
        chain, key = folder / "chain.pem", folder / "key.pem"
        chain.write_bytes(b"".join(each.public_bytes(serialization.Encoding.PEM) for each in self.chain))
        encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        key.touch(mode=0o600)
        key.write_bytes(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
        return {"chain": str(chain), "key": str(key)}


class Authority:
    """A root and an intermediate, and leaves below the intermediate."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._certificate("root", self._root_key, None, ca=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.intermediate = self._certificate("intermediate", self._key, (self.root, self._root_key), ca=True)
        self._keys: dict[str, Key] = {}

    def leaf(
        self,
        kind: str,
        *,
        start: timedelta = timedelta(days=-1),
        end: timedelta = timedelta(days=60),
        names: tuple[str, ...] = ("localhost", "www.example.org"),
        purpose: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
        ca: bool = False,
        issuer: str = "intermediate",
        extensions: tuple[x509.ExtensionType, ...] = (),
    ) -> Pair:
        key = self._keys.setdefault(kind, new_key(kind))
        above = (self.root, self._root_key) if issuer == "root" else (self.intermediate, self._key)
        certificate = self._certificate(
            "leaf", key, above, ca=ca, start=start, end=end, names=names, purpose=purpose, extensions=extensions
        )
        return Pair((certificate, above[0]), key)

    @property
    def signer(self) -> ec.EllipticCurvePrivateKey:
        """The intermediate's key."""
        return self._key

    def write_root(self, path: Path) -> None:
        path.write_bytes(self.root.public_bytes(serialization.Encoding.PEM))

    def _certificate(
        self,
        name: str,
        key: Key,
        issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
        *,
        ca: bool,
        start: timedelta = timedelta(days=-1),
        end: timedelta = timedelta(days=60),
        names: tuple[str, ...] = (),
        purpose: x509.ObjectIdentifier | None = None,
        extensions: tuple[x509.ExtensionType, ...] = (),
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tlsforge test {name}")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer[0].subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + start)
            .not_valid_after(self.now + end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            alternative = [*(x509.DNSName(each) for each in names), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        signer = issuer[1] if issuer else key
        return builder.sign(signer, hashes.SHA256())


def new_key(kind: str) -> Key:
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if kind == "rsa1024":
        return rsa.generate_private_key(public_exponent=65537, key_size=1024)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "p384":
        return ec.generate_private_key(ec.SECP384R1())
    if kind == "k256":
        return ec.generate_private_key(ec.SECP256K1())
    return ec.generate_private_key(ec.SECP256R1())
