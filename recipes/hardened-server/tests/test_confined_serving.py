"""A process that has given everything up serves: its context made, its modules loaded and its site read after that."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from confined import in_child
from conftest import LIBSSL
from test_lockdown import kernel_has_landlock

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures of Linux"),
    pytest.mark.skipif(LIBSSL is None, reason="needs the libssl of a stack"),
]

_CODE = """
import signal, socket
sys.path.insert(0, sys.argv[2])
from datetime import UTC, datetime
from client import answer, connected, get
from tlsforge_server.config import parse
from tlsforge_server.tls import context, libssl
from tlsforge_server.endpoint.service import SocketEndpoint
from tlsforge_server.web.applications import make_root
from tlsforge_server.web.headers import security_headers
from tlsforge_server.web.site import Site

config = parse.load(Path(sys.argv[3]))
keys = {path: path.read_bytes() for pair in config.certificates for path in (pair.chain, pair.key)}
mapped = libssl.open_mapped(config.libssl)
work = memory.callbacks_survive_wx()
listening = socket.create_server(("127.0.0.1", 0))
reading, writing = os.pipe()

def serve():
    states = lockdown.lock_down(work, confinement.of(config))
    closed = {"key": attempt(config.certificates[0].key.open), "run": attempt(os.execv, "/bin/true", ["true"])}
    assert "twisted.internet.reactor" not in sys.modules
    from twisted.internet import reactor
    credentials = context.build(config, mapped, datetime.now(UTC), lambda path, *, secret: keys[path])
    site = Site(make_root(config), security_headers(config.app, config.hsts), config.limits)
    SocketEndpoint(credentials.context, config.limits, reactor).protect(site).accept(listening)
    os.write(writing, json.dumps({"states": states, "closed": closed}).encode())
    reactor.run()

worker = os.fork()
if worker == 0:
    try:
        serve()
    finally:
        os._exit(1)
os.close(writing)
told = json.loads(os.read(reading, 65536) or "null")
assert told is not None, "the worker ended"
try:
    with connected(listening.getsockname()[1]) as connection:
        told["page"] = get(connection, sys.argv[4])[::2]
        told["page"] = [told["page"][0], len(told["page"][1])]
        told["missing"] = get(connection, "/missing")[0]
        # More than twisted.web keeps in memory by itself.
        connection.sendall(b"POST /missing HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 300000\\r\\n\\r\\n" + bytes(300000))
        told["upload"] = answer(connection)[0]
        told["after"] = get(connection, sys.argv[4])[0]
finally:
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
"""


@pytest.mark.parametrize("kind", ["about", "static"])
def test_a_site_is_served(kind: str, document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "page.css").write_bytes(bytes(100_000))
    if kind == "static":
        document["app"] = {"kind": "static", "directory": str(tmp_path / "site")}
    (tmp_path / "server.json").write_text(json.dumps(document))
    path = "/page.css" if kind == "static" else "/"
    told = in_child(_CODE, str(Path(__file__).parent), str(tmp_path / "server.json"), path)
    status, length = told["page"]
    assert status == 200 and (length == 100_000 if kind == "static" else length > 500)
    assert (told["missing"], told["after"]) == (404, 200)
    assert told["upload"] in (404, 405)
    assert told["closed"]["run"] == "EPERM"
    assert told["states"]["systemCalls"] == "in force"
    assert told["states"]["landlock"].startswith("in force, ABI ") == kernel_has_landlock()
    assert told["closed"]["key"] == ("EACCES" if kernel_has_landlock() else "done")
