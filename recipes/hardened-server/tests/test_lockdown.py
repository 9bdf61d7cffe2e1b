"""What the process gives up is in force or said not to be: tried in children, because nothing of it can be taken back."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile

import pytest
from confined import in_child
from tlsforge_server import lockdown
from tlsforge_server.lockdown import landlock
from tlsforge_server.lockdown.confinement import SUPERVISOR
from tlsforge_server.lockdown.linux import PR_GET_MDWE, NotInForce

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures of Linux")


def kernel_denies() -> bool:
    return int(ctypes.CDLL(None).prctl(PR_GET_MDWE, 0, 0, 0, 0)) >= 0


def kernel_has_landlock() -> bool:
    try:
        return landlock.version() > 0
    except NotInForce:
        return False


@linux
def test_a_worker_gives_up_everything_and_the_kernel_says_so_too() -> None:
    code = """
told = lockdown.lock_down(True, Confinement(code(), (), None))
told["child"] = in_fork(lambda: [linux.prctl(linux.PR_GET_NO_NEW_PRIVS), linux.prctl(21)])
told["memory"] = in_fork(lambda: linux.prctl(linux.PR_GET_MDWE) if told["memoryDenyWriteExecute"] == "in force" else 1)
"""
    told = in_child(code)
    assert tuple(told)[:5] == lockdown.MEASURES
    assert told["noNewPrivileges"] == "in force"
    assert told["capabilitiesDropped"] in ("in force", "in force, but for CAP_DAC_OVERRIDE")
    assert told["memoryDenyWriteExecute"] == ("in force" if kernel_denies() else "in force, by seccomp")
    assert told["landlock"].startswith("in force, ABI ") == kernel_has_landlock()
    assert told["systemCalls"] == "in force"
    # PR_GET_SECCOMP (21): 2 is a filter.
    assert (told["child"], told["memory"]) == ([1, 2], 1)


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("kernel", ["present", "old"])
def test_without_any_privilege_it_is_the_same(kernel: str) -> None:
    code = f"""
{"memory.PR_GET_MDWE = 9999" if kernel == "old" else ""}
confine = Confinement(code(), (), None)
os.setgroups([]); os.setgid(65534); os.setuid(65534)
work = memory.callbacks_survive_wx()
told = {{"work": work, **lockdown.lock_down(work, confine)}}
"""
    told = in_child(code)
    assert told["work"] in (True, False)
    assert told["memoryDenyWriteExecute"].startswith("in force") == told["work"]
    assert (told["noNewPrivileges"], told["capabilitiesDropped"], told["systemCalls"]) == ("in force",) * 3
    assert told["landlock"].startswith("in force, ABI ") == kernel_has_landlock()


@linux
def test_who_starts_the_next_generation_may_run_programs_and_says_why() -> None:
    code = """
import subprocess
told = lockdown.lock_down(True, confinement.SUPERVISOR)
told["ran"] = subprocess.run(["/bin/sh", "-c", "echo yes"], capture_output=True, text=True).stdout
told["file"] = attempt(open, "/etc/passwd")
told["ptrace"] = attempt(linux.syscall, calls.processor().number("ptrace"), -1)
"""
    told = in_child(code)
    assert told["landlock"] == "not in force: it starts the next generation"
    assert told["systemCalls"] == "in force, but for execve: it starts the next generation"
    assert (told["ran"], told["file"], told["ptrace"]) == ("yes\n", "done", "EPERM")


@linux
def test_what_bears_the_mark_cannot_take_it_off_and_hands_it_down() -> None:
    code = """
import resource, subprocess
from tlsforge_server.lockdown import mark
def told_of(action):
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    answer = mark.bears(child)
    os.waitpid(child, 0)
    return answer
def worker():
    mark.put_on()
    lockdown.lock_down(True, confinement.NURSERY)
    for limit in ((1, 1), (-1, -1), (0, -1)):
        try:
            resource.setrlimit(10, limit)
        except (OSError, ValueError):
            pass
    started = subprocess.Popen(["/bin/sleep", "9"])
    os.write(writing, f"{started.pid} {resource.getrlimit(10)[1]}\\n".encode())
reading, writing = os.pipe()
told = {"before": mark.bears(os.getpid()), "worker": told_of(worker), "other": told_of(lambda: None)}
started, limit = map(int, os.read(reading, 99).split())
told |= {"started": mark.bears(started), "limit": limit}
os.kill(started, 9)
gone = subprocess.Popen(["/bin/true"])
gone.wait()
told["gone"] = mark.bears(gone.pid)
"""
    assert in_child(code) == {"before": False, "worker": True, "other": False, "started": True, "limit": 0, "gone": True}


@linux
@pytest.mark.parametrize("how", ["a service manager's filter", "set for all"])
def test_where_the_mark_says_nothing_nobody_is_turned_away_and_it_is_said(how: str) -> None:
    code = f"""
