"""What ecdh.patch adds to pyOpenSSL 0.13, told by handshakes, by resident memory and by OpenSSL's queue of errors.

    PYTHONPATH=OUTPUT/lib/python2.7/site-packages python2.7 test_ecdh_curve.py

OUTPUT is what the recipe pyopenssl built; the interpreter is the Python that it was built with.
"""

import ctypes
import resource
import struct
import sys
import unittest

import OpenSSL
from OpenSSL import SSL, crypto

CALLS = 200000

# Bytes by which so many calls may grow the process: 20 for each. An EC_KEY has hundreds, its group thousands.
GROWTH = 4 * 1024 * 1024

# RFC 4492, section 5.1.1, and the size of an uncompressed point.
TLS_CURVES = {"prime256v1": (23, 65), "secp384r1": (24, 97), "secp521r1": (25, 133)}

CHANGE_CIPHER_SPEC, HANDSHAKE, SERVER_KEY_EXCHANGE, NAMED_CURVE = 20, 22, 12, 3

UNKNOWN = ["no such curve", "", " prime256v1", "prime256v1 ", "PRIME256V1", "UNDEF", "P-256", "x" * 100000]
NO_CURVES = ["SHA256", "rsaEncryption", "id-ecPublicKey", "CN"]
WRONG = [None, 415, 4.15, [], object(), "prime256v1\0", "prime256v1\0x", bytearray(b"prime256v1")]


def make_identity():
    key = crypto.PKey()
    key.generate_key(crypto.TYPE_RSA, 2048)
    certificate = crypto.X509()
    certificate.get_subject().CN = "localhost"
    certificate.set_issuer(certificate.get_subject())
    certificate.gmtime_adj_notBefore(0)
    certificate.gmtime_adj_notAfter(3600)
    certificate.set_pubkey(key)
    certificate.sign(key, "sha256")
    return key, certificate


KEY, CERTIFICATE = make_identity()


def server_context(*options):
    context = SSL.Context(SSL.SSLv23_METHOD)
    context.use_privatekey(KEY)
    context.use_certificate(CERTIFICATE)
    context.set_cipher_list("ECDHE-RSA-AES128-SHA")
    for option in options:
        context.set_options(option)
    return context


def handshake(context):
    """Both ends in this process; gives all that the server sent."""
    client = SSL.Connection(SSL.Context(SSL.SSLv23_METHOD), None)
    client.set_connect_state()
    server = SSL.Connection(context, None)
    server.set_accept_state()
    sent = []
    waiting = [client, server]
    for _ in range(20):
        for connection in list(waiting):
            try:
                connection.do_handshake()
                waiting.remove(connection)
            except SSL.WantReadError:
                pass
        for source, sink in ((client, server), (server, client)):
            try:
                data = source.bio_read(1 << 16)
            except SSL.WantReadError:
                continue
            if source is server:
                sent.append(data)
            sink.bio_write(data)
        if not waiting:
            client.send("ping")
            server.bio_write(client.bio_read(1 << 16))
            assert server.recv(16) == "ping"
            return "".join(sent)
    raise AssertionError("the handshake does not end")


def handshake_messages(data):
    """Type and body of the messages that are sent in the clear."""
    plain = ""
    while data:
        kind, _, length = struct.unpack(">BHH", data[:5])
        if kind == CHANGE_CIPHER_SPEC:
            break
        if kind == HANDSHAKE:
            plain += data[5:5 + length]
        data = data[5 + length:]
    while plain:
        length = struct.unpack(">I", "\0" + plain[1:4])[0]
        yield ord(plain[0]), plain[4:4 + length]
        plain = plain[4 + length:]


def server_share(context):
    """Number of the named curve, and the server's public point (RFC 4492, section 5.4)."""
    [exchange] = [body for kind, body in handshake_messages(handshake(context)) if kind == SERVER_KEY_EXCHANGE]
    kind, curve, length = struct.unpack(">BHB", exchange[:4])
    assert kind == NAMED_CURVE
    return curve, exchange[4:4 + length]


def resident():
    if not sys.platform.startswith("linux"):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with open("/proc/self/statm") as sizes:
        return int(sizes.read().split()[1]) * resource.getpagesize()


