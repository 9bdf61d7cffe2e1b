"""The control socket and the end of a server: status, reload, stop, signals, and the names in the run folder."""

import hashlib
import json
import os
import signal
import socket
import stat
import time

from OpenSSL import crypto

import pki
import support
from client import Client, WebSocket, get


class Control(support.Case):
    def test_status(self):
        server = self.server()
        status = server.status()
        text = json.dumps(self.document)
        self.assertEqual(status["configDigest"], hashlib.sha256(text).hexdigest())
        self.assertEqual(status["certificates"][0]["chainSha256"], hashlib.sha256(self.files["/etc/cert.pem"]).hexdigest())
        self.assertEqual(status["certificates"][0]["names"], ["localhost", "127.0.0.1", "::1"])
        self.assertRegexpMatches(status["certificates"][0]["notAfter"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        for key, value in (
            ("pid", server.process.pid),
            ("workers", [server.process.pid]),
            ("role", "serving"),
            ("until", None),
            ("handsOver", False),
            ("generation", 7),
            ("libssl", support.LIBSSL),
            ("lastError", None),
            ("connections", 0),
            ("vulnerable", self.document["vulnerable"]),
        ):
            self.assertEqual(status[key], value, key)
        for key, value in self.document["policy"].items():
            if key != "dhe":
                self.assertEqual(status["policy"][key], value, key)
        self.assertEqual((status["policy"]["dhBits"], status["policy"]["handshakes"]), (2048, 6))
        self.assertEqual(status["policy"]["inert"], [] if support.KEYS_CAN_REPEAT else ["NO_SSLv2", "SINGLE_DH_USE", "SINGLE_ECDH_USE"])

    def test_connections_are_counted(self):
        server = self.server()
        client = Client(server.port())
        self.assertEqual(server.status()["connections"], 1)
        client.close()
        until(lambda: server.status()["connections"] == 0)

    def test_names_and_modes(self):
        server = self.server()
        folder = server.run_folder
        self.assertEqual(sorted(os.listdir(folder)), ["server.pid", "server.sock"])
        mode = os.lstat(os.path.join(folder, "server.sock")).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        with open(os.path.join(folder, "server.pid")) as file:
            pid, start = file.read().split("\n")[:2]
        with open("/proc/%d/stat" % server.process.pid) as file:
            self.assertEqual((int(pid), start), (server.process.pid, file.read().rpartition(")")[2].split()[19]))
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(folder, "server.pid")).st_mode), 0o600)

    def test_a_second_one(self):
        server = self.server()
        code, error = self.run_server()
        self.assertEqual((code, error["code"], error["pid"]), (1, "already-running", server.process.pid))
        self.assertEqual(server.status()["pid"], server.process.pid)

    def test_a_pid_file_that_was_left(self):
        with open(os.path.join(self.document["paths"]["run"], "server.pid"), "w") as file:
            file.write("%d\n1\n" % os.getpid())
        self.server()

    def test_no_hand_over(self):
        server = self.server()
        for command, more in (("take-over", {}), ("spawn", {"program": "/x", "bundle": {}}), ("sockets", {}), ("stand-by", {"pid": 1}), ("give-way", {})):
            answer = server.ask(command, **more)
            self.assertEqual((answer["ok"], answer["error"]["code"]), (False, "spawn-refused" if command == "spawn" else "take-over-refused"))
            self.assertIn("does not hand over", answer["error"]["message"])

    def test_wrong_usage(self):
        server = self.server()
        for command, more in (("dance", {}), ("status", {"bundle": {}}), ("reload", {"bundle": []}), ("stop", {"now": True})):
            self.assertEqual(server.ask(command, **more)["error"]["code"], "usage")
        self.assertEqual(server.status()["pid"], server.process.pid)


