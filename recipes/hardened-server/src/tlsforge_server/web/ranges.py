"""Byte ranges (RFC 9110, section 14): which parts of so many bytes an answer consists of."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

#: More are nobody's wish: then all is sent, as for a header that cannot be read.
MOST_RANGES = 16
_RANGES = re.compile(rb"bytes=([0-9, \t-]+)", re.IGNORECASE)
_RANGE = re.compile(rb"([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True)
class Part:
    """Bytes of the answer's own, then ``size`` bytes of the file from ``offset``."""

    before: bytes
    offset: int
    size: int

    @property
    def length(self) -> int:
        return len(self.before) + self.size


@dataclass(frozen=True)
class Selection:
    """What is sent, with the code and the headers that say so."""

    code: int
    headers: tuple[tuple[bytes, bytes], ...]
    parts: tuple[Part, ...]

    @property
    def length(self) -> int:
        return sum(part.length for part in self.parts)


def whole(size: int) -> Selection:
    return Selection(200, (), (Part(b"", 0, size),))


def select(header: bytes, size: int, content_type: bytes) -> Selection:
    """The parts that a Range header asks for."""
    asked = _parse(header, size)
    if asked is None:
        return whole(size)
    if not asked:
        return Selection(416, ((b"Content-Range", b"bytes */%d" % size),), ())
    if len(asked) == 1:
        offset, count = asked[0]
        return Selection(206, ((b"Content-Range", _content_range(offset, count, size)),), (Part(b"", offset, count),))
    # Ranges that overlap could ask for any multiple of the file (section 14.2).
    if sum(count for _, count in asked) > size:
        return whole(size)
    boundary = secrets.token_hex(12).encode()
    between = b"\r\n--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n"
    parts = [Part(between % (boundary, content_type, _content_range(offset, count, size)), offset, count) for offset, count in asked]
    parts.append(Part(b"\r\n--%s--\r\n" % boundary, 0, 0))
    return Selection(206, ((b"Content-Type", b"multipart/byteranges; boundary=" + boundary),), tuple(parts))


def _parse(header: bytes, size: int) -> list[tuple[int, int]] | None:
    """Offsets and sizes of the ranges that lie in so many bytes; None when the header is to be ignored."""
    listed = _RANGES.fullmatch(header.strip())
    if listed is None or listed[1].count(b",") >= MOST_RANGES:
        return None
    found = []
    for text in filter(None, (each.strip() for each in listed[1].split(b","))):
        match = _RANGE.fullmatch(text)
        if match is None or match[0] == b"-":
            return None
        first, last = match[1], match[2]
        if not first:
            start, stop = max(0, size - int(last)), size
        else:
            start, stop = int(first), size if not last else min(size, int(last) + 1)
            if last and int(last) < start:
                return None
        if start < stop:
            found.append((start, stop - start))
    return found


def _content_range(offset: int, count: int, size: int) -> bytes:
    return b"bytes %d-%d/%d" % (offset, offset + count - 1, size)
