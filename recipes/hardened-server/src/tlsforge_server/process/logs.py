"""Where log lines go: a file, or standard error, which a service manager keeps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TextIO

from twisted.logger import FilteringLogObserver, LogLevel, LogLevelFilterPredicate, globalLogBeginner, textFileLogObserver

from ..config.model import User
from ..errors import ServerError


def begin(path: Path | None, descriptor: int, user: User | None) -> TextIO:
    """Starts logging to the file, or without one to what ``descriptor`` is. A file that root opens becomes the user's: it will open it again."""
    try:
        stream = open(os.dup(descriptor) if path is None else path, "a", encoding="utf-8", errors="backslashreplace", buffering=1)
        if path is not None and user is not None and os.geteuid() == 0:
            os.fchown(stream.fileno(), user.uid, user.gid)
    except OSError as error:
        raise ServerError("paths-unusable", f"the log {path} cannot be written: {error.strerror}") from error
    # Of Twisted's own lines only warnings and errors: among the rest are some that any client can cause at will.
    predicate: Any = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    predicate.setLogLevelForNamespace("tlsforge", LogLevel.info)
    target: Any = textFileLogObserver(stream)
    observer: Any = FilteringLogObserver(target, [predicate])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
    return stream
