"""What an application's transport does on the wire: data both ways, back-pressure, and every way in which a connection ends."""

from __future__ import annotations

import json
import resource
import socket
import struct
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from behinds import Behind
from client import connected
from commanded import pattern
from OpenSSL import SSL

Behinds = Callable[..., Behind]


def everything(connection: SSL.Connection) -> bytes:
    """All up to the closing alert; without one it raises."""
    data = b""
    while True:
        try:
            data += connection.recv(65536)
        except SSL.ZeroReturnError:
            return data


def reset(connection: SSL.Connection) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def packets_with_data(connection: SSL.Connection) -> int:
    """How many have come so far: tcpi_data_segs_in of linux/tcp.h."""
    told: bytes = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return int(struct.unpack_from("=I", told, 152)[0])


def test_it_tells_what_it_is(behind: Behinds) -> None:
    running = behind()
    with connected(running.port, alpn=["http/1.1"], ciphersuites=["TLS_AES_128_GCM_SHA256"]) as connection:
        connection.sendall(b"info\n")
        facts = json.loads(everything(connection))
        assert facts.pop("peer") == connection.getsockname()[1]
    assert facts == {"host": running.port, "noDelay": True, "keepAlive": True, "certificate": None, "cipher": "TLS_AES_128_GCM_SHA256"}
    assert running.event("handshake")["alpn"] == "http/1.1"
    assert running.lost() == "ConnectionDone"


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_data_goes_both_ways(behind: Behinds, version: str) -> None:
    running = behind()
    data = pattern(3_000_000)
    with connected(running.port, version=version) as connection:
        connection.sendall(b"echo\n")
        received = b""
        for start in range(0, len(data), 100_000):
            connection.sendall(data[start : start + 100_000])
            while len(received) < start + 100_000:
                received += connection.recv(65536)
        assert received == data
        connection.shutdown()
    assert running.lost() == "ConnectionDone"


def test_everything_written_comes_before_the_end(behind: Behinds) -> None:
    running = behind()
    for length in (0, 1, 16_384, 65_536, 65_537, 5_000_001):
        with connected(running.port) as connection:
            connection.sendall(b"write %d\n" % length)
            time.sleep(0.05)
            assert everything(connection) == pattern(length)
        assert running.lost() == "ConnectionDone"


def test_small_writes_share_records(behind: Behinds) -> None:
    with connected(behind().port) as connection:
        connection.sendall(b"pieces 2000\n")
        # A record is received at a time.
        assert connection.recv(65536) == pattern(8000)
        assert everything(connection) == b""


@pytest.mark.skipif(sys.platform != "linux", reason="the count of packets is Linux's")
def test_the_last_data_and_the_end_come_in_one_packet(behind: Behinds) -> None:
    with connected(behind().port) as connection:
        before = packets_with_data(connection)
        connection.sendall(b"write 1000\n")
        assert everything(connection) == pattern(1000)
        assert packets_with_data(connection) == before + 1


def test_an_end_does_not_destroy_what_is_under_way(behind: Behinds) -> None:
    """With data of the client unread, closing the socket would send a reset, which takes the answer away."""
    running = behind()
    with connected(running.port) as connection:
        connection.sendall(b"write 300000\n" + bytes(500_000))
        assert everything(connection) == pattern(300_000)
        connection.sendall(b"still there")
        connection.shutdown()
    assert running.event("lost")["received"] <= 500_000


@pytest.mark.parametrize(("kind", "piece"), [("push", 30_000), ("pull", 10_000), ("pull", 65_536)])
def test_producers_wait_for_the_client(behind: Behinds, kind: str, piece: int) -> None:
    running = behind()
    with connected(running.port) as connection:
        connection.sendall(b"produce %s 6000000 %d\n" % (kind.encode(), piece))
        if kind == "push":
            left = running.event("paused")["left"]
            assert left > 1_000_000
        time.sleep(0.3)
        assert running.quiet() or kind == "pull"
        assert everything(connection) == pattern(6_000_000)
    assert running.event("produced")["pauses"] >= (1 if kind == "push" else 0)
    assert running.lost() == "ConnectionDone"