from tlsforge_server.lockdown import mark
if {how == "set for all"}:
    mark.put_on()
else:
    calls.NUMBERS.update(prlimit64=(302, 261))
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install((seccomp.Denied("prlimit64"),))
told = in_fork(lambda: [mark.put_on(), mark.bears(os.getppid()), mark.bears(os.getpid()), mark.told(os.getpid())][1:])
told = {{"told": told}}
"""
    first, second, told = in_child(code)["told"]
    assert (first, second) == (False, False) and told.startswith("open to workers: the limit that marks them cannot be set or read")


@linux
def test_each_worker_confines_itself_by_what_it_is_for() -> None:
    """One after the other of the same nursery; by the lists in force already no filter is put there twice."""
    code = """
import socket
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[2])
listening.listen()
told = {"nursery": lockdown.lock_down(True, confinement.NURSERY), "filters": [status("Seccomp_filters")]}
def worker(confine):
    def tried():
        client = socket.socket(socket.AF_UNIX)
        states = lockdown.lock_down(True, confine)
        return [states["systemCalls"], attempt(client.connect, sys.argv[2]), attempt(os.execv, "/nowhere", ["true"]), status("Seccomp_filters")]
    return in_fork(tried)
read = (*code(), Path("/proc"))
told |= {"page": worker(Confinement(read, (), None)), "proxy": worker(Confinement(read, (), ())), "factory": worker(Free("it is a test"))}
"""
    with tempfile.TemporaryDirectory() as folder:
        told = in_child(code, f"{folder}/socket")
    filters = int(told["filters"][0])
    assert told["nursery"]["systemCalls"] == "in force, but for execve: its workers differ"
    assert told["page"] == ["in force", "EPERM", "EPERM", str(filters + 2)]
    assert told["proxy"] == ["in force, but for connect", "done", "EPERM", str(filters + 3)]
    assert told["factory"] == ["in force, but for execve: it is a test", "done", "ENOENT", str(filters)]


@linux
@pytest.mark.parametrize(
    ("confine", "ways"),
    [
        ("None", []),
        # The upstream is another one than those that are tried.
        ("()", ["unix stream"]),
        ("(9,)", []),
        ("(9, 53), True", ["datagram", "netlink"]),
    ],
)
def test_a_worker_has_no_way_out_but_to_its_upstream(confine: str, ways: list[str]) -> None:
    """Landlock alone lets through: Unix sockets with a path, datagrams, and what is opened by sending."""
    code = f"""
import socket
folder = Path(sys.argv[2])
stream = socket.socket(socket.AF_UNIX)
stream.bind(str(folder / "stream"))
stream.listen()
letters = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
letters.bind(str(folder / "letters"))
datagrams = socket.socket(type=socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", 0))
tcp = socket.create_server(("127.0.0.1", 0))
def sent(to, flags, *kind):
    with socket.socket(*kind) as client:
        client.sendto(b"x", flags, to.getsockname())
def message(to):
    with socket.socket() as client:
        client.sendmsg([b"x"], [], socket.MSG_FASTOPEN, to.getsockname())
def connected(to, *kind):
    with socket.socket(*kind) as client:
        client.connect(to.getsockname())
def tried():
    lockdown.lock_down(True, Confinement(code(), (), {confine}))
    return {{
        "tcp": attempt(connected, tcp),
        "tcp, opened by sending": attempt(sent, tcp, socket.MSG_FASTOPEN),
        "tcp, opened by a message": attempt(message, tcp),
        "datagram": attempt(sent, datagrams, 0, socket.AF_INET, socket.SOCK_DGRAM),
        "unix stream": attempt(connected, stream, socket.AF_UNIX),
        "unix datagram": attempt(sent, letters, 0, socket.AF_UNIX, socket.SOCK_DGRAM),
        "unix pair": attempt(lambda: socket.socketpair(type=socket.SOCK_DGRAM)[0].sendto(b"x", letters.getsockname())),
        "netlink": attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC),
    }}
