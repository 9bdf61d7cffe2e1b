"""A filter denies what its list says, and nothing else, on each processor that it is made for."""

from __future__ import annotations

import errno
import platform
import re
import struct
import sys
from pathlib import Path

import pytest
from confined import in_child
from tlsforge_server.lockdown import calls, seccomp
from tlsforge_server.lockdown.calls import NUMBERS, PROCESSORS, Processor
from tlsforge_server.lockdown.seccomp import DATAGRAMS, EXECUTE, INTERNET, NEVER, SOCKETS, UNIX, WRITE_EXECUTE, Denied

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures of Linux")

#: Where kernel headers lie, on Debian and elsewhere.
_HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
_ALLOWED = 0


@pytest.mark.parametrize("machine", sorted(PROCESSORS))
def test_the_numbers_are_the_kernels(machine: str) -> None:
    found = [Path(each) for each in _HEADERS[machine] if Path(each).exists()]
    if not found:
        pytest.skip(f"no kernel headers for {machine} here")
    kernel = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", found[0].read_text()))
    # Headers may be older than the newest calls.
    known = {name: PROCESSORS[machine].number(name) for name in NUMBERS if name in kernel}
    assert known == {name: int(kernel[name]) for name in known}
    assert len(known) > 40


def run(program: bytes, audit: int, number: int, *arguments: int) -> int:
    """What a filter says to a call: the error, 0 for none. A machine for as much of classic BPF as the filters use."""
    data = struct.pack("=iIQ6Q", number, audit, 0, *(*arguments, *[0] * 6)[:6])
    lines: list[tuple[int, int, int, int]] = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator = at = 0
    while True:
        code, hit, miss, value = lines[at]
        at += 1
        match code:
            case 0x20:
                accumulator = int.from_bytes(data[value : value + 4], sys.byteorder)
            case 0x06:
                return {0x7FFF0000: 0, 0x00050000: value & 0xFFFF}[value & 0x7FFF0000]
            case _:
                test = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
                at += hit if test else miss


@pytest.mark.parametrize("machine", sorted(PROCESSORS))
def test_a_program_denies_its_list_and_nothing_else(machine: str) -> None:
    processor = PROCESSORS[machine]
    program, _mark = seccomp.program(NEVER + EXECUTE, processor)
    denied = {processor.number(each.call): each.error for each in NEVER + EXECUTE if not each.masks}
    answers = {number: run(program, processor.audit, number) for number in range(600)}
    assert answers == {number: denied.get(number, _ALLOWED) for number in range(600)}
    assert len(denied) > 40
    clone = processor.number("clone")
    assert run(program, processor.audit, clone, 0x10000000) == errno.EPERM
    assert run(program, processor.audit, clone, 0x01200011) == _ALLOWED, "fork"
    assert run(program, processor.audit, clone, 0x003D0F00) == _ALLOWED, "a thread"


@pytest.mark.parametrize("machine", sorted(PROCESSORS))
def test_a_program_looks_at_how_memory_is_asked_for(machine: str) -> None:
    processor = PROCESSORS[machine]
    program, _mark = seccomp.program(WRITE_EXECUTE, processor)

    def protected(call: str, protection: int) -> int:
        return run(program, processor.audit, processor.number(call), 0, 4096, protection)

    assert [protected("mmap", protection) for protection in range(8)] == [0, 0, 0, 0, 0, 0, errno.EPERM, errno.EPERM]
    for call in ("mprotect", "pkey_mprotect"):
        assert [protected(call, protection) for protection in range(8)] == [0, 0, 0, 0, *[errno.EPERM] * 4]
    assert [protected("shmat", flags) for flags in (0, 0o10000, 0o100000)] == [0, 0, errno.EPERM]


def test_what_is_called_in_another_convention_is_denied() -> None:
    """Its numbers mean other calls: the list would let them pass."""
    for machine, processor in PROCESSORS.items():
        program, _mark = seccomp.program(NEVER, processor)
        getpid = {"x86_64": 39, "aarch64": 172}[machine]
        assert run(program, processor.audit, getpid) == _ALLOWED
        for other in (0x40000003, 0x40000028, *(each.audit for each in PROCESSORS.values() if each is not processor)):
            assert run(program, other, getpid) == errno.EPERM
    x86, _mark = seccomp.program(NEVER, PROCESSORS["x86_64"])
    assert run(x86, PROCESSORS["x86_64"].audit, 0x40000000 + 39) == errno.EPERM


