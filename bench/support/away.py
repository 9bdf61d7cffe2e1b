"""A server that is MS milliseconds away, in a network namespace of its own (Linux, root).

    unshare --net python3 away.py MS SOCKET

Every packet to 10.9.0.2 waits half of MS in a TUN device and comes back with its two addresses exchanged, so that it is one from 10.9.0.2 to this namespace
itself; answers take the same way. (Exchanged addresses leave every checksum as it was.) What listens at 10.9.0.1:443 passes connections on to the Unix
socket SOCKET, on which somebody outside of the namespace listens. Prints `ready`.
"""

import asyncio
import collections
import fcntl
import os
import struct
import subprocess
import sys

HERE, THERE, PORT = "10.9.0.1", "10.9.0.2", 443
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def open_tun() -> int:
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"away", IFF_TUN | IFF_NO_PI))
    for command in (
        "link set lo up",
        f"address add {HERE} peer {THERE} dev away",
        "link set away up txqueuelen 10000",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    return tun


def delay(tun: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    waiting: collections.deque[tuple[float, bytes]] = collections.deque()

    def take() -> None:
        while True:
            try:
                packet = os.read(tun, 65536)
            except BlockingIOError:
                return
            if packet[0] >> 4 != 4:
                continue
            if not waiting:
                loop.call_at(loop.time() + seconds, give)
            waiting.append((loop.time() + seconds, packet[:12] + packet[16:20] + packet[12:16] + packet[20:]))

    def give() -> None:
        while waiting and waiting[0][0] <= loop.time() + 0.0002:
            os.write(tun, waiting.popleft()[1])
        if waiting:
            loop.call_at(waiting[0][0], give)

    loop.add_reader(tun, take)


async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.write_eof()
    except (ConnectionError, OSError):
        sink.transport.abort()


async def main(milliseconds: float, socket: str) -> None:
    delay(open_tun(), milliseconds / 2000)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))
        for each in (writer, inner_writer):
            each.close()

    server = await asyncio.start_server(accept, HERE, PORT, backlog=1024)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main(float(sys.argv[1]), sys.argv[2]))