def test_producers_are_stopped_with_the_connection(behind: Behinds) -> None:
    running = behind()
    with connected(running.port) as connection:
        connection.sendall(b"produce push 20000000 30000\n")
        running.event("paused")
        reset(connection)
        running.event("stopped")
        assert running.lost() == "ConnectionLost"


def test_a_paused_application_gets_nothing(behind: Behinds) -> None:
    running = behind()
    with connected(running.port) as connection:
        # The second record comes with the first, so that the socket has nothing left to wake anybody with.
        connection.send(b"pause 0.4\n")
        connection.send(b"more")
        assert running.event("resumed")["received"] <= 4
        connection.shutdown()
        assert running.event("lost")["received"] == 4


def test_a_paused_application_holds_the_client_up(behind: Behinds) -> None:
    running = behind()
    with connected(running.port) as connection:
        connection.sendall(b"pause 0.5\n")
        connection.sendall(pattern(20_000_000))
        assert running.event("resumed")["received"] < 100_000
        connection.shutdown()
        assert running.event("lost")["received"] == 20_000_000


def test_an_abort_is_a_reset(behind: Behinds) -> None:
    running = behind()
    with connected(running.port) as connection:
        connection.sendall(b"abort\n")
        with pytest.raises(SSL.SysCallError) as raised:
            everything(connection)
        assert "ECONNRESET" in str(raised.value)
    assert running.lost() == "ConnectionAborted"


def test_one_direction_can_end_before_the_other(behind: Behinds) -> None:
    running = behind("half-closing")
    with connected(running.port) as connection:
        connection.sendall(b"half 100000\n")
        assert everything(connection) == pattern(100_000)
        running.event("write lost")
        connection.sendall(b"the other")
        connection.shutdown()
        assert running.event("read lost")["received"] == 9
        assert running.lost() == "ConnectionDone"
    with connected(running.port) as connection:
        connection.sendall(b"count\n")
        connection.shutdown()
        running.event("read lost")
        assert everything(connection) == b"the rest"
    assert running.lost() == "ConnectionDone"


def test_a_direction_ends_whether_or_not_the_other_is_read(behind: Behinds) -> None:
    running = behind("half-closing")
    with connected(running.port) as connection:
        connection.sendall(b"half_paused 100000\n")
        assert everything(connection) == pattern(100_000)
        running.event("write lost")


def test_a_direction_ends_with_its_alert_when_the_client_reads_late(behind: Behinds) -> None:
    running = behind("half-closing")
    lengths = range(20_000, 100_000, 400)
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(running.port, receive_buffer=10_000)) for _ in lengths]
        for client, length in zip(clients, lengths, strict=True):
            client.sendall(b"half_narrow %d\n" % length)
        time.sleep(0.3)
        for client, length in zip(clients, lengths, strict=True):
            assert everything(client) == pattern(length)


def test_an_end_without_closing_alert_is_a_lost_connection(behind: Behinds) -> None:
    running = behind()
    with connected(running.port) as connection:
        connection.sendall(b"count\n")
        running.event("handshake")
    assert running.lost() == "ConnectionLost"
    with connected(running.port) as connection:
        connection.sendall(b"count\n")
        running.event("handshake")
        reset(connection)
    assert running.lost() == "ConnectionLost"


def test_a_broken_record_ends_the_connection_with_an_alert(behind: Behinds) -> None:
    running = behind()
    with connected(running.port, version="TLSv1.3") as connection:
        connection.sendall(b"count\n")
        running.event("handshake")
        with socket.socket(fileno=connection.fileno()) as tcp:
            tcp.sendall(bytes.fromhex("1703030020") + bytes(32) + bytes(100_000))
            with pytest.raises(SSL.Error) as raised:
                connection.recv(1)
            assert "bad record mac" in str(raised.value)
            tcp.detach()
        assert running.lost() == "Error"


def test_an_application_that_raises_loses_only_its_connection(behind: Behinds) -> None:
    running = behind()
    with connected(running.port) as bystander, connected(running.port) as connection:
        connection.sendall(b"raise\n")
        with pytest.raises(SSL.Error):
            everything(connection)
        assert running.lost() == "ZeroDivisionError"
        bystander.sendall(b"write 10\n")
        assert everything(bystander) == pattern(10)
        assert running.lost() == "ConnectionDone"


