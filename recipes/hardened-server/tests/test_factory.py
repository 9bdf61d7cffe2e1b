"""Somebody's protocol factory behind the endpoint, and what is refused in its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from behinds import Behind
from client import connected, get
from tlsforge_server.config import parse
from tlsforge_server.config.model import Factory, Limits
from tlsforge_server.web.channel import Channel
from tlsforge_server.web.served import Application, Served, prepare
from twisted.internet import protocol
from twisted.internet import reactor as global_reactor
from twisted.web.resource import Resource

reactor: Any = global_reactor
MODULE = """
from twisted.internet.protocol import Factory, Protocol
from twisted.web.resource import Resource
from twisted.web.server import Site
import beside

class Upper(Protocol):
    def dataReceived(self, data):
        self.transport.write(data.upper() + (self.transport.negotiatedProtocol or b"none"))

class Page(Resource):
    isLeaf = True
    def render_GET(self, request):
        return b"theirs, secure: %r" % request.isSecure()

ready = Factory.forProtocol(Upper)
def make_site():
    return Site(Page())
class names:
    inner = ready
def fails():
    raise ValueError("no\\nluck")
def ends():
    raise SystemExit(3)
number = 7
def make_number():
    return 7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "app"
    made.mkdir()
    (made / "theirs.py").write_text(MODULE)
    (made / "beside.py").write_text("")
    (made / "json.py").write_text("raise RuntimeError('it must not take the place of the real one')")
    (made / "broken.py").write_text("def f(:\n")
    (made / "raising.py").write_text("\n1 / 0\n")
    (made / "needing.py").write_text("import no_such_module\n")
    (made / "leaving.py").write_text("import os\nos._exit(9)\n")
    (made / "stuck.py").write_text("while True:\n    pass\n")
    return made


def app(folder: Path | None, attribute: str, module: str = "theirs") -> dict[str, Any]:
    return {"kind": "factory", "module": module, "attribute": attribute, "path": None if folder is None else str(folder)}


@pytest.mark.parametrize("attribute", ["ready", "names.inner"])
def test_a_protocol_of_somebodys(served: Callable[..., Behind], folder: Path, attribute: str) -> None:
    port = served(app(folder, attribute)).port
    for alpn in (["http/1.1"], []):
        with connected(port, alpn=alpn) as connection:
            connection.sendall(b"hello ")
            assert connection.recv(100) == b"HELLO " + (b"http/1.1" if alpn else b"none")


def test_a_site_of_somebodys_is_served_as_it_is(served: Callable[..., Behind], folder: Path) -> None:
    with connected(served(app(folder, "make_site")).port) as connection:
        status, headers, body = get(connection)
        assert (status, body) == (200, b"theirs, secure: True")
        assert "server" in headers and "strict-transport-security" not in headers


_CHECK = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tlsforge_server.config.model import Factory
from tlsforge_server.errors import ServerError
from tlsforge_server.web import foreign
foreign._LOAD_SECONDS = 2
module, attribute, path = sys.argv[2:]
try:
    foreign.check(Factory(module, attribute, Path(path) if path else None))
except ServerError as error:
    print(error.code, error.message, error.hint, sep="|")
assert module == "json" or module not in sys.modules, "it was run in the process that asked"
"""


def checked(folder: Path | None, attribute: str, module: str = "theirs") -> str:
    source = str(Path(__file__).parent.parent / "src")
    argv = [sys.executable, "-B", "-c", _CHECK, source, module, attribute, "" if folder is None else str(folder)]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}).stdout


def test_what_is_right_is_not_refused(folder: Path) -> None:
    assert checked(folder, "make_site") == ""
    assert checked(None, "Factory", "twisted.internet.protocol") == ""


@pytest.mark.parametrize(("module", "attribute", "expected"), [
    ("theirs", "none", ["{folder}/theirs.py has no none"]),
    ("theirs", "names.none", ["{folder}/theirs.py has no names.none"]),
    ("theirs", "fails", ["theirs:fails fails when it is called: ValueError: no", "{folder}/theirs.py, line 22"]),
    ("theirs", "ends", ["fails when it is called: SystemExit: 3"]),
    ("theirs", "number", ["theirs:number gives int, which is no protocol factory", "IProtocolFactory"]),
    ("theirs", "make_number", ["gives int"]),
    ("absent", "x", ["absent:x cannot be loaded: ModuleNotFoundError: No module named 'absent'", "looked in {folder}"]),
    ("needing", "x", ["No module named 'no_such_module'", "{folder}/needing.py, line 1"]),
    ("broken", "x", ["SyntaxError", "{folder}/broken.py, line 1"]),
    ("raising", "x", ["ZeroDivisionError: division by zero", "{folder}/raising.py, line 2"]),
    ("leaving", "x", ["leaving ends the process that loads it (exit 9)"]),
    ("stuck", "x", ["stuck:x is not loaded after 2 seconds"]),
    ("json", "x", ["json is ", "not in {folder}", "a name of its own"]),
])  # fmt: skip
def test_what_is_no_factory_is_refused_with_its_place(folder: Path, module: str, attribute: str, expected: list[str]) -> None:
    told = checked(folder, attribute, module)
    assert told.startswith("app-refused|")
    for each in expected:
        assert each.format(folder=folder) in told, told


def test_the_folder_comes_first_for_its_module_only(folder: Path, document: dict[str, Any]) -> None:
    config = parse.parse(json.dumps(document | {"app": app(folder, "ready", "mine")}).encode(), "config.json")
    (folder / "mine.py").write_text("from twisted.internet.protocol import Factory\nready = Factory()\n")
    before = list(sys.path)
    application = prepare(config)
    assert sys.path == before and application.foreign is sys.modules.pop("mine").ready
    assert prepare(config, Served(application, Limits(), reactor=reactor)).foreign is application.foreign, "it is not loaded twice"


class Counting(protocol.Factory):
    protocol = protocol.Protocol
    running = 0

    def startFactory(self) -> None:
        self.running += 1

    def stopFactory(self) -> None:
        self.running -= 1


def test_an_application_is_exchanged_for_connections_to_come(document: dict[str, Any]) -> None:
    pages = prepare(parse.parse(json.dumps(document).encode(), "config.json"))
    first, second = Counting(), Counting()
    theirs = Application([], Resource(), first, Factory("m", "a", None))
    served = Served(pages, Limits(), reactor=reactor)
    served.doStart()
    assert isinstance(served.buildProtocol(None), Channel)
    served.exchange(theirs)
    assert type(served.buildProtocol(None)) is protocol.Protocol and first.running == 1
    served.exchange(theirs)
    assert first.running == 1
    served.exchange(replace(theirs, foreign=second))
    assert (first.running, second.running) == (0, 1)
    served.exchange(pages)
    assert isinstance(served.buildProtocol(None), Channel) and second.running == 0
    served.doStop()
