"""Sends parts of a file, as fast as the client takes them and no faster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from .ranges import Part

_PIECE_BYTES = 1 << 17
#: Pieces in one turn of the reactor; then the others have theirs.
_AT_ONCE = 8


def send(request: Any, descriptor: int, parts: tuple[Part, ...]) -> None:
    """Writes the parts and finishes the request. The descriptor is closed at the end, whichever it is. A file that has become shorter
    than what was promised of it cuts the connection."""
    sending = _Sending(request, descriptor, _pieces(descriptor, parts))
    request.registerProducer(sending, True)
    sending.resumeProducing()


class _Short(Exception):
    """The file ends too soon."""


def _pieces(descriptor: int, parts: tuple[Part, ...]) -> Iterator[bytes]:
    for part in parts:
        if part.before:
            yield part.before
        offset, left = part.offset, part.size
        while left:
            data = os.pread(descriptor, min(left, _PIECE_BYTES), offset)
            if not data:
                raise _Short
            offset += len(data)
            left -= len(data)
            yield data


@implementer(IPushProducer)
class _Sending:
    def __init__(self, request: Any, descriptor: int, pieces: Iterator[bytes]) -> None:
        self._request = request
        self._channel = request.channel
        self._reactor = request.channel.site.reactor
        self._descriptor = descriptor
        self._pieces = pieces
        self._paused = True
        self._running = False
        self._ended = False

    def resumeProducing(self) -> None:
        self._paused = False
        if not self._running:
            self._run()

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        """The client is gone."""
        if not self._ended:
            self._end()

    def _run(self) -> None:
        if self._stopped():
            return
        # A write may have us paused, and resumed, before it returns.
        self._running = True
        try:
            for _ in range(_AT_ONCE):
                data = next(self._pieces, None)
                if data is None:
                    self._end()
                    self._request.unregisterProducer()
                    self._request.finish()
                    return
                self._request.write(data)
                if self._stopped():
                    return
        except (_Short, OSError):
            self._end()
            self._request.unregisterProducer()
            self._channel.cut()
            return
        finally:
            self._running = False
        self._reactor.callLater(0, self._run)

    def _stopped(self) -> bool:
        return self._paused or self._ended

    def _end(self) -> None:
        self._ended = True
        os.close(self._descriptor)