told = {{"without": attempt(sent, tcp, socket.MSG_FASTOPEN), "with": in_fork(tried)}}
"""
    with tempfile.TemporaryDirectory() as folder:
        told = in_child(code, folder)
    assert told["without"] == "done", "the way is there"
    by_landlock = [] if kernel_has_landlock() or confine in ("None", "()") else ["tcp"]
    assert [way for way, became in told["with"].items() if became == "done"] == [*by_landlock, *ways]


@linux
def test_what_a_started_program_inherits_is_not_put_there_again() -> None:
    """Each generation is started by the one before: its filters must not become more and more."""
    code = """
import subprocess
told = {"states": [lockdown.lock_down(True, confinement.SUPERVISOR)], "filters": [status("Seccomp_filters")]}
if len(sys.argv) == 2:
    after = json.loads(subprocess.run([sys.executable, *sys.orig_argv[1:], "again"], capture_output=True, text=True, check=True).stdout)
    told = {name: told[name] + after[name] for name in told}
"""
    told = in_child(code)
    first, second = told["states"]
    assert first["systemCalls"] == second["systemCalls"]
    assert told["filters"][0] == told["filters"][1]


@linux
def test_a_thread_that_runs_already_is_not_passed_over() -> None:
    code = """
import threading
end = threading.Event()
thread = threading.Thread(target=end.wait)
thread.start()
told = lockdown.lock_down(True, confinement.SUPERVISOR)
end.set()
thread.join()
"""
    told = in_child(code)
    assert all(told[name].startswith("not in force: ") for name in lockdown.MEASURES)
    assert told["systemCalls"] == "not in force: 1 other threads keep what they had"


@linux
def test_a_kernel_that_refuses_is_no_reason_not_to_start() -> None:
    """As under a service manager's filter: here prctl(2) and capset(2) are refused."""
    code = """
calls.NUMBERS.update(prctl=(157, 167), capset=(126, 91))
linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
try:
    seccomp.install((seccomp.Denied("prctl"), seccomp.Denied("capset")))
except OSError:
    pass
told = lockdown.lock_down(True, Confinement(code(), (), None))
"""
    told = in_child(code)
    assert told["noNewPrivileges"] == told["systemCalls"] == "not in force: Operation not permitted"
    assert told["memoryDenyWriteExecute"].startswith("not in force: ")


@linux
def test_capabilities_are_gone_and_do_not_come_back() -> None:
    code = """
import subprocess, threading
told = lockdown.lock_down(False, confinement.SUPERVISOR)
told["now"] = status("CapEff")
child = subprocess.run(["/bin/cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
told["child"] = next(line.split()[1] for line in child.splitlines() if line.startswith("CapEff"))
thread = threading.Thread(target=lambda: told.update(thread=status("CapEff", f"self/task/{threading.get_native_id()}")))
thread.start()
thread.join()
"""
    told = in_child(code)
    assert told["capabilitiesDropped"].startswith("in force")
    # Root keeps CAP_DAC_OVERRIDE.
    assert {int(told[who], 16) & ~(1 << 1) for who in ("now", "child", "thread")} == {0}


def test_elsewhere_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd14")
    assert lockdown.lock_down(None, SUPERVISOR) == dict.fromkeys(lockdown.MEASURES, "not in force: not Linux")


@linux
def test_a_worker_can_still_do_all_that_serving_takes() -> None:
    code = """
import socket, threading, time
from OpenSSL import SSL, crypto
told = lockdown.lock_down(True, Confinement((*code(), *map(Path, confinement._SYSTEM), Path("/etc")), (Path("/dev/null"),), (53,), True))
assert "decimal" not in sys.modules
import decimal, _decimal                                        # a module, and one that is a shared library
context = SSL.Context(SSL.TLS_METHOD)
context.set_alpn_select_callback(lambda _connection, offered: offered[0])   # the first callback that this process makes
key = crypto.PKey(); key.generate_key(crypto.TYPE_RSA, 2048)
SSL.Connection(context, None).set_accept_state()
seen = []
threads = [threading.Thread(target=seen.append, args=(each,)) for each in range(4)]
for each in threads: each.start()
for each in threads: each.join()
told["threads"] = len(seen)
told["names"] = bool(socket.getaddrinfo("localhost", 443))
told["fork"] = in_fork(lambda: "a worker")
told["null"] = attempt(lambda: open("/dev/null", "r+b", buffering=0).write(b"gone"))
told["random"] = len(open("/dev/urandom", "rb", buffering=0).read(8))
told["self"] = status("Seccomp")
time.localtime()
"""
    told = in_child(code)
    # That of a proxy: names are asked for over connections.
    assert told["systemCalls"] == "in force, but for connect"
    assert [told[each] for each in ("threads", "names", "fork", "null", "random", "self")] == [4, True, "a worker", "done", 8, "2"]
