"""The server as its clients meet it: the page, the echo, the redirect, versions and preference."""

import socket

from OpenSSL import SSL

import support
from client import Client, WebSocket, get, key_exchange


class Page(support.Case):
    def test_it_says_that_it_is_vulnerable(self):
        head, body = get(self.server().port())
        self.assertTrue(head.startswith("HTTP/1.1 200 OK\r\n"), head)
        self.assertIn("This TLS server is vulnerable. It is for reproduction only.", body)
        self.assertIn("<li>openssl 1.0.1e, CVE-2014-0160: Heartbleed: reads the server's memory", body)
        self.assertIn("&lt;twisted&gt;<td>13 &amp; older", body)
        self.assertIn("classic-2013", body)

    def test_no_header_of_today_and_nothing_kept(self):
        head, _body = get(self.server().port())
        names = set(line.partition(":")[0].lower() for line in head.split("\r\n")[1:])
        self.assertEqual(names, set(["date", "server", "content-length", "content-type", "cache-control", "connection"]) & names)
        self.assertIn("Cache-Control: no-store", head)

    def test_other_paths_and_methods(self):
        port = self.server().port()
        self.assertTrue(get(port, "/other")[0].startswith("HTTP/1.1 404 "))
        self.assertTrue(get(port, "/", "POST")[0].startswith("HTTP/1.1 405 "))
        self.assertEqual(get(port, "/", "HEAD")[1], "")


class Echo(support.Case):
    def test_on_any_path_under_any_name(self):
        port = self.server().port()
        for path, host in (("/", "localhost:%d" % port), ("/ws/deep?a=b", "[::1]:%d" % port), ("/x", "www.example.org")):
            socket = WebSocket(port, path, host)
            self.assertTrue(socket.head.startswith("HTTP/1.1 101 "), socket.head)
            for text in ("hello", "x" * 5000):
                socket.send(text)
                self.assertEqual(socket.receive(), (1, text))
            socket.close()


class Redirected(support.Case):
    def ask(self, port, request):
        client = socket.create_connection(("127.0.0.1", port), 10)
        client.sendall(request)
        text = client.makefile().read()
        client.close()
        return text

    def test_to_the_listener(self):
        server = self.server()
        secure, plain = server.port(), server.port("redirect")
        for host, expected in (("localhost", "localhost"), ("WWW.example.org:80", "www.example.org"), ("evil.test", "localhost")):
            text = self.ask(plain, "GET /a?b HTTP/1.0\r\nHost: %s\r\n\r\n" % host)
            self.assertIn("301 Moved Permanently", text)
            self.assertIn("\r\nLocation: https://%s:%d/a?b\r\n" % (expected, secure), text)
        self.assertIn(" 308 ", self.ask(plain, "POST / HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"))


class Addresses(support.Case):
    def test_both_families(self):
        self.document["listen"] = ["127.0.0.1:0", "[::1]:0"]
        listen = self.server().status()["listen"]
        self.assertTrue(listen[0].startswith("127.0.0.1:") and listen[1].startswith("[::1]:"), listen)
        self.assertIn("vulnerable", get(int(listen[1].rpartition(":")[2]), host="::1")[1])

    def test_one_that_is_taken(self):
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        self.document["listen"] = [address]
        code, error = self.run_server()
        taken.close()
        self.assertEqual((code, error["code"], error["listen"]), (1, "port-in-use", address))


class Tls(support.Case):
    def test_the_servers_order_decides(self):
        client = Client(self.server().port(), ":".join(reversed(support.SUITES)))
        # Curve 23 is prime256v1.
        self.assertEqual(key_exchange(client.raw).curve, 23)
        self.assertEqual(cipher_of(client.raw), 0xC02F)
        client.close()

    def test_the_curve_of_the_policy(self):
        for curve, number in (("secp384r1", 24), ("secp521r1", 25), ("secp256k1", 22), ("sect283k1", 9)):
            self.document["policy"]["groups"] = [curve]
            server = self.server()
            client = Client(server.port(), curve=curve)
            self.assertEqual((curve, key_exchange(client.raw).curve), (curve, number))
            client.close()
            server.ask("stop")
            server.ended()

    def test_tls_1_0_is_on(self):
        client = Client(self.server().port(), "ECDHE-RSA-AES128-SHA", method=SSL.TLSv1_METHOD)
        self.assertEqual(client.raw[1:3], "\x03\x01")
        client.close()

    def test_it_ends_where_the_policy_says(self):
        self.document["policy"]["minVersion"] = "TLSv1.2"
        port = self.server().port()
        self.assertRaises((SSL.Error, EOFError, socket.error), Client, port, "ECDHE-RSA-AES128-SHA", method=SSL.TLSv1_METHOD)
        Client(port).close()

    def test_dh_of_the_file(self):
        client = Client(self.server().port(), "DHE-RSA-AES128-SHA256")
        self.assertEqual(key_exchange(client.raw).bits, 2048)
        client.close()


def cipher_of(raw):
    """The suite of a ServerHello that stands first."""
    session = ord(raw[43])
    return int(raw[44 + session : 46 + session].encode("hex"), 16)


if __name__ == "__main__":
    support.unittest.main()
