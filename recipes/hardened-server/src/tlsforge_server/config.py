"""The configuration file: JSON, parsed strictly. Unknown keys, duplicate keys, wrong types and empty lists are refused by path."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn, cast

from .errors import ServerError

SCHEMA = "tlsforge.server/1"
TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
#: Longest path of a Unix socket that Linux and FreeBSD both take (``sun_path`` less its NUL).
SOCKET_PATH_LIMIT = 103
LONGEST_NAME = "standby.sock"


@dataclass(frozen=True)
class Policy:
    """How TLS is spoken. Every name is OpenSSL's; nothing is a number."""

    profile: str
    min_version: str
    max_version: str
    ciphers: tuple[str, ...]
    ciphersuites: tuple[str, ...]
    groups: tuple[str, ...]
    signature_algorithms: tuple[str, ...]
    preference: Literal["client", "server"]
    options: tuple[str, ...]
    alpn: tuple[str, ...]


@dataclass(frozen=True)
class Address:
    """An IP address and port to listen on. Port 0 lets the kernel choose."""

    host: str
    port: int

    @property
    def is_v6(self) -> bool:
        return ":" in self.host

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_v6 else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class CertificatePaths:
    """PEM files: the leaf and then its intermediates, and the leaf's key."""

    chain: Path
    key: Path


@dataclass(frozen=True)
class Hsts:
    max_age: int
    include_subdomains: bool
    preload: bool


@dataclass(frozen=True)
class App:
    """What is served: ``about`` (a page that says what this server is) or ``static`` (the files of ``directory``)."""

    kind: Literal["about", "static"]
    directory: Path | None


@dataclass(frozen=True)
class Paths:
    """``run`` is the folder of control sockets and pid files; without ``log``, standard error takes the lines."""

    run: Path
    log: Path | None


@dataclass(frozen=True)
class User:
    """The account that the server becomes when it is started as root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Config:
    generation: int
    policy: Policy
    listen: tuple[Address, ...]
    redirect: tuple[Address, ...]
    names: tuple[str, ...]
    certificates: tuple[CertificatePaths, ...]
    hsts: Hsts
    app: App
    paths: Paths
    user: User | None
    #: How long this server keeps its sockets, ready to serve again, after another process has taken over.
    stand_by_seconds: int
    libssl: Path
    about: tuple[tuple[str, str], ...]
    #: SHA-256 of the file's bytes, hexadecimal.
    digest: str


def load(path: Path) -> Config:
    """The configuration in a file, or ServerError ``config-invalid`` with the key at fault."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ServerError("config-invalid", f"{path} cannot be read: {error.strerror}") from error
    return parse(raw, str(path))


