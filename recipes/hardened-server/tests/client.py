"""A TLS client over a socket, for what a server does on the wire."""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager
from collections.abc import Iterator
from typing import Any

from OpenSSL import SSL
from tlsforge_server.tls.loopback import client_context


@contextmanager
def connected(port: int, *, receive_buffer: int | None = None, **offer: Any) -> Iterator[SSL.Connection]:
    """A connection with its handshake done. Raises SSL.Error when it is refused."""
    with socket.socket() as tcp:
        if receive_buffer is not None:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        tcp.settimeout(10)
        tcp.connect(("127.0.0.1", port))
        tcp.settimeout(None)
        # OpenSSL reads by itself: without an answer for that long it raises instead of waiting on.
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 20, 0))
        connection = SSL.Connection(client_context(**offer), tcp)
        connection.set_connect_state()
        connection.set_tlsext_host_name(b"localhost")
        connection.do_handshake()
        yield connection


def refused(port: int, **offer: Any) -> str:
    """The reason by OpenSSL's name for which a handshake is refused; empty when it is not."""
    try:
        with connected(port, **offer):
            return ""
    except SSL.SysCallError as error:
        return str(error)
    except SSL.Error as error:
        return str(error.args[0][-1][2]) if error.args and error.args[0] else "closed"


def get(connection: SSL.Connection, path: str = "/", *, method: str = "GET", headers: tuple[str, ...] = ()) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection that stays open: status, headers in lower case, body."""
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""])
    connection.sendall(head.encode())
    return answer(connection, method)


def exchange(port: int, request: bytes) -> bytes:
    """Everything that is answered to bytes on a connection, until it closes."""
    with connected(port) as connection:
        connection.sendall(request)
        return rest(connection)


def rest(connection: SSL.Connection) -> bytes:
    """Everything up to the closing alert."""
    data = b""
    while True:
        try:
            data += connection.recv(1 << 16)
        except SSL.ZeroReturnError:
            return data


def generation(port: int) -> int:
    """The generation of the server that answers, by its page."""
    with connected(port) as connection:
        page = get(connection)[2].decode()
    return int(page.split("<th scope=row>generation<td>")[1].split("<")[0])


def answer(connection: SSL.Connection | socket.socket, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
    while len(body) < length:
        body += _receive(connection)
    return int(lines[0].split()[1]), headers, body


def _receive(connection: SSL.Connection | socket.socket) -> bytes:
    chunk = connection.recv(65536)
    assert chunk, "the connection closed in the middle of an answer"
    return chunk


def carry_out(client: SSL.Connection, server: SSL.Connection) -> None:
    """A handshake in memory, between two connections that have no socket."""
    for end, other in ((client, server), (server, client)) * 3:
        try:
            end.do_handshake()
        except SSL.WantReadError:
            pass
        try:
            other.bio_write(end.bio_read(65536))
        except SSL.WantReadError:
            pass
