"""The configuration as values. What the keys of the document are called stands in ``parse``."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar, Literal


@dataclass(frozen=True)
class Tickets:
    """Session tickets that resume: their key is made anew so often, and a ticket is good for as long; the last key still opens."""

    rotate_seconds: int


@dataclass(frozen=True)
class Dhe:
    """Finite-field Diffie-Hellman for TLS 1.2: a group of RFC 7919 by name, or parameters of one's own in a PEM file."""

    group: str | None
    parameters: Path | None


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
    #: None: none is sent.
    tickets: Tickets | None
    dhe: Dhe | None


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


def is_address(host: str) -> bool:
    """Whether a host is an IP address, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


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
class About:
    """A page that says what this server is."""

    kind: ClassVar = "about"


@dataclass(frozen=True)
class Static:
    """The files of a folder."""

    kind: ClassVar = "static"
    directory: Path


@dataclass(frozen=True)
class Upstream:
    """Where requests are passed on to: a host and port, or the path of a Unix socket."""

    host: str
    port: int
    socket: Path | None

    def __str__(self) -> str:
        return f"unix:{self.socket}" if self.socket is not None else f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True)
class Proxy:
    """Another HTTP/1.1 server, WebSocket connections through it among them."""

    kind: ClassVar = "proxy"
    upstream: Upstream


@dataclass(frozen=True)
class WebSocketEcho:
    """Sends back each WebSocket message."""

    kind: ClassVar = "websocket-echo"


@dataclass(frozen=True)
class Factory:
    """A protocol factory of somebody's: what ``attribute`` of a module is, or gives when it is called. ``path`` is where the module lies,
    None for one that the stack has."""

    kind: ClassVar = "factory"
    module: str
    attribute: str
    path: Path | None


App = About | Static | Proxy | WebSocketEcho | Factory


@dataclass(frozen=True)
class Paths:
    """``run`` is the folder of control sockets and pid files, ``state`` that of what outlives the process: OCSP responses, the access
    log. Without ``log``, standard error takes the lines."""

    run: Path
    state: Path
    log: Path | None


@dataclass(frozen=True)
class User:
    """The account that the server becomes when it is started as root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Limits:
    """Seconds are from the event named; a connection that is late is cut. Connections beyond a cap are closed at once. Caps on connections
    are for each worker."""

    #: From the accept to the end of the handshake.
    handshake_seconds: float = 10.0
    #: From the first moment a request may come to the end of its head.
    head_seconds: float = 15.0
    #: From the end of a request's head to the end of its body.
    body_seconds: float = 60.0
    #: From the end of a request's head to the end of its answer.
    request_seconds: float = 300.0
    #: Between requests of one connection.
    idle_seconds: float = 30.0
    #: Without the client taking what is written to it, or coming to its end after we have.
    stall_seconds: float = 60.0
    #: From the request to close for those still open.
    drain_seconds: float = 5.0
    #: Of these, for a connection to come with its first request: who has just been accepted is about to ask.
    first_request_seconds: float = 1.0
    connections: int = 10_000
    connections_per_address: int = 1_000
    #: Of a request: the names and values of its head together, and its body.
    header_bytes: int = 16_384
    body_bytes: int = 1 << 20
    #: A worker that holds more is replaced.
    worker_bytes: int = 512 << 20


@dataclass(frozen=True)
class Config:
    generation: int
    policy: Policy
    listen: tuple[Address, ...]
    redirect: tuple[Address, ...]
    names: tuple[str, ...]
    certificates: tuple[CertificatePaths, ...]
    #: What a client gets that asks for a name that no certificate has: the first certificate, or a refusal.
    sni: Literal["default", "strict"]
    #: Whether certificates that name a responder are stapled.
    ocsp: Literal["auto", "off"]
    hsts: Hsts
    app: App
    access_log: bool
    #: How many processes serve; 0: one for each processor that this one may use.
    workers: int
    limits: Limits
    paths: Paths
    user: User | None
    #: How long this server keeps its sockets, ready to serve again, after another process has taken over.
    stand_by_seconds: int
    libssl: Path
    about: tuple[tuple[str, str], ...]
    #: SHA-256 of the file's bytes, hexadecimal.
    digest: str