def test_each_list_has_a_mark_of_its_own() -> None:
    processor = PROCESSORS["x86_64"]
    marks = [seccomp.program(each, processor)[1] for each in (NEVER, NEVER + EXECUTE, WRITE_EXECUTE)]
    assert len(set(marks)) == 3
    assert all(0x20000000 <= mark < 0x40000000 for mark in marks)
    assert run(seccomp.program(NEVER, processor)[0], processor.audit, marks[0]) not in (0, errno.ENOSYS, errno.EPERM)


def test_an_unknown_processor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PROCESSORS", {"sparc": Processor(0, 0, None)})
    with pytest.raises(Exception, match=rf"unknown processor \({platform.machine()}, "):
        calls.processor()


@linux
def test_the_kernel_denies_what_the_list_says() -> None:
    """With arguments that each of them refuses: without the filter the error is another one, so long as the caller has the privilege."""
    code = """
names = [each.call for each in seccomp.NEVER + seccomp.EXECUTE if not each.masks]
def tried():
    # The last two of a child, of which it may really make one.
    return {name: attempt(linux.syscall, calls.processor().number(name), *[-1] * 6) for name in names if name != "clone3"}
told = {"before": in_fork(tried)}
privileges.refuse_new()
seccomp.install(seccomp.NEVER + seccomp.EXECUTE)
told |= {"after": tried(), "fork": in_fork(tried), "run": attempt(os.execv, "/bin/true", ["true"])}
told["clone3"] = attempt(linux.syscall, calls.processor().number("clone3"), 0, 0)
told["namespace"] = attempt(linux.syscall, calls.processor().number("clone"), 0x10000000 | 17, 0, 0, 0, 0)
"""
    told = in_child(code)
    assert set(told["after"].values()) == {"EPERM"} and told["fork"] == told["after"]
    assert (told["run"], told["clone3"], told["namespace"]) == ("EPERM", "ENOSYS", "EPERM")
    sharp = {name for name, answer in told["before"].items() if answer != "EPERM"}
    assert {"execve", "execveat", "personality", "userfaultfd", "ptrace"} <= sharp


@linux
@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86_64 has more than one convention")
def test_the_kernel_denies_calls_of_other_conventions() -> None:
    code = r"""
import ctypes, mmap
# mov eax, 20 (getpid of i386); int 0x80; ret
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
getpid = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
child = os.fork()
if child == 0:
    os._exit(0 if getpid() == os.getpid() else 1)
i386 = os.waitpid(child, 0)[1] == 0
privileges.refuse_new()
seccomp.install(seccomp.NEVER)
told = {"i386": -getpid() if i386 else errno.EPERM, "x32": attempt(linux.syscall, 0x40000000 + 39), "native": os.getpid() > 0}
"""
    assert in_child(code) == {"i386": errno.EPERM, "x32": "EPERM", "native": True}


@linux
def test_a_filter_is_installed_once_and_proves_that_it_is_there() -> None:
    code = """
privileges.refuse_new()
told = {}
for name, denied in (("first", seccomp.NEVER), ("again", seccomp.NEVER), ("other", seccomp.WRITE_EXECUTE)):
    seccomp.install(denied)
    told[name] = status("Seccomp_filters")
# A kernel that says yes and does nothing.
seccomp.prctl = lambda *_: 0
try:
    seccomp.install(seccomp.EXECUTE)
except linux.NotInForce as why:
    told["kept"] = str(why)
"""
    told = in_child(code)
    assert (told["first"], told["again"], told["other"]) == ("1", "1", "2")
    assert told["kept"] == "the filter that was installed does not answer"


def test_a_list_names_calls_that_have_numbers() -> None:
    assert {each.call for each in NEVER + EXECUTE + SOCKETS + UNIX + INTERNET + DATAGRAMS + WRITE_EXECUTE} == set(NUMBERS)
    for one in (NEVER, EXECUTE, SOCKETS, UNIX, INTERNET, DATAGRAMS, WRITE_EXECUTE):
        assert len({each.call for each in one}) == len(one), "of two for a call the second would not be looked at"
    with pytest.raises(KeyError):
        seccomp.program((Denied("no such call"),), PROCESSORS["x86_64"])
