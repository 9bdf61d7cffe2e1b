"""The program: ``tlsforge-server --bundle [--check] [--log-stderr]``.

``--check`` stops after everything has been checked and before anything listens. ``--log-stderr`` logs to standard error whatever the
configuration says.

Exit codes: 0 stopped as asked, 1 refused to start (one JSON line on standard error), 2 wrong usage.
"""

import os
import signal
import sys

from .errors import ServerError

USAGE = "expected --bundle [--check] [--log-stderr]"


def main(argv):
    """Runs the server until it is told to stop. Returns the exit code."""
    flags = set(argv[1:])
    if argv[:1] != ["--bundle"] or len(flags) != len(argv) - 1 or not flags <= set(("--check", "--trial", "--log-stderr")):
        sys.stderr.write(ServerError("usage", USAGE).line() + "\n")
        return 2
    os.umask(0o077)
    try:
        _run(flags)
    except ServerError as error:
        sys.stderr.write(error.line() + "\n")
        return 1
    return 0


def _run(flags):
    # What is loaded here is old; what it says of itself is not for whoever reads the one line of a refusal.
    import warnings

    warnings.simplefilter("ignore")
    from . import bundle

    if "--trial" in flags:
        raise ServerError("take-over-refused", "this server does not hand over, so there is no trial of it beside another", "stop what serves, then launch it")
    material = bundle.parse(sys.stdin.read(bundle.LIMIT + 1))
    from twisted.internet import reactor

    from . import account, libssl, logs
    from .server import Server

    config = material.config
    server = Server(material, libssl.check(config.libssl), reactor)
    if "--check" in flags:
        return
    stream = logs.begin(None if "--log-stderr" in flags else config.paths.log, config.user)
    account.become(config.user)
    server.start()
    logs.take_over_standard_streams(stream)
    _serve(server, reactor)


def _serve(server, reactor):
    signal.signal(signal.SIGTERM, lambda _number, _frame: reactor.callFromThread(server.stop))
    signal.signal(signal.SIGINT, lambda _number, _frame: reactor.callFromThread(server.stop))
    signal.signal(signal.SIGHUP, lambda _number, _frame: reactor.callFromThread(_reload, server))
    reactor.run(installSignalHandlers=False)


def _reload(server):
    try:
        server.reload(None)
    except ServerError:
        pass  # There is nothing to read again; the refusal stands in the log and in the status.


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
