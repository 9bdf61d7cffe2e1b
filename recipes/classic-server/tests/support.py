"""What the tests share: a configuration that is right, to change at will, and servers in processes of their own."""

import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import warnings

warnings.simplefilter("ignore")

from OpenSSL import SSL  # noqa: E402

import pki  # noqa: E402
from classic_server import libssl  # noqa: E402

with open(libssl.MAPS) as _maps:
    LIBSSL = libssl.mapped_libraries(_maps.read(), "libssl")[0]
#: Before 1.1.0 a context could use one ephemeral key for all its connections.
KEYS_CAN_REPEAT = bool(getattr(SSL, "OP_SINGLE_DH_USE"))
#: The program of the recipe when a prefix has one, else the sources.
LAUNCHER = os.environ.get("TLSFORGE_TEST_CLASSIC_LAUNCHER")
COMMAND = [sys.executable] + (["-E", "-s", "-B", LAUNCHER] if LAUNCHER else ["-s", "-B", "-m", "classic_server"])

SUITES = [
    "ECDHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "DHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA",
    "DHE-RSA-AES128-SHA",
]
POLICY = {
    "profile": "classic-2013",
    "minVersion": "TLSv1.0",
    "maxVersion": "TLSv1.2",
    "ciphers": SUITES,
    "ciphersuites": [],
    "groups": ["prime256v1"],
    "signatureAlgorithms": [],
    "preference": "server",
    "options": [
        "NO_SSLv2",
        "NO_SSLv3",
        "NO_COMPRESSION",
        "SINGLE_DH_USE",
        "SINGLE_ECDH_USE",
        "DONT_INSERT_EMPTY_FRAGMENTS",
        "NO_SESSION_RESUMPTION_ON_RENEGOTIATION",
        "NO_TICKET",
    ],
    "tickets": None,
    "alpn": [],
    "dhe": {"parameters": "/etc/dh.pem"},
}
AUTHORITY = pki.Authority()
KEY = pki.new_key()
FILES = {"/etc/cert.pem": AUTHORITY.leaf(KEY), "/etc/key.pem": pki.key_text(KEY), "/etc/dh.pem": pki.dh_parameters(pki.GROUP_14)}


class Case(unittest.TestCase):
    """Each test has a folder, a document and files that are right."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="classic-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(os.path.join(self.folder, "run"))
        self.files = dict(FILES)
        self.document = {
            "schema": "tlsforge.server/1",
            "generation": 7,
            "policy": copy.deepcopy(POLICY),
            "listen": ["127.0.0.1:0"],
            "redirect": ["127.0.0.1:0"],
            "names": ["localhost", "*.example.org"],
            "certificates": [{"chain": "/etc/cert.pem", "key": "/etc/key.pem"}],
            "hsts": {"maxAge": 63072000, "includeSubdomains": True, "preload": False},
            "app": {"kind": "about"},
            "sni": "default",
            "ocsp": "off",
            "accessLog": False,
            "workers": 1,
            "limits": {},
            "paths": {"run": os.path.join(self.folder, "run"), "state": os.path.join(self.folder, "state"), "log": os.path.join(self.folder, "log")},
            "user": None,
            "standBySeconds": 600,
            "libssl": LIBSSL,
            "about": {"openssl": "1.0.1e", "<twisted>": "13 & older"},
            "vulnerable": [{"recipe": "openssl", "version": "1.0.1e", "id": "CVE-2014-0160", "name": "Heartbleed: reads the server's memory"}, {"id": "a", "name": "b"}],
        }

    def bundle(self):
        return {"config": json.dumps(self.document), "files": self.files}

    def run_server(self, *flags):
        """Runs the program to its end. Its exit code and the error that it told."""
        process = _process(flags)
        _out, errors = process.communicate(json.dumps(self.bundle()))
        return process.returncode, json.loads(errors)["error"] if errors else None

    def server(self, *flags):
        running = Running(self, flags)
        self.addCleanup(running.kill)
        return running.wait_ready()


class Running(object):
    """A server that serves."""

    def __init__(self, case, flags=()):
        self.run_folder = case.document["paths"]["run"]
        self.log = case.document["paths"]["log"]
        self.process = _process(flags)
        self.process.stdin.write(json.dumps(case.bundle()))
        self.process.stdin.close()

    def wait_ready(self):
        deadline = time.time() + 20
        while time.time() < deadline:
            if self.process.poll() is not None:
                raise AssertionError("the server ended with %d: %s" % (self.process.returncode, self.process.stderr.read()))
            try:
                if self.ask("status")["status"]["pid"] == self.process.pid:
                    return self
            except socket.error:
                time.sleep(0.02)
        raise AssertionError("the server is not ready in time")

    def ask(self, command, **more):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        try:
            client.connect(os.path.join(self.run_folder, "server.sock"))
            client.sendall(json.dumps(dict(more, command=command)) + "\n")
            text = ""
            while not text.endswith("\n"):
                chunk = client.recv(65536)
                assert chunk, "the control socket closed without an answer"
                text += chunk
            return json.loads(text)
        finally:
            client.close()

    def status(self):
        return self.ask("status")["status"]

    def port(self, kind="listen"):
        return int(self.status()[kind][0].rpartition(":")[2])

    def signal(self, number):
        os.kill(self.process.pid, number)

    def ended(self, seconds=15):
        """The exit code, and how long it took."""
        began = time.time()
        while self.process.poll() is None:
            if time.time() - began > seconds:
                raise AssertionError("the server still runs after %d s" % seconds)
            time.sleep(0.01)
        return self.process.returncode, time.time() - began

    def log_text(self):
        with open(self.log) as file:
            return file.read()

    def kill(self):
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()
        self.process.stderr.close()


def _process(flags):
    return subprocess.Popen(COMMAND + ["--bundle"] + list(flags), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
