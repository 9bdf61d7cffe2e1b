"""The program: ``tlsforge-server (--config FILE | --bundle | --credentials) [--check | --trial] [--detach] [--log-stderr]``.

``--check`` stops after everything has been checked and before anything listens. ``--trial`` starts beside a server that serves.
``--detach`` leaves a process of its own behind and ends with 0 at once; standard error is open until that process is ready, and has one
JSON line when it refuses to start. A process that is not ready after a minute ends.

Exit codes: 0 stopped as asked, 1 refused to start (one JSON line on standard error), 2 wrong usage.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import TYPE_CHECKING, Any, Sequence, TextIO

from . import options
from .errors import ServerError
from .options import Options

if TYPE_CHECKING:
    from .config.model import Limits
    from .tls.libssl import OpenLibSsl
    from .config.sources import Source


def main(argv: Sequence[str], open_libssl: OpenLibSsl | None = None) -> int:
    """Runs the server until it is told to stop. Returns the exit code."""
    try:
        chosen = options.parse(argv)
    except ServerError as error:
        print(error.line(), file=sys.stderr)
        return 2
    os.umask(0o077)
    if chosen.detach:
        _detach()
    try:
        return _run(chosen, open_libssl)
    except ServerError as error:
        print(error.line(), file=sys.stderr, flush=True)
        return 1


def _detach() -> None:
    """Goes on as a child of process 1, before anything is loaded."""
    if os.fork() != 0:
        os._exit(0)
    os.setsid()
    os.chdir("/")
    # Nobody else knows this process before it is ready: what hangs ends by itself.
    signal.alarm(options.READY_SECONDS)


def _run(chosen: Options, open_libssl: OpenLibSsl | None) -> int:
    from .process.lockdown import callbacks_survive_wx

    # In this order: the child that tries callbacks is forked before there is a reactor or a thread.
    callbacks_work = callbacks_survive_wx()
    source = _source(chosen)
    material = source.load()
    from .endpoint.reactor import process_reactor
    from .process import account
    from .process import inherited
    from .tls import libssl
    from .process import logs
    from .process import notify
    from .process.server import Server
    from .web.site import check_folder

    reactor = process_reactor()
    config = material.config
    mapped = (open_libssl or libssl.open_mapped)(config.libssl)
    server = Server(source, material, mapped, reactor=reactor, limits=_limits(), notifier=notify.from_environment())
    if chosen.check:
        return 0
    # Whoever detaches a server reads its standard error until it is ready, and no longer; standard output stays what it was.
    stream = logs.begin(None if chosen.log_stderr else config.paths.log, 1 if chosen.detach else 2, config.user)
    account.become(config.user)
    # Once more: root could enter any.
    check_folder(config.app)
    server.start(callbacks_work, "trial" if chosen.trial else "serving", inherited.take(os.environ))
    _serve(server, reactor, stream)
    return 0


def _source(chosen: Options) -> Source:
    from pathlib import Path

    from .config import sources

    if chosen.config is not None:
        return sources.FileSource(chosen.config)
    if chosen.bundle:
        return sources.parse_bundle(sys.stdin.buffer.read(sources.BUNDLE_LIMIT + 1))
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise ServerError("config-invalid", "CREDENTIALS_DIRECTORY is not set", "--credentials is for a service manager that hands credentials over")
    return sources.CredentialsSource(Path(folder).absolute())


def _serve(server: Any, reactor: Any, stream: TextIO) -> None:
    # From here on nobody reads standard error: what Python itself may print goes to the log.
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for descriptor in (1, 2):
        os.dup2(stream.fileno(), descriptor)
    signal.alarm(0)
    signal.signal(signal.SIGTERM, lambda _number, _frame: reactor.callFromThread(server.stop))
    signal.signal(signal.SIGINT, lambda _number, _frame: reactor.callFromThread(server.stop))
    signal.signal(signal.SIGHUP, lambda _number, _frame: reactor.callFromThread(_reload, server))
    reactor.run(installSignalHandlers=False)


def _reload(server: Any) -> None:
    # The failure stands in the log and in the status; nobody waits for this one's answer.
    server.reload().addErrback(lambda _failure: None)


def _limits() -> Limits:
    """The default limits, with as many connections as the process may have descriptors, less those for other uses."""
    from .config.model import Limits

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = Limits.connections + 256
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < ceiling:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
            soft = ceiling
        except OSError:
            pass  # A service's system call filter may refuse it: then fewer connections are taken.
    return Limits(connections=max(16, min(Limits.connections, soft - 256)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