def parse(raw: bytes, origin: str) -> Config:
    """The configuration in JSON bytes. ``origin`` names them in messages."""
    try:
        document = json.loads(raw, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except ValueError as error:
        raise ServerError("config-invalid", f"{origin} is not valid JSON: {error}") from error
    fields = _Fields(document, origin, "")
    schema = fields.text("schema")
    if schema != SCHEMA:
        raise ServerError("config-invalid", f"{origin}: schema is {schema!r}, expected {SCHEMA!r}")
    config = Config(
        generation=fields.whole("generation"),
        policy=_policy(fields.child("policy")),
        listen=tuple(_address(fields, "listen", text) for text in fields.texts("listen", least=1)),
        redirect=tuple(_address(fields, "redirect", text) for text in fields.texts("redirect")),
        names=fields.texts("names", least=1),
        certificates=tuple(_certificate(item) for item in fields.children("certificates")),
        hsts=_hsts(fields.child("hsts")),
        app=_app(fields.child("app")),
        paths=_paths(fields.child("paths")),
        user=_user(fields),
        stand_by_seconds=fields.whole("standBySeconds"),
        libssl=fields.path("libssl"),
        about=fields.table("about"),
        digest=hashlib.sha256(raw).hexdigest(),
    )
    fields.done()
    return config


def _policy(fields: _Fields) -> Policy:
    policy = Policy(
        profile=fields.text("profile"),
        min_version=fields.choice("minVersion", TLS_VERSIONS),
        max_version=fields.choice("maxVersion", TLS_VERSIONS),
        ciphers=fields.names("ciphers", least=0),
        ciphersuites=fields.names("ciphersuites", least=0),
        groups=fields.names("groups", least=1),
        signature_algorithms=fields.names("signatureAlgorithms", least=1),
        preference=cast(Literal["client", "server"], fields.choice("preference", ("client", "server"))),
        options=fields.names("options", least=0),
        alpn=fields.names("alpn", least=1),
    )
    fields.choice("tickets", ("off",))
    fields.done()
    if TLS_VERSIONS.index(policy.min_version) > TLS_VERSIONS.index(policy.max_version):
        fields.refuse("minVersion", f"is above maxVersion {policy.max_version}")
    if (policy.min_version == "TLSv1.2") != bool(policy.ciphers):
        fields.refuse("ciphers", "must name the TLS 1.2 suites exactly when minVersion is TLSv1.2")
    if (policy.max_version == "TLSv1.3") != bool(policy.ciphersuites):
        fields.refuse("ciphersuites", "must name the TLS 1.3 suites exactly when maxVersion is TLSv1.3")
    if policy.ciphers and all("MLKEM" in name.upper() for name in policy.groups):
        fields.refuse("groups", "has no group that TLS 1.2 can use")
    if "CIPHER_SERVER_PREFERENCE" in policy.options:
        fields.refuse("options", "names CIPHER_SERVER_PREFERENCE, which follows from preference")
    if policy.alpn != ("http/1.1",):
        fields.refuse("alpn", 'must be ["http/1.1"], the one protocol that this server speaks')
    return policy


def _certificate(fields: _Fields) -> CertificatePaths:
    paths = CertificatePaths(chain=fields.path("chain"), key=fields.path("key"))
    fields.done()
    return paths


def _hsts(fields: _Fields) -> Hsts:
    hsts = Hsts(max_age=fields.whole("maxAge"), include_subdomains=fields.flag("includeSubdomains"), preload=fields.flag("preload"))
    fields.done()
    return hsts


def _app(fields: _Fields) -> App:
    kind = cast(Literal["about", "static"], fields.choice("kind", ("about", "static")))
    app = App(kind=kind, directory=fields.path("directory") if kind == "static" else None)
    fields.done()
    return app


def _paths(fields: _Fields) -> Paths:
    paths = Paths(run=fields.path("run"), log=None if fields.is_null("log") else fields.path("log"))
    fields.done()
    if len(str(paths.run / LONGEST_NAME).encode()) > SOCKET_PATH_LIMIT:
        fields.refuse("run", f"is too long: with /{LONGEST_NAME} it is beyond the {SOCKET_PATH_LIMIT} bytes that a Unix socket's path may have")
    return paths


def _user(parent: _Fields) -> User | None:
    if parent.is_null("user"):
        return None
    fields = parent.child("user")
    user = User(name=fields.text("name"), uid=fields.whole("uid"), gid=fields.whole("gid"))
    fields.done()
    if user.uid == 0:
        fields.refuse("uid", "is root's; name an account without privileges, or null")
    return user


def _address(fields: _Fields, key: str, text: str) -> Address:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > 65535:
        fields.refuse(key, f"holds {text!r}; expected address:port, IPv6 in brackets")
    try:
        host = ipaddress.IPv6Address(match[1]) if match[1] else ipaddress.IPv4Address(match[2])
    except ValueError:
        fields.refuse(key, f"holds {text!r}, whose host is not an IP address")
    return Address(host=str(host), port=int(match[3]))


class _Fields:
    """Reads an object key by key, remembers which were asked for, and refuses the rest in ``done``."""

    def __init__(self, value: object, origin: str, path: str) -> None:
        self._origin = origin
        self._path = path
        self._asked: set[str] = set()
        if not isinstance(value, dict):
            raise ServerError("config-invalid", f"{origin}: {path or 'the document'} must be an object")
        self._value = cast(dict[str, object], value)

    def refuse(self, key: str, what: str) -> NoReturn:
        raise ServerError("config-invalid", f"{self._origin}: {self._at(key)} {what}")

    def done(self) -> None:
        unknown = sorted(set(self._value) - self._asked)
        if unknown:
            self.refuse(unknown[0], "is not a known key")

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value:
            self.refuse(key, "must be text that is not empty")
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            self.refuse(key, "holds a control character")
        return value

    def whole(self, key: str) -> int:
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.refuse(key, "must be a whole number, 0 or more")
        return value

    def is_null(self, key: str) -> bool:
        return self._get(key) is None

    def flag(self, key: str) -> bool:
        value = self._get(key)
        if not isinstance(value, bool):
            self.refuse(key, "must be true or false")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in choices:
            self.refuse(key, f"is {value!r}, expected one of {', '.join(choices)}")
        return value

    def path(self, key: str) -> Path:
        path = Path(self.text(key))
        if not path.is_absolute():
            self.refuse(key, "must be an absolute path")
        return path

    def texts(self, key: str, least: int = 0) -> tuple[str, ...]:
        value = self._get(key)
        if not isinstance(value, list) or len(value) < least:
            self.refuse(key, "must be a list" + (" that is not empty" if least else ""))
        items = _Fields({str(index): item for index, item in enumerate(value)}, self._origin, self._at(key))
        texts = tuple(items.text(str(index)) for index in range(len(value)))
        if len(set(texts)) != len(texts):
            self.refuse(key, "names something twice")
        return texts

    def names(self, key: str, least: int) -> tuple[str, ...]:
        """Plain names of OpenSSL's: none of the characters that its list syntax gives a meaning."""
        names = self.texts(key, least)
        for name in names:
            if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_./-]*", name) is None:
                self.refuse(key, f"holds {name!r}, which is not a plain name")
        return names

    def table(self, key: str) -> tuple[tuple[str, str], ...]:
        child = self.child(key)
        return tuple((name, child.text(name)) for name in child._value)

    def child(self, key: str) -> _Fields:
        return _Fields(self._get(key), self._origin, self._at(key))

    def children(self, key: str) -> list[_Fields]:
        value = self._get(key)
        if not isinstance(value, list) or not value:
            self.refuse(key, "must be a list that is not empty")
        return [_Fields(item, self._origin, f"{self._at(key)}.{index}") for index, item in enumerate(value)]

    def _get(self, key: str) -> object:
        self._asked.add(key)
        if key not in self._value:
            self.refuse(key, "is missing")
        return self._value[key]

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
