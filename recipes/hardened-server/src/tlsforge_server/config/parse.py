"""The configuration document: JSON, parsed strictly. Unknown keys, duplicate keys, wrong types and empty lists are refused by path."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import re
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from ..errors import ServerError
from .fields import Fields, read_json
from .model import About, Address, App, CertificatePaths, Config, Dhe, Factory, Hsts, Limits, Paths, Policy, Proxy, Static, Tickets, Upstream, User, WebSocketEcho

SCHEMA = "tlsforge.server/1"
TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
#: RFC 7919, as far as its strength fits today's.
DHE_GROUPS = ("ffdhe2048", "ffdhe3072", "ffdhe4096")
SHORTEST_TICKET_SECONDS = 60
#: RFC 8446, section 4.6.1.
LONGEST_TICKET_SECONDS = 604_800
LONGEST_STAND_BY_SECONDS = 86_400
MOST_WORKERS = 256
#: Longest path of a Unix socket that Linux and FreeBSD both take (``sun_path`` less its NUL).
SOCKET_PATH_LIMIT = 103
LONGEST_NAME = "standby.sock"


def load(path: Path) -> Config:
    """The configuration in a file, or ServerError ``config-invalid`` with the key at fault."""
    return parse(read(path), str(path))


def read(path: Path) -> bytes:
    """The document in a file, or ServerError ``config-invalid``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ServerError("config-invalid", f"{path} cannot be read: {error.strerror}") from error


def parse(raw: bytes, origin: str) -> Config:
    """The configuration in JSON bytes. ``origin`` names them in messages."""
    fields = read_json(raw, origin)
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
        sni=cast(Literal["default", "strict"], fields.choice("sni", ("default", "strict"))),
        ocsp=cast(Literal["auto", "off"], fields.choice("ocsp", ("auto", "off"))),
        hsts=_hsts(fields.child("hsts")),
        app=_app(fields.child("app")),
        access_log=fields.flag("accessLog"),
        workers=fields.whole("workers", MOST_WORKERS),
        limits=_limits(fields.child("limits")),
        paths=_paths(fields.child("paths")),
        user=_user(fields),
        stand_by_seconds=fields.whole("standBySeconds", LONGEST_STAND_BY_SECONDS),
        libssl=fields.path("libssl"),
        about=fields.table("about"),
        digest=hashlib.sha256(raw).hexdigest(),
    )
    fields.done()
    return config


def _policy(fields: Fields) -> Policy:
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
        tickets=None if fields.is_null("tickets") else _tickets(fields.child("tickets")),
        dhe=None if fields.is_null("dhe") else _dhe(fields.child("dhe")),
    )
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
    if (policy.tickets is None) != ("NO_TICKET" in policy.options):
        fields.refuse("options", "must name NO_TICKET exactly when tickets is null")
    if (policy.dhe is not None) != any(name.startswith("DHE-") for name in policy.ciphers):
        fields.refuse("dhe", "must be given exactly when ciphers has DHE suites")
    if policy.alpn != ("http/1.1",):
        fields.refuse("alpn", 'must be ["http/1.1"], the one protocol that this server speaks')
    return policy


def _tickets(fields: Fields) -> Tickets:
    tickets = Tickets(rotate_seconds=fields.whole("rotateSeconds"))
    fields.done()
    if not SHORTEST_TICKET_SECONDS <= tickets.rotate_seconds <= LONGEST_TICKET_SECONDS:
        fields.refuse("rotateSeconds", f"must be from {SHORTEST_TICKET_SECONDS} to {LONGEST_TICKET_SECONDS}, a week (RFC 8446, section 4.6.1)")
    return tickets


def _dhe(fields: Fields) -> Dhe:
    dhe = Dhe(
        group=fields.choice("group", DHE_GROUPS) if fields.has("group") else None,
        parameters=fields.path("parameters") if fields.has("parameters") else None,
    )
    fields.done()
    if (dhe.group is None) == (dhe.parameters is None):
        fields.refuse("group", "or parameters must be given, one of them")
    return dhe


def _limits(fields: Fields) -> Limits:
    """Any of ``Limits``, in camel case; what is left out has its default."""
    given: dict[str, Any] = {}
    for field in dataclasses.fields(Limits):
        key = re.sub("_([a-z])", lambda match: match[1].upper(), field.name)
        if fields.has(key):
            given[field.name] = fields.number(key, 0.01) if isinstance(field.default, float) else fields.whole(key)
            if given[field.name] == 0:
                fields.refuse(key, "must not be 0")
    fields.done()
    return Limits(**given)


def _certificate(fields: Fields) -> CertificatePaths:
    paths = CertificatePaths(chain=fields.path("chain"), key=fields.path("key"))
    fields.done()
    return paths


def _hsts(fields: Fields) -> Hsts:
    hsts = Hsts(max_age=fields.whole("maxAge"), include_subdomains=fields.flag("includeSubdomains"), preload=fields.flag("preload"))
    fields.done()
    return hsts


def _app(fields: Fields) -> App:
    kind = fields.choice("kind", ("about", "static", "proxy", "websocket-echo", "factory"))
    app: App = About()
    if kind == "static":
        app = Static(fields.path("directory"))
    elif kind == "proxy":
        app = Proxy(_upstream(fields, "upstream"))
    elif kind == "websocket-echo":
        app = WebSocketEcho()
    elif kind == "factory":
        module, attribute = fields.text("module"), fields.text("attribute")
        for key, dotted in (("module", module), ("attribute", attribute)):
            if not all(part.isidentifier() for part in dotted.split(".")):
                fields.refuse(key, f"is {dotted!r}, which is no Python name")
        app = Factory(module, attribute, None if fields.is_null("path") else fields.path("path"))
    fields.done()
    return app


def _upstream(fields: Fields, key: str) -> Upstream:
    text = fields.text(key)
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:"))
        if not path.is_absolute():
            fields.refuse(key, f"is {text!r}; expected an absolute path after unix:")
        return Upstream("localhost", 80, path)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        fields.refuse(key, f"is {text!r}, which is not a URL")
    if parts.scheme != "http":
        fields.refuse(key, f"has the scheme {parts.scheme!r}; expected http://HOST:PORT or unix:/PATH")
    if not host or port == 0 or parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        fields.refuse(key, f"is {text!r}; expected http://HOST:PORT, with nothing after it")
    return Upstream(host, 80 if port is None else port, None)


def _paths(fields: Fields) -> Paths:
    paths = Paths(run=fields.path("run"), state=fields.path("state"), log=None if fields.is_null("log") else fields.path("log"))
    fields.done()
    if len(str(paths.run / LONGEST_NAME).encode()) > SOCKET_PATH_LIMIT:
        fields.refuse("run", f"is too long: with /{LONGEST_NAME} it is beyond the {SOCKET_PATH_LIMIT} bytes that a Unix socket's path may have")
    return paths


def _user(parent: Fields) -> User | None:
    if parent.is_null("user"):
        return None
    fields = parent.child("user")
    user = User(name=fields.text("name"), uid=fields.whole("uid"), gid=fields.whole("gid"))
    fields.done()
    if user.uid == 0:
        fields.refuse("uid", "is root's; name an account without privileges, or null")
    return user


def _address(fields: Fields, key: str, text: str) -> Address:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > 65535:
        fields.refuse(key, f"holds {text!r}; expected address:port, IPv6 in brackets")
    try:
        host = ipaddress.IPv6Address(match[1]) if match[1] else ipaddress.IPv4Address(match[2])
    except ValueError:
        fields.refuse(key, f"holds {text!r}, whose host is not an IP address")
    return Address(host=str(host), port=int(match[3]))