def test_a_client_that_does_not_read_is_cut_whatever_the_application(behind: Behinds) -> None:
    running = behind(stall_seconds=0.5)
    with connected(running.port) as connection:
        connection.sendall(b"keep 20000000\n")
        assert running.lost() == "ConnectionAborted"


def test_a_client_that_never_ends_is_let_go(behind: Behinds) -> None:
    running = behind(stall_seconds=0.5, connections=1)
    with connected(running.port) as connection:
        connection.sendall(b"write 10\n")
        assert everything(connection) == pattern(10)
        time.sleep(0.8)
        with socket.socket(fileno=connection.fileno()) as tcp:
            assert tcp.recv(1) == b"", "closed, not reset"
            tcp.detach()
        with connected(running.port) as after:
            after.sendall(b"write 10\n")
            assert everything(after) == pattern(10)


def test_who_fails_in_the_handshake_has_its_time_and_no_more(behind: Behinds) -> None:
    running = behind(handshake_seconds=0.5, stall_seconds=60, connections=1)
    with socket.create_connection(("127.0.0.1", running.port)) as tcp:
        tcp.sendall(b"GET / HTTP/1.0\r\n\r\n")
        time.sleep(0.8)
        with connected(running.port) as after:
            after.sendall(b"write 10\n")
            assert everything(after) == pattern(10)


def test_who_has_ended_is_in_nobody_s_way(behind: Behinds) -> None:
    running = behind(connections=1)
    for _ in range(50):
        with connected(running.port) as connection:
            connection.sendall(b"write 10\n")
            assert everything(connection) == pattern(10)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.0\r\n\r\n", bytes.fromhex("1603010005deadbeef00"), b"\x16\x03\x01\xff\xff"])
def test_what_is_no_handshake_reaches_no_application(behind: Behinds, sent: bytes) -> None:
    running = behind()
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as tcp:
        tcp.sendall(sent)
        assert tcp.recv(100)[:1] in (b"\x15", b"")
    with connected(running.port) as connection:
        connection.sendall(b"write 0\n")
        assert everything(connection) == b""
    running.event("handshake")
    assert running.lost() == "ConnectionDone" and running.quiet()


def test_a_handshake_may_come_in_pieces(behind: Behinds) -> None:
    running = behind()
    context = SSL.Context(SSL.TLS_METHOD)
    memory = SSL.Connection(context, None)
    memory.set_connect_state()
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as tcp:
        with pytest.raises(SSL.WantReadError):
            memory.do_handshake()
        hello = memory.bio_read(65536)
        for start in range(0, len(hello), 100):
            tcp.sendall(hello[start : start + 100])
            time.sleep(0.002)
        while True:
            memory.bio_write(tcp.recv(65536))
            try:
                memory.do_handshake()
                break
            except SSL.WantReadError:
                continue
        # The first request in the flight that ends the handshake.
        memory.send(b"write 5\n")
        tcp.sendall(memory.bio_read(65536))
        memory.bio_write(tcp.recv(65536))
        assert memory.recv(100) == pattern(5)


def test_used_up_descriptors_turn_clients_away_and_no_more(behind: Behinds) -> None:
    running = behind()
    resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    held = [socket.create_connection(("127.0.0.1", running.port), timeout=10) for _ in range(60)]
    # Those beyond are closed, not left to wait.
    assert held[-1].recv(1) == b""
    for each in held:
        each.close()
    time.sleep(0.3)
    for _ in range(3):
        with connected(running.port) as connection:
            connection.sendall(b"write 10\n")
            assert everything(connection) == pattern(10)
    assert running.end().count("Too many open files") <= 1


def test_a_burst_of_clients_is_served(behind: Behinds) -> None:
    running = behind()
    with ThreadPoolExecutor(40) as pool:

        def ask(_number: int) -> bytes:
            with connected(running.port) as connection:
                connection.sendall(b"write 1000\n")
                return everything(connection)

        assert set(pool.map(ask, range(400))) == {pattern(1000)}
    assert [running.lost() for _ in range(400)] == ["ConnectionDone"] * 400
