"""Where log lines go: a file, or standard error. Our own lines and Twisted's failures; the rest are lines that any client can cause."""

import os
import sys
import time

from twisted.python import log

from .errors import ServerError


def begin(path, user):
    """Starts logging to the file, or without one to what standard error is now. A file that root opens becomes the user's."""
    try:
        stream = os.fdopen(os.dup(2), "a", 1) if path is None else open(path, "a", 1)
        if path is not None and user is not None and os.geteuid() == 0:
            os.fchown(stream.fileno(), user.uid, user.gid)
    except EnvironmentError as error:
        raise ServerError("paths-unusable", "the log %s cannot be written: %s" % (path, error.strerror))
    log.startLoggingWithObserver(lambda event: _write(stream, event), setStdout=False)
    return stream


def say(line):
    """A line of the server's own."""
    log.msg(line, tlsforge=True)


def _write(stream, event):
    if not event.get("tlsforge") and not event["isError"]:
        return
    text = log.textFromEventDict(event)
    if text is not None:
        if isinstance(text, unicode):
            text = text.encode("utf-8", "replace")
        stream.write("%s [classic] %s\n" % (time.strftime("%Y-%m-%dT%H:%M:%S%z"), text.replace("\n", "\n\t")))


def take_over_standard_streams(stream):
    """From here on nobody reads standard error: what Python itself may print goes to the log."""
    sys.stdout.flush()
    sys.stderr.flush()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for descriptor in (1, 2):
        os.dup2(stream.fileno(), descriptor)
