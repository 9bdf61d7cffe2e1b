"""The command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from .errors import ServerError

#: How long a process that was detached has until it is ready. Whole: alarm(2) takes nothing else.
READY_SECONDS = 60

USAGE = "expected (--config FILE | --bundle | --credentials) [--check | --trial] [--detach] [--log-stderr]"


@dataclass(frozen=True)
class Options:
    """``config`` is the file's path; without it the bundle or the credentials are the source."""

    config: Path | None
    bundle: bool
    check: bool
    trial: bool
    detach: bool
    #: Logs to standard error whatever the configuration says: for who stays with the process.
    log_stderr: bool


def parse(argv: Sequence[str]) -> Options:
    """Raises ServerError ``usage``."""
    rest = list(argv)
    source = rest.pop(0) if rest else ""
    if source not in ("--config", "--bundle", "--credentials") or (source == "--config" and not rest):
        raise ServerError("usage", USAGE)
    config = Path(rest.pop(0)).absolute() if source == "--config" else None
    flags = set(rest)
    if len(flags) != len(rest) or not flags <= {"--check", "--trial", "--detach", "--log-stderr"} or ("--check" in flags and len(flags) > 1):
        raise ServerError("usage", USAGE)
    return Options(config, source == "--bundle", "--check" in flags, "--trial" in flags, "--detach" in flags, "--log-stderr" in flags)
