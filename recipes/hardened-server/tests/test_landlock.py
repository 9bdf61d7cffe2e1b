"""Landlock leaves a process what it is given, by every version of the interface that the kernel speaks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from confined import in_child
from tlsforge_server.lockdown import landlock
from tlsforge_server.lockdown.linux import NotInForce


def _version() -> int | str:
    if not sys.platform.startswith("linux"):
        return "not Linux"
    try:
        return landlock.version()
    except NotInForce as why:
        return str(why)


VERSION = _version()
needs = pytest.mark.skipif(isinstance(VERSION, str), reason=f"Landlock: {VERSION}")


def needs_version(version: int) -> pytest.MarkDecorator:
    return pytest.mark.skipif(isinstance(VERSION, str) or VERSION < version, reason=f"Landlock: ABI {version} is needed, here: {VERSION}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``given`` is to be read, ``other`` is not, and neither is to be written to."""
    for name in ("given", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "scratch").write_text("")
    (tmp_path / "lone").write_text("lone")
    return tmp_path


@needs
@pytest.mark.parametrize("version", range(1, 8))
def test_files_by_each_version_of_the_interface(folder: Path, version: int) -> None:
    if isinstance(VERSION, int) and version > VERSION:
        pytest.skip(f"Landlock: ABI {version} is needed, here: {VERSION}")
    code = f"""
folder = Path(sys.argv[2])
landlock._NEWEST = {version}
privileges.refuse_new()
opened = os.open(folder / "other/file", os.O_RDWR)
missing = folder / "missing"
told = {{"how": landlock.confine(Confinement((*code(), folder / "given", folder / "lone", missing), (folder / "scratch", folder / "none"), ()))}}
def tried():
    return {{
        "read": (folder / "given/file").read_text(),
        "list": os.listdir(folder / "given"),
        "lone": (folder / "lone").read_text(),
        "scratch": attempt(lambda: (folder / "scratch").open("r+").write("x")),
        "opened before": os.pread(opened, 9, 0).decode(),
        "looked at": attempt(os.stat, folder / "other/file"),
        **{{name: attempt(action) for name, action in {{
            "read other": lambda: (folder / "other/file").open(),
            "list other": lambda: os.listdir(folder / "other"),
            "write": lambda: (folder / "given/file").open("r+"),
            "make": lambda: (folder / "given/new").touch(),
            "folder": lambda: (folder / "given/new").mkdir(),
            "remove": lambda: (folder / "given/file").unlink(),
            "link": lambda: (folder / "given/link").symlink_to("/"),
            "socket": lambda: __import__("socket").socket(1).bind(str(folder / "given/socket")),
            "run": lambda: os.execv("/bin/true", ["true"]),
            "root": lambda: os.listdir("/"),
            "up": lambda: (folder / "given/../other/file").open(),
        }}.items()}},
    }}
told["tried"] = tried()
told["fork"] = in_fork(tried)
"""
    told = in_child(code, str(folder))
    tried = told["tried"]
    assert told["how"] == f"ABI {version}" + (", TCP ports not" if version < 4 else "")
    assert [tried.pop(each) for each in ("read", "list", "lone", "opened before")] == ["given", ["file"], "lone", "other"]
    assert (tried.pop("scratch"), tried.pop("looked at")) == ("done", "done")
    assert set(tried.values()) == {"EACCES"} and len(tried) == 11
    assert {**tried, **told["fork"]} == told["fork"]


@needs
def test_what_is_denied_works_without_it(folder: Path) -> None:
    """The other tests are worth nothing where these fail anyway."""
    code = """
folder = Path(sys.argv[2])
told = [attempt((folder / "other/file").open), attempt(os.listdir, "/"), attempt((folder / "given/new").touch)]
told = {"tried": told}
"""
    assert in_child(code, str(folder))["tried"] == ["done"] * 3


@needs_version(4)
def test_ports() -> None:
    code = """
import array, socket
listening, other = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
port = lambda each: each.getsockname()[1]
sender, receiver = socket.socketpair()
socket.send_fds(sender, [b"x"], [other.fileno()])
privileges.refuse_new()
told = {"how": landlock.confine(Confinement(code(), (), (port(listening),)))}
def connect(to):
    with socket.socket() as client:
        client.connect(("127.0.0.1", port(to)))
        if to is listening:
            listening.accept()[0].close()
told["given"] = attempt(connect, listening)
told["other"] = attempt(connect, other)
told["bind"] = attempt(lambda: socket.create_server(("127.0.0.1", 0)))
handed = socket.recv_fds(receiver, 1, 1)[1]
told["handed over"] = len(handed)
told["datagram"] = attempt(lambda: socket.socket(type=socket.SOCK_DGRAM).connect(("127.0.0.1", 53)))
"""
    told = in_child(code)
    assert (told["given"], told["handed over"], told["datagram"]) == ("done", 1, "done")
    assert (told["other"], told["bind"]) == ("EACCES", "EACCES")


@needs_version(6)
def test_processes_outside() -> None:
    code = """
import signal, socket, time
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\\0tlsforge-test-%d" % os.getpid())
abstract.listen()
def confined():
    privileges.refuse_new()
    landlock.confine(Confinement(code(), (), ()))
    with socket.socket(socket.AF_UNIX) as client:
        return [attempt(os.kill, os.getppid(), 0), attempt(client.connect, abstract.getsockname()), attempt(os.kill, os.getpid(), 0),
                attempt(open, f"/proc/{os.getppid()}/environ")]
told = {"tried": in_fork(confined)}
child = os.fork()
if child == 0:
    confined()
    time.sleep(60)
    os._exit(0)
time.sleep(0.2)
os.kill(child, signal.SIGTERM)
told["ended by"] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
    told = in_child(code)
    assert told["tried"] == ["EPERM", "EPERM", "done", "EACCES"]
    assert told["ended by"] == -15


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures of Linux")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("landlock._CREATE_RULESET = 0x1fff0000", "not in force: this kernel does not have it (Linux 5.13)"),
        # Allowed to be read, it proves nothing.
        ("landlock._READ_DIR = 0; confine = Confinement((Path('/'),), (), ())", None),
        ("landlock._RESTRICT_SELF = 39 if os.uname().machine == 'x86_64' else 172", "not in force: the folder / can still be read"),
    ],
)
def test_it_is_never_assumed(change: str, why: str | None) -> None:
    code = f"""
confine = Confinement(code(), (), ())
{change}
told = lockdown.lock_down(True, confine)
"""
    told = in_child(code)
    if isinstance(VERSION, int) or why is not None and "does not have it" in why:
        assert told["landlock"] == (why or f"in force, ABI {VERSION}")
    assert told["systemCalls"] == "in force, but for connect"
