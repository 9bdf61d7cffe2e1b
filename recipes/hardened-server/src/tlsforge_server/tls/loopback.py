"""Handshakes between two contexts in memory: how a policy is seen to be in force."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL

from .policy import VERSIONS, set_groups, set_signature_algorithms

_lib: Any = getattr(SSL, "_lib")
#: Every suite this OpenSSL has, so that a client can ask for what a server must refuse.
EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


@dataclass(frozen=True)
class Outcome:
    """What a handshake led to. ``error`` is None exactly when it completed; the rest tells of completed ones."""

    error: str | None
    version: str = ""
    cipher: str = ""
    group: str = ""
    alpn: str = ""
    #: SHA-256 of the leaf that the client was shown.
    certificate: bytes = b""
    #: Bytes that the server sends of itself after the handshake: session tickets.
    trailing: int = 0
    #: Whether it went on with the session of an earlier one.
    resumed: bool = False
    #: What a later handshake of the same client context can go on with.
    session: SSL.Session | None = None
    #: How much a client may send before the handshake of a resumption ends (RFC 8446, section 4.2.10).
    early_data: int = 0
    #: All that the server sent, to the end of the handshake.
    flight: bytes = field(default=b"", repr=False)


def client_context(
    *,
    version: str | None = None,
    ciphers: Sequence[str] = (EVERYTHING,),
    ciphersuites: Sequence[str] = (),
    groups: Sequence[str] = (),
    signature_algorithms: Sequence[str] = (),
    alpn: Sequence[str] = (),
) -> SSL.Context:
    """A client that offers exactly this; what is left out is OpenSSL's default. It verifies no certificate."""
    context = SSL.Context(SSL.TLS_METHOD)
    if version is not None:
        context.set_min_proto_version(VERSIONS[version])
        context.set_max_proto_version(VERSIONS[version])
    context.set_cipher_list(":".join(ciphers).encode())
    if ciphersuites:
        context.set_tls13_ciphersuites(":".join(ciphersuites).encode())
    if groups:
        set_groups(context, groups)
    if signature_algorithms:
        set_signature_algorithms(context, signature_algorithms)
    if alpn:
        context.set_alpn_protos([name.encode() for name in alpn])
    return context


def handshake(server_context: SSL.Context, context: SSL.Context, *, name: str | None = None, session: SSL.Session | None = None) -> Outcome:
    """One handshake in memory, of a client that asks for a name and offers a session where it has one. A session is for the client
    context that it came from."""
    server = SSL.Connection(server_context, None)
    server.set_accept_state()
    client = SSL.Connection(context, None)
    client.set_connect_state()
    if name is not None:
        client.set_tlsext_host_name(name.encode())
    if session is not None:
        client.set_session(session)
    waiting = {"client": client, "server": server}
    flight = b""
    for _turn in range(8):
        for side, end in list(waiting.items()):
            try:
                end.do_handshake()
                del waiting[side]
            except SSL.WantReadError:
                continue
            except SSL.Error as error:
                return Outcome(error=f"{side}: {_reason(error)}")
            finally:
                sent = _carry(end, server if end is client else client)
                flight += sent if end is server else b""
        if not waiting:
            outcome = _completed(client, flight, len(sent) if end is server else 0)
            for each in (client, server):
                # OpenSSL lets no session go on whose connection was only dropped.
                each.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
            return outcome
    return Outcome(error="the handshake does not end")


def _completed(client: SSL.Connection, flight: bytes, trailing: int) -> Outcome:
    leaf = client.get_peer_certificate(as_cryptography=True)
    assert isinstance(leaf, x509.Certificate)
    try:
        # Tickets of TLS 1.3 are taken when something is read.
        client.recv(1)
    except SSL.WantReadError:
        pass
    version = client.get_protocol_version_name()
    session = client.get_session()
    return Outcome(
        error=None,
        version=version,
        cipher=client.get_cipher_name() or "",
        group=client.get_group_name() or "",
        alpn=client.get_alpn_proto_negotiated().decode(),
        certificate=leaf.fingerprint(hashes.SHA256()),
        # In TLS 1.2 the server's last flight is its Finished; in TLS 1.3 the client's is, and what follows is tickets.
        trailing=trailing if version == "TLSv1.3" else 0,
        resumed=_lib.SSL_session_reused(getattr(client, "_ssl")) == 1,
        session=session,
        early_data=int(_lib.SSL_SESSION_get_max_early_data(getattr(session, "_session"))),
        flight=flight,
    )


def _carry(sender: SSL.Connection, receiver: SSL.Connection) -> bytes:
    carried = b""
    while True:
        try:
            data = sender.bio_read(65536)
        except SSL.WantReadError:
            return carried
        carried += data
        receiver.bio_write(data)


def _reason(error: SSL.Error) -> str:
    queue = error.args[0] if error.args else None
    return str(queue[-1][2]) if isinstance(queue, list) and queue else type(error).__name__
