"""Servers and clients for bench:endpoint, with the Python of a stack.

    endpoint.py serve (ours | stock) (answer | web) FOLDER LIBSSL    prints its port; FOLDER has cert.pem and key.pem
    endpoint.py load (handshake | get | body) PORT COUNT GROUP       prints when it is done
    endpoint.py hold PORT COUNT                                      opens connections, prints, keeps them until standard input ends
"""

import os
import socket
import sys
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent.parent.parent / "recipes/hardened-server/src"))

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\nConnection: close\r\nX-Padding: abcdefg\r\n\r\nHello, world!\n"
BODY_BYTES = 4_000_000
GROUPS = ("X25519MLKEM768", "X25519", "prime256v1", "secp384r1")
SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
SIGNATURES = ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256")


def serve(kind: str, application: str, folder: str, libssl: str) -> None:
    if kind == "ours":
        from tlsforge_server.endpoint.reactor import process_reactor

        reactor = process_reactor()
    else:
        from twisted.internet import reactor

    factory = _web() if application == "web" else _answer()
    port = (_ours if kind == "ours" else _stock)(reactor, factory, folder, libssl)
    print(port, flush=True)
    reactor.run()


def _answer() -> Any:
    from twisted.internet.protocol import Factory, Protocol

    class Answer(Protocol):
        def dataReceived(self, data: bytes) -> None:
            self.transport.write(ANSWER)
            self.transport.loseConnection()

    return Factory.forProtocol(Answer)


def _web() -> Any:
    from twisted.web import resource, server, static

    root = resource.Resource()
    root.putChild(b"", static.Data(b"Hello, world!\n", "text/plain"))
    root.putChild(b"body", static.Data(bytes(BODY_BYTES), "application/octet-stream"))
    site = server.Site(root)
    site.log = lambda _request: None
    return site


def _ours(reactor: Any, factory: Any, folder: str, libssl: str) -> int:
    from OpenSSL import SSL
    from tlsforge_server.tls import policy
    from tlsforge_server.config.model import Policy
    from tlsforge_server.config.model import Limits
    from tlsforge_server.endpoint.service import SocketEndpoint
    from tlsforge_server.tls.libssl import open_mapped

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    options = ("NO_COMPRESSION", "NO_RENEGOTIATION", "NO_TICKET")
    applied = Policy("modern", "TLSv1.3", "TLSv1.3", (), SUITES, GROUPS, SIGNATURES, "client", options, ("http/1.1",), None, None)
    policy.apply(context, applied, open_mapped(Path(libssl)))
    context.use_certificate_chain_file(f"{folder}/cert.pem")
    context.use_privatekey_file(f"{folder}/key.pem")
    limits = Limits(connections_per_address=100_000)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        return SocketEndpoint(context, limits, reactor).protect(factory).accept(listening).getHost().port


def _stock(reactor: Any, factory: Any, folder: str, _libssl: str) -> int:
    from twisted.internet.ssl import PrivateCertificate

    pem = Path(f"{folder}/key.pem").read_bytes() + Path(f"{folder}/cert.pem").read_bytes()
    return reactor.listenSSL(0, factory, PrivateCertificate.loadPEM(pem).options(), interface="127.0.0.1", backlog=1024).getHost().port


def load(what: str, port: str, count: str, group: str) -> None:
    from OpenSSL import SSL

    context = client(group)
    if what == "body":
        _bodies(context, int(port), int(count))
    for _ in range(int(count) if what != "body" else 0):
        connection = connect(context, int(port))
        if what == "get":
            connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            received = b""
            try:
                while True:
                    received += connection.recv(65536)
            except SSL.Error:
                assert received.startswith(b"HTTP/1."), received
        try:
            connection.shutdown()
        except SSL.Error:
            pass
        connection.close()
    print("done", flush=True)


def hold(port: str, count: str) -> None:
    context = client("X25519")
    held = [connect(context, int(port)) for _ in range(int(count))]
    print(len(held), flush=True)
    sys.stdin.read()


def _bodies(context: Any, port: int, count: int) -> None:
    connection = connect(context, port)
    for _ in range(count):
        connection.send(b"GET /body HTTP/1.1\r\nHost: localhost\r\n\r\n")
        left = BODY_BYTES
        data = connection.recv(65536)
        head, _, data = data.partition(b"\r\n\r\n")
        while left > len(data):
            left -= len(data)
            data = connection.recv(min(65536, left))


def client(group: str) -> Any:
    from OpenSSL import SSL
    from tlsforge_server.tls.loopback import client_context

    context = client_context(version="TLSv1.3", ciphersuites=SUITES, groups=[group])
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    return context


def connect(context: Any, port: int, source: str | None = None) -> Any:
    from OpenSSL import SSL

    tcp = socket.create_connection(("127.0.0.1", port), source_address=None if source is None else (source, 0))
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = SSL.Connection(context, tcp)
    connection.set_connect_state()
    connection.do_handshake()
    return connection


if __name__ == "__main__":
    {"serve": serve, "load": load, "hold": hold}[sys.argv[1]](*sys.argv[2:])
    os._exit(0)