class Reload(support.Case):
    def test_a_certificate(self):
        server = self.server()
        port = server.port()
        old = Client(port)
        key = pki.new_key()
        self.files.update({"/etc/cert.pem": support.AUTHORITY.leaf(key), "/etc/key.pem": pki.key_text(key)})
        self.document["generation"] = 8
        answer = server.ask("reload", bundle=self.bundle())
        self.assertEqual((answer["ok"], answer["status"]["generation"]), (True, 8))
        self.assertEqual(answer["status"]["configDigest"], hashlib.sha256(json.dumps(self.document)).hexdigest())
        new = Client(port)
        served = crypto.dump_certificate(crypto.FILETYPE_ASN1, new.peer_certificate())
        self.assertEqual(hashlib.sha256(served).hexdigest(), answer["status"]["certificates"][0]["sha256"])
        self.assertNotEqual(served, crypto.dump_certificate(crypto.FILETYPE_ASN1, old.peer_certificate()))
        # The old connection lives, and is told of the new generation.
        old.send("GET / HTTP/1.0\r\n\r\n")
        self.assertIn("<td>8</table>", old.receive_all())

    def test_what_needs_a_relaunch(self):
        server = self.server()
        for key, value in (("listen", ["127.0.0.1:1"]), ("redirect", []), ("libssl", "/x"), ("user", {"name": "x", "uid": 1, "gid": 1})):
            before = self.document[key]
            self.document[key] = value
            answer = server.ask("reload", bundle=self.bundle())
            self.assertEqual(answer["error"]["code"], "reload-refused")
            self.assertEqual(answer["error"]["message"], "%s cannot change while the server runs" % key)
            self.assertIn("tlsforge provision", answer["error"]["hint"])
            self.document[key] = before
        self.assertIn("user cannot change", server.status()["lastError"])

    def test_what_is_not_right_changes_nothing(self):
        server = self.server()
        port = server.port()
        before = server.status()["certificates"]
        live = Client(port)
        for _again in range(3):
            self.files["/etc/key.pem"] = pki.key_text(pki.new_key(1024))
            self.assertEqual(server.ask("reload", bundle=self.bundle())["error"]["code"], "certificate-refused")
            self.files = dict(support.FILES)
            self.document["policy"]["groups"] = ["rsaEncryption"]
            self.assertEqual(server.ask("reload", bundle=self.bundle())["error"]["code"], "policy-refused")
            self.document["policy"]["groups"] = ["prime256v1"]
            self.assertIn("vulnerable", get(port)[1])
        self.assertEqual(server.status()["certificates"], before)
        live.send("GET / HTTP/1.0\r\n\r\n")
        self.assertIn("vulnerable", live.receive_all())
        self.assertTrue(server.ask("reload", bundle=self.bundle())["ok"])
        self.assertEqual(server.status()["lastError"], None)

    def test_without_a_bundle(self):
        server = self.server()
        self.assertEqual(server.ask("reload")["error"]["code"], "reload-refused")
        server.signal(signal.SIGHUP)
        until(lambda: "no files to read again" in (server.status()["lastError"] or ""))
        self.assertIn("vulnerable", get(server.port())[1])


class End(support.Case):
    def test_by_command(self):
        server = self.server()
        idle = Client(server.port())
        self.assertEqual(server.ask("stop"), {"ok": True})
        code, seconds = server.ended()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 4)
        self.assertEqual(os.listdir(server.run_folder), [])
        self.assertEqual(idle.receive_all(), "")
        self.assertIn("stopped", server.log_text())
        self.assertIn("listening on 127.0.0.1:", server.log_text())

    def test_by_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.server()
            server.signal(number)
            self.assertEqual(server.ended()[0], 0)
            self.assertEqual(os.listdir(server.run_folder), [])

    def test_who_does_not_end_is_cut(self):
        server = self.server()
        # One in a handshake, which gets a second; one in a request's body, which gets them all.
        silent = socket.create_connection(("127.0.0.1", server.port()))
        busy = Client(server.port())
        busy.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        echo = WebSocket(server.port(), "/", "x")
        until(lambda: server.status()["connections"] == 3)
        server.ask("stop")
        self.assertEqual(echo.receive(), (8, "\x03\xe9the server is about to end"))
        code, seconds = server.ended()
        self.assertEqual(code, 0)
        self.assertTrue(4 < seconds < 8, seconds)
        silent.close()

    def test_no_new_connections_while_it_ends(self):
        server = self.server()
        port = server.port()
        busy = Client(port)
        busy.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        until(lambda: server.status()["connections"] == 1)
        server.ask("stop")
        until(lambda: not reaches(port))
        busy.send("whole!")
        self.assertIn("405", busy.receive_all())
        self.assertLess(server.ended()[1], 4)

    def test_to_standard_error(self):
        self.document["paths"]["log"] = None
        server = self.server()
        server.ask("stop")
        server.ended()
        self.assertIn("listening on", server.process.stderr.read())


def reaches(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except socket.error:
        return False


def until(true):
    deadline = time.time() + 10
    while not true():
        assert time.time() < deadline, "it does not come about"
        time.sleep(0.02)


if __name__ == "__main__":
    support.unittest.main()