def growth(call):
    """Bytes by which CALLS calls grow the process, once it has all that it keeps."""
    for _ in xrange(CALLS // 50):
        call()
    before = resident()
    for _ in xrange(CALLS):
        call()
    return resident() - before


def first_error():
    """The oldest error in the queue of the OpenSSL that is mapped; 0 for none."""
    with open("/proc/self/maps") as maps:
        [path] = set(line.split()[-1] for line in maps if "/libcrypto" in line)
    peek = ctypes.CDLL(path).ERR_peek_error
    peek.restype = ctypes.c_ulong
    return peek()


class Version(unittest.TestCase):
    def test_tells_the_patch(self):
        self.assertEqual(OpenSSL.__version__, "0.13.1+ecdh")


class Refusals(unittest.TestCase):
    def setUp(self):
        self.context = server_context(SSL.OP_SINGLE_ECDH_USE)
        self.context.set_tmp_ecdh_curve("secp384r1")

    def refuse(self, error, *names):
        """Every name is refused, without an error left behind, and the curve stays what it was."""
        for name in names:
            with self.assertRaises(error) as raised:
                self.context.set_tmp_ecdh_curve(name)
            self.assertIs(type(raised.exception), error)
            if sys.platform.startswith("linux"):
                self.assertEqual(first_error(), 0)
        self.assertEqual(server_share(self.context)[0], 24)
        return raised.exception

    def test_unknown_names(self):
        self.assertLess(len(str(self.refuse(ValueError, *UNKNOWN))), 200)

    def test_known_objects_that_are_no_curves(self):
        error = self.refuse(SSL.Error, *NO_CURVES)
        self.assertEqual([entry[2] for entry in error.args[0]], ["unknown group"])

    def test_wrong_types(self):
        self.refuse(TypeError, *WRONG)
        self.assertRaises(TypeError, self.context.set_tmp_ecdh_curve)
        self.assertRaises(TypeError, self.context.set_tmp_ecdh_curve, "prime256v1", "secp384r1")
        self.assertRaises(UnicodeError, self.context.set_tmp_ecdh_curve, u"prime256v1\xe9")

    def test_success_leaves_no_error(self):
        self.assertIsNone(self.context.set_tmp_ecdh_curve(u"prime256v1"))
        if sys.platform.startswith("linux"):
            self.assertEqual(first_error(), 0)


class Memory(unittest.TestCase):
    def stays(self, call):
        grown = growth(call)
        sys.stderr.write("%d KiB ... " % (grown // 1024))
        self.assertLess(grown, GROWTH)

    def refused(self, error, name):
        set_curve = server_context().set_tmp_ecdh_curve

        def call():
            try:
                set_curve(name)
            except error:
                return
            raise AssertionError("taken: %r" % (name,))

        self.stays(call)

    def test_success(self):
        set_curve = server_context(SSL.OP_SINGLE_ECDH_USE).set_tmp_ecdh_curve
        self.stays(lambda: set_curve("prime256v1"))

    def test_success_with_a_key_for_all_connections(self):
        # Making the key is what takes the time, so on the smallest curve.
        set_curve = server_context().set_tmp_ecdh_curve
        self.stays(lambda: set_curve("secp112r1"))

    def test_unknown_name(self):
        self.refused(ValueError, "no such curve")

    def test_known_object_that_is_no_curve(self):
        self.refused(SSL.Error, "SHA256")

    def test_wrong_type(self):
        self.refused(TypeError, 415)


class Handshakes(unittest.TestCase):
    def test_the_chosen_curve_is_used(self):
        for name, (number, size) in TLS_CURVES.items():
            context = server_context(SSL.OP_SINGLE_ECDH_USE)
            context.set_tmp_ecdh_curve(name)
            curve, point = server_share(context)
            self.assertEqual((name, curve, len(point)), (name, number, size))

    def test_the_last_choice_counts(self):
        context = server_context(SSL.OP_SINGLE_ECDH_USE)
        context.set_tmp_ecdh_curve("prime256v1")
        context.set_tmp_ecdh_curve("secp384r1")
        self.assertEqual(server_share(context)[0], 24)

    def test_without_a_curve_there_is_no_ecdhe(self):
        self.assertRaises(SSL.Error, handshake, server_context())

    def test_single_use_makes_a_key_for_each_connection(self):
        context = server_context(SSL.OP_SINGLE_ECDH_USE)
        context.set_tmp_ecdh_curve("prime256v1")
        self.assertEqual(len(set(server_share(context) for _ in range(4))), 4)

    def test_without_single_use_the_key_repeats(self):
        context = server_context()
        context.set_tmp_ecdh_curve("prime256v1")
        self.assertEqual(len(set(server_share(context) for _ in range(4))), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
