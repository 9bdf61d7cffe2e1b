"""The command line: ``--config FILE``, and ``--check`` to stop after everything has been checked and before anything listens.

Exit codes: 0 stopped as asked, 1 refused to start (one JSON line on standard error), 2 wrong usage.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, Sequence, TextIO

from . import config as configuration
from .endpoint import Limits
from .errors import ServerError
from .libssl import OpenLibSsl, open_mapped
from .lockdown import callbacks_survive_wx


def main(argv: Sequence[str], open_libssl: OpenLibSsl = open_mapped) -> int:
    """Runs the server until it is told to stop. Returns the exit code."""
    check = list(argv[2:]) == ["--check"]
    if len(argv) < 2 or argv[0] != "--config" or not (check or len(argv) == 2):
        print(ServerError("usage", "expected --config FILE [--check]").line(), file=sys.stderr)
        return 2
    os.umask(0o077)
    try:
        return _run(Path(argv[1]).absolute(), open_libssl, check)
    except ServerError as error:
        print(error.line(), file=sys.stderr, flush=True)
        return 1


def _run(path: Path, open_libssl: OpenLibSsl, check: bool) -> int:
    # In this order: the child that tries callbacks is forked before there is a reactor or a thread.
    callbacks_work = callbacks_survive_wx()
    config = configuration.load(path)
    from twisted.internet import reactor

    from .app import Server

    libssl = open_libssl(config.libssl)
    server = Server(path, config, libssl, reactor=reactor, limits=_limits())
    if check:
        return 0
    stream = _open_log(config.paths.log)
    server.start(callbacks_work)
    _serve(server, reactor, stream)
    return 0


def _serve(server: Any, reactor: Any, stream: TextIO) -> None:
    # From here on nobody reads standard error: what Python itself may print goes to the log.
    for descriptor in (1, 2):
        os.dup2(stream.fileno(), descriptor)
    signal.signal(signal.SIGTERM, lambda _number, _frame: reactor.callFromThread(server.stop))
    signal.signal(signal.SIGINT, lambda _number, _frame: reactor.callFromThread(server.stop))
    signal.signal(signal.SIGHUP, lambda _number, _frame: reactor.callFromThread(_reload, server))
    reactor.run(installSignalHandlers=False)


def _reload(server: Any) -> None:
    # The failure stands in the log and in the status; nobody waits for this one's answer.
    server.reload().addErrback(lambda _failure: None)


def _open_log(path: Path) -> TextIO:
    from twisted.logger import FilteringLogObserver, LogLevel, LogLevelFilterPredicate, globalLogBeginner, textFileLogObserver

    try:
        stream = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise ServerError("paths-unusable", f"the log {path} cannot be written: {error.strerror}") from error
    # Of Twisted's own lines only warnings and errors: among the rest are some that any client can cause at will.
    predicate: Any = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    predicate.setLogLevelForNamespace("tlsforge", LogLevel.info)
    target: Any = textFileLogObserver(stream)
    observer: Any = FilteringLogObserver(target, [predicate])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
    return stream


def _limits() -> Limits:
    """The default limits, with as many connections as the process may have descriptors, less those for other uses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = Limits.connections + 256
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < ceiling:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
        soft = ceiling
    return Limits(connections=max(16, min(Limits.connections, soft - 256)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
