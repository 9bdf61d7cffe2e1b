"""Conditional requests (RFC 9110, section 13), for a representation with a strong entity tag and a date."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twisted.web.http import datetimeToString, stringToDatetime
from twisted.web.http_headers import Headers

_TAG = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


@dataclass(frozen=True)
class Validators:
    """``modified`` is in whole seconds since the epoch."""

    tag: bytes
    modified: int

    @property
    def date(self) -> bytes:
        """As Last-Modified has it."""
        written: bytes = datetimeToString(self.modified)
        return written

    def code(self, headers: Headers) -> int:
        """What a GET or HEAD with these headers is answered with: 200, 304 or 412, in the order of section 13.2.2."""
        if (match := _joined(headers, b"If-Match")) is not None:
            # Strong comparison: a weak tag matches nothing.
            if match != b"*" and self.tag not in _TAG.findall(match):
                return 412
        elif (since := _date(headers, b"If-Unmodified-Since")) is not None and self.modified > since:
            return 412
        if (none_match := _joined(headers, b"If-None-Match")) is not None:
            tags = {tag.removeprefix(b"W/") for tag in _TAG.findall(none_match)}
            return 304 if none_match == b"*" or self.tag in tags else 200
        if (since := _date(headers, b"If-Modified-Since")) is not None and self.modified <= since:
            return 304
        return 200

    def ranges_apply(self, headers: Headers) -> bool:
        """Whether a Range header counts: there is no If-Range, or it names this very representation (section 13.1.5)."""
        condition = _joined(headers, b"If-Range")
        return condition is None or condition in (self.tag, self.date)


def _joined(headers: Headers, name: bytes) -> bytes | None:
    values = headers.getRawHeaders(name)
    return None if values is None else b", ".join(values).strip()


def _date(headers: Headers, name: bytes) -> int | None:
    """What cannot be read as one date is ignored."""
    values = headers.getRawHeaders(name, [])
    try:
        return int(stringToDatetime(values[0])) if len(values) == 1 else None
    except (ValueError, LookupError):
        return None
