"""The process: whose it is, what it has given up, and which interpreter runs it."""

import os
import shutil
import socket
import sys
import unittest

import support
from client import Client, get


class Account(support.Case):
    @unittest.skipUnless(os.geteuid() == 0 and sys.platform.startswith("linux"), "only root can become another account")
    def test_root_becomes_it_before_it_binds(self):
        port = free_low_port()
        self.document["user"] = {"name": "nobody", "uid": 65534, "gid": 65534}
        self.document["listen"] = ["127.0.0.1:%d" % port]
        os.chmod(self.folder, 0o711)
        os.chown(self.document["paths"]["run"], 65534, 65534)
        server = self.server()
        status = server.status()
        self.assertEqual((status["user"], status["listen"]), ("nobody", ["127.0.0.1:%d" % port]))
        self.assertEqual((status["policy"]["noNewPrivileges"], status["policy"]["capabilitiesDropped"]), ("in force", "in force"))
        with open("/proc/%d/status" % server.process.pid) as file:
            facts = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual(facts["Uid"].split(), ["65534"] * 4)
        self.assertEqual(facts["Gid"].split(), ["65534"] * 4)
        self.assertEqual(facts["Groups"].strip(), "")
        for kind in ("CapEff", "CapPrm", "CapInh"):
            self.assertEqual((kind, int(facts[kind], 16)), (kind, 0))
        for name in ("run/server.sock", "run/server.pid", "log"):
            self.assertEqual((name, os.lstat(os.path.join(self.folder, name)).st_uid), (name, 65534))
        # Everything that serving, reloading and ending need was loaded before, or can be read by anybody.
        self.assertIn("vulnerable", get(port)[1])
        self.assertTrue(server.ask("reload", bundle=self.bundle())["ok"])
        server.ask("stop")
        self.assertEqual(server.ended()[0], 0)
        self.assertEqual(os.listdir(server.run_folder), [])


class Interpreter(support.Case):
    @unittest.skipUnless(support.LAUNCHER, "the sources have no launcher")
    def test_a_private_copy_elsewhere(self):
        copy = os.path.join(self.folder, "python")
        shutil.copy(sys.executable, copy)
        command = list(support.COMMAND)
        try:
            support.COMMAND[0] = copy
            server = self.server()
        finally:
            support.COMMAND[:] = command
        self.assertEqual(os.readlink("/proc/%d/exe" % server.process.pid), copy)
        self.assertIn("vulnerable", get(server.port())[1])


class Clients(support.Case):
    def test_noise_does_no_harm_and_is_not_logged(self):
        server = self.server()
        port = server.port()
        before = server.log_text()
        for noise in ("", "\0" * 100, "GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\x40\x00" + "\x01" * 100, "\x80\x2e\x01\x00\x02" + "\0" * 41):
            client = socket.create_connection(("127.0.0.1", port), 5)
            client.sendall(noise)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):
                pass
            client.close()
        client = Client(port)
        client.send("no request\r\n\r\n")
        client.receive_all()
        client.close()
        self.assertIn("vulnerable", get(port)[1])
        self.assertEqual(server.log_text(), before)

    def test_renegotiation_is_answered(self):
        client = Client(self.server().port())
        self.assertTrue(client.renegotiate())
        client.send("GET / HTTP/1.0\r\n\r\n")
        self.assertIn("vulnerable", client.receive_all())


def free_low_port():
    for port in range(1023, 700, -1):
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", port))
            return port
        except socket.error:
            continue
        finally:
            probe.close()
    raise AssertionError("no low port is free")


if __name__ == "__main__":
    support.unittest.main()
