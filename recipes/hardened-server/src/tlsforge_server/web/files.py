"""The files of a folder: no listings, nothing whose name begins with a dot, nothing outside by way of a link."""

from __future__ import annotations

import errno
import mimetypes
import os
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from twisted.web import pages, resource, server
from twisted.web.http import NO_BODY_CODES

from . import ranges
from .conditions import Validators
from .sending import send

_INDEX = b"index.html"
#: What is sent at once, without a producer.
_SMALL_BYTES = 1 << 16
#: Python's own table, not the machine's: the same file has the same type everywhere.
_TYPES = mimetypes.MimeTypes()
for _extension, _type in ((".woff2", "font/woff2"), (".woff", "font/woff"), (".mjs", "text/javascript"), (".webmanifest", "application/manifest+json")):
    _TYPES.add_type(_type, _extension)
_METHODS = (b"GET", b"HEAD", b"OPTIONS")
_KNOWN = (b"POST", b"PUT", b"DELETE", b"PATCH", b"TRACE")


class _Absent(Exception):
    """``code`` is what to answer."""

    def __init__(self, code: int = 404) -> None:
        super().__init__(code)
        self.code = code


class Files(resource.Resource):
    """Serves what is below ``folder`` when it is asked: the folder may be a link that is exchanged."""

    isLeaf = True

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = os.fsencode(folder)

    def render(self, request: Any) -> bytes | int:
        if request.method not in _METHODS:
            request.setHeader(b"Allow", b", ".join(_METHODS))
            return _error(request, 405 if request.method in _KNOWN else 501)
        if request.method == b"OPTIONS":
            request.setHeader(b"Allow", b", ".join(_METHODS))
            return _bare(request, 204)
        try:
            names = _names(request.postpath)
            descriptor, found = self._open(names)
        except _Absent as absent:
            return _error(request, absent.code)
        if descriptor is None:
            # Made anew of its names, so that it can only lead to a place on this site.
            query = request.uri.partition(b"?")[1:]
            request.redirect(b"/" + b"/".join(quote_from_bytes(name).encode() for name in names) + b"/" + b"".join(query))
            return b""
        return _answer(request, descriptor, found)

    def _open(self, names: list[bytes]) -> tuple[int | None, os.stat_result]:
        """An open file and what it is; no descriptor for a folder that is asked for without its slash. Raises _Absent."""
        try:
            root = os.path.realpath(self._folder)
            path = os.path.realpath(os.path.join(root, *names), strict=True)
            inside = path == root or path.startswith(root.rstrip(b"/") + b"/")
            if not inside or b"/." in path[len(root.rstrip(b"/")) :]:
                raise _Absent
            found = os.stat(path, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                if names and names[-1]:
                    return None, found
                return self._open([*names[:-1], _INDEX])
            # Seen before it is opened: to open a device or a pipe is to act on it.
            if not stat.S_ISREG(found.st_mode) or (names and not names[-1]):
                raise _Absent
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _Absent({errno.EACCES: 403, errno.EMFILE: 503, errno.ENFILE: 503}.get(error.errno or 0, 404)) from error
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise _Absent
        return descriptor, found


def _names(segments: list[bytes]) -> list[bytes]:
    """The decoded segments of a path as names of files; the last may be empty. Raises _Absent for what is no plain name."""
    for place, name in enumerate(segments):
        if name.startswith(b".") or any(each in name for each in (b"/", b"\\", b"\0")) or (not name and place < len(segments) - 1):
            raise _Absent
    return segments


def _answer(request: Any, descriptor: int, found: os.stat_result) -> bytes | int:
    validators = Validators(b'"%x-%x"' % (found.st_mtime_ns, found.st_size), int(found.st_mtime))
    request.setHeader(b"ETag", validators.tag)
    request.setHeader(b"Last-Modified", validators.date)
    request.setHeader(b"Accept-Ranges", b"bytes")
    code = validators.code(request.requestHeaders)
    if code != 200:
        os.close(descriptor)
        return _bare(request, code)
    content_type = _content_type(request.postpath[-1] or _INDEX)
    request.setHeader(b"Content-Type", content_type)
    selection = ranges.whole(found.st_size)
    asked = request.requestHeaders.getRawHeaders(b"Range")
    # Only a GET has ranges (RFC 9110, section 14.2).
    if asked is not None and len(asked) == 1 and request.method == b"GET" and validators.ranges_apply(request.requestHeaders):
        selection = ranges.select(asked[0], found.st_size, content_type)
    request.setResponseCode(selection.code)
    for name, value in selection.headers:
        request.setHeader(name, value)
    length = selection.length
    request.setHeader(b"Content-Length", b"%d" % length)
    if request.method == b"HEAD" or length == 0:
        os.close(descriptor)
        request.write(b"")
        request.finish()
    elif length <= _SMALL_BYTES and len(selection.parts) == 1:
        part = selection.parts[0]
        data = os.pread(descriptor, part.size, part.offset)
        os.close(descriptor)
        if len(data) < length:
            # It has become shorter since it was opened.
            return _error(request, 503)
        request.write(data)
        request.finish()
    else:
        send(request, descriptor, selection.parts)
    return server.NOT_DONE_YET


def _bare(request: Any, code: int) -> bytes | int:
    """Without a body; of 204 and 304 a length would say something else (RFC 9110, section 8.6)."""
    request.setResponseCode(code)
    if code not in NO_BODY_CODES:
        return b""
    request.write(b"")
    request.finish()
    return server.NOT_DONE_YET


def _content_type(name: bytes) -> bytes:
    guessed, coding = _TYPES.guess_type("x" + os.path.splitext(os.fsdecode(name))[1])
    if coding is not None:
        # A file that is compressed is what its name says: it is not unpacked on the way.
        guessed = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(coding)
    if guessed is None:
        return b"application/octet-stream"
    return (guessed + ("; charset=utf-8" if guessed.startswith("text/") else "")).encode()


def _error(request: Any, code: int) -> bytes | int:
    brief, detail = {
        403: ("Forbidden", "This server may not read it."),
        404: ("Not Found", "There is nothing here by that name."),
        405: ("Method Not Allowed", "Files can be had with GET."),
        501: ("Not Implemented", "This method is not known here."),
    }.get(code, ("Service Unavailable", "Try again."))
    page: Any = pages.errorPage(code, brief, detail)
    body: bytes | int = page.render(request)
    return body
