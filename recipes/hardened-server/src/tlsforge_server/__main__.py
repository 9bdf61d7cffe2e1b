"""The program: ``tlsforge-server (--config FILE | --bundle | --credentials) [--check | --trial] [--detach] [--log-stderr]``.

``--check`` stops after everything has been checked and before anything listens. ``--trial`` starts beside a server that serves.
``--detach`` leaves a process of its own behind and ends with 0 at once; standard error is open until that process is ready, and has one
JSON line when it refuses to start. A process that is not ready after a minute ends.

Exit codes: 0 stopped as asked, 1 refused to start (one JSON line on standard error), 2 wrong usage.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Callable, Sequence, TextIO

from . import options
from .errors import ServerError
from .options import Options

if TYPE_CHECKING:
    from .config.sources import Source
    from .process.roles import Role
    from .tls.libssl import OpenLibSsl


def main(argv: Sequence[str], open_libssl: OpenLibSsl | None = None) -> int:
    """Runs the server until it is told to stop. Returns the exit code."""
    try:
        chosen = options.parse(argv)
    except ServerError as error:
        print(error.line(), file=sys.stderr)
        return 2
    os.umask(0o077)
    # Policy is what the configuration says: OpenSSL reads no file of its own, in this process and those that it forks.
    os.environ["OPENSSL_CONF"] = os.devnull
    # What a start makes stays: to look for garbage among it takes a fifth of its time.
    gc.disable()
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
    from .lockdown.memory import callbacks_survive_wx
    from .process import inherited

    passed = inherited.announced(os.environ)
    # In this order: the child that tries callbacks is forked before there is a reactor or a thread, and so is the nursery.
    callbacks_work = callbacks_survive_wx()
    source = _source(chosen)
    material = source.load()

    from .endpoint.reactor import process_reactor
    from .process import account, logs, notify, supervisor, worker
    from .process.accesslog import make_folder
    from .process.nursery import Nursery
    from .process.prepared import prepare
    from .tls import libssl
    from .web import served

    config = material.config
    mapped = (open_libssl or libssl.open_mapped)(config.libssl)
    prepared = prepare(material, mapped, supervisor.utc_now())
    if chosen.check:
        account.become(config.user)
        served.check(config)
        return 0
    # Whoever detaches a server reads its standard error until it is ready, and no longer; standard output stays what it was.
    stream = logs.begin(None if chosen.log_stderr else config.paths.log, 1 if chosen.detach else 2, config.user)
    make_folder(config.paths.state, config.user)
    account.become(config.user)
    # By the user who serves it: root could enter any folder.
    served.check(config)
    nursery = Nursery(lambda: worker.begin(mapped, callbacks_work), stream.fileno())
    try:
        reactor = process_reactor()
        running = _Running(reactor, stream)
        server = supervisor.Supervisor(
            source, prepared, mapped, reactor=reactor, nursery=nursery, notifier=notify.from_environment(), ended=running.end
        )
        role: Role = "trial" if chosen.trial else "serving"
        running.run(server, lambda: server.start(callbacks_work, role, inherited.take(passed)))
    finally:
        nursery.close()
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


class _Running:
    """The reactor's run: until the start has failed, or the server has ended."""

    def __init__(self, reactor: Any, stream: TextIO) -> None:
        self._reactor = reactor
        self._stream = stream
        self._error: BaseException | None = None

    def run(self, server: Any, start: Callable[[], Any]) -> None:
        """Raises what the start failed with, or what ended the server."""
        self._reactor.callWhenRunning(lambda: start().addCallbacks(lambda _none: self._is_ready(server), lambda failure: self.end(failure.value)))
        self._reactor.run(installSignalHandlers=False)
        if self._error is not None:
            raise self._error

    def end(self, error: BaseException | None) -> None:
        self._error = error
        self._reactor.callLater(0, self._reactor.stop)

    def _is_ready(self, server: Any) -> None:
        # From here on nobody reads standard error: what Python itself may print goes to the log.
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        for descriptor in (1, 2):
            os.dup2(self._stream.fileno(), descriptor)
        signal.alarm(0)
        gc.freeze()
        gc.enable()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self._reactor.callFromThread(server.stop))
        signal.signal(signal.SIGHUP, lambda _number, _frame: self._reactor.callFromThread(_reload, server))


def _reload(server: Any) -> None:
    # The failure stands in the log and in the status; nobody waits for this one's answer.
    server.reload().addErrback(lambda _failure: None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
