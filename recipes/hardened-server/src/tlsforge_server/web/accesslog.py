"""The access log: a line for each request in the combined format, and the milliseconds that it took."""

from __future__ import annotations

import errno
import os
import re
import time
from typing import Any

from twisted.logger import Logger

log = Logger(namespace="tlsforge")

_UNSAFE = re.compile(rb'[^\x20\x21\x23-\x5b\x5d-\x7e]')


class AccessLog:
    """Lines of one turn of the reactor leave in one write. A log that cannot be written never holds a request up: lines are dropped and
    counted. The descriptor is the caller's, opened for appending, since other processes write to the same file."""

    def __init__(self, descriptor: int, reactor: Any) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._reactor = reactor
        self._lines: list[bytes] = []
        self._torn = False
        self._second = 0
        self._date = b""
        #: Since the log could be written last.
        self.dropped = 0

    def request(self, request: Any, seconds: float) -> None:
        """A request that is at its end; ``seconds`` is from the end of its head."""
        headers = request.requestHeaders
        began = request.began > 0
        line = b'%s - - [%s] "%s %s %s" %d %d "%s" "%s" %d\n' % (
            getattr(request.client, "host", "-").encode(),
            self._now(),
            _safe(request.method) if began else b"-",
            _safe(request.uri) if began else b"-",
            request.clientproto if began else b"-",
            request.code,
            request.sentLength,
            _safe(headers.getRawHeaders(b"Referer", [b"-"])[-1]),
            _safe(headers.getRawHeaders(b"User-Agent", [b"-"])[-1]),
            round(seconds * 1000),
        )
        if not self._lines:
            self._reactor.callLater(0, self.flush)
        self._lines.append(line)

    def flush(self) -> None:
        """Writes what waits."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        data = (b"\n" if self._torn else b"") + b"".join(lines)
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            self._drop(len(lines), error.strerror or type(error).__name__)
            return
        self._torn = written < len(data) and data[written - 1 : written] != b"\n"
        if written < len(data):
            self._drop(data.count(b"\n", written), os.strerror(errno.ENOSPC))
        elif self.dropped:
            log.warn("the access log is written again; lines lost: {lost}", lost=self.dropped)
            self.dropped = 0

    def _drop(self, count: int, why: str) -> None:
        if not self.dropped:
            log.error("the access log cannot be written, requests go on without it: {why}", why=why)
        self.dropped += count

    def _now(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._date = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second)).encode()
        return self._date


def _safe(text: bytes) -> bytes:
    """Without what would end a field or a line, or act on a terminal."""
    return _UNSAFE.sub(lambda match: b"\\x%02x" % match[0][0], text)
