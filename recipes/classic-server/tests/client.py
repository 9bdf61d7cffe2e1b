"""A TLS client that keeps what the server said in the clear, and a WebSocket client that knows what a test needs."""

import base64
import os
import socket
import struct
from collections import namedtuple

from OpenSSL import SSL

from classic_server.policy import set_curve

#: Of a TLS 1.2 server's first flight: the curve's number (0 for DHE), the prime's size in bits (0 for ECDHE), and the public value.
KeyExchange = namedtuple("KeyExchange", "curve bits public")


class Client(object):
    """Connected, its handshake done with no suite but the one named."""

    def __init__(self, port, suite="ECDHE-RSA-AES128-GCM-SHA256", host="127.0.0.1", method=SSL.SSLv23_METHOD, curve="prime256v1"):
        context = SSL.Context(method)
        context.set_options(SSL.OP_NO_SSLv2 | SSL.OP_NO_SSLv3 | getattr(SSL, "OP_NO_TLSv1_3", 0))
        context.set_cipher_list(suite)
        set_curve(context, curve)
        self._socket = socket.create_connection((host, port), 10)
        self.raw = ""
        self._tls = SSL.Connection(context, None)
        self._tls.set_connect_state()
        try:
            self._do(self._tls.do_handshake)
        except Exception:
            self._socket.close()
            raise

    def send(self, data):
        self._do(self._tls.send, data)

    def receive(self):
        """Some bytes; "" at the end."""
        try:
            return self._do(self._tls.recv, 1 << 14)
        except (SSL.ZeroReturnError, EOFError):
            return ""

    def receive_all(self):
        return "".join(iter(self.receive, ""))

    def renegotiate(self):
        """Whether the server has said a new hello."""
        before = self._tls.server_random()
        self._tls.renegotiate()
        self._do(self._tls.do_handshake)
        return self._tls.server_random() != before

    def peer_certificate(self):
        return self._tls.get_peer_certificate()

    def close(self):
        self._socket.close()

    def _do(self, call, *arguments):
        while True:
            try:
                result = call(*arguments)
                self._flush()
                return result
            except SSL.WantReadError:
                self._flush()
            data = self._socket.recv(1 << 16)
            if not data:
                raise EOFError("the server closed the connection")
            self.raw += data
            self._tls.bio_write(data)

    def _flush(self):
        try:
            while True:
                self._socket.sendall(self._tls.bio_read(1 << 16))
        except SSL.WantReadError:
            pass


def key_exchange(raw):
    """The ServerKeyExchange among the bytes that a server sent."""
    message = dict(_messages(raw))[12]
    if message[0] == "\x03":
        return KeyExchange(struct.unpack(">H", message[1:3])[0], 0, message[4 : 4 + ord(message[3])])
    prime, rest = _sized(message)
    _generator, rest = _sized(rest)
    return KeyExchange(0, int(prime.encode("hex"), 16).bit_length(), _sized(rest)[0])


def _sized(data):
    length = struct.unpack(">H", data[:2])[0]
    return data[2 : 2 + length], data[2 + length :]


def _messages(raw):
    """Handshake messages in the clear, by type."""
    plain = ""
    while raw[:1] == "\x16":
        length = struct.unpack(">H", raw[3:5])[0]
        plain, raw = plain + raw[5 : 5 + length], raw[5 + length :]
    while plain:
        length = struct.unpack(">I", "\0" + plain[1:4])[0]
        yield ord(plain[0]), plain[4 : 4 + length]
        plain = plain[4 + length :]


def get(port, path="/", method="GET", host="127.0.0.1"):
    """Head and body of an answer over TLS."""
    client = Client(port, host=host)
    client.send("%s %s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n" % (method, path, port))
    head, _gap, body = client.receive_all().partition("\r\n\r\n")
    client.close()
    return head, body


class WebSocket(object):
    """Opened over TLS, on any path."""

    def __init__(self, port, path, host):
        self._client = Client(port)
        key = base64.b64encode(os.urandom(16))
        self._client.send(
            "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (path, host, key)
        )
        self._data = ""
        while "\r\n\r\n" not in self._data:
            self._more()
        self.head, _gap, self._data = self._data.partition("\r\n\r\n")

    def send(self, text):
        mask = os.urandom(4)
        masked = "".join(chr(ord(one) ^ ord(mask[at % 4])) for at, one in enumerate(text))
        size = chr(0x80 | len(text)) if len(text) < 126 else "\xfe" + struct.pack(">H", len(text))
        self._client.send("\x81" + size + mask + masked)

    def receive(self):
        """Kind and content of a frame."""
        head = self._take(2)
        length = ord(head[1])
        if length == 126:
            length = struct.unpack(">H", self._take(2))[0]
        return ord(head[0]) & 0x0F, self._take(length)

    def close(self):
        self._client.close()

    def _take(self, count):
        while len(self._data) < count:
            self._more()
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def _more(self):
        data = self._client.receive()
        if not data:
            raise EOFError("the server closed the connection after %r" % self._data)
        self._data += data
