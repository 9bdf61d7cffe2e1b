"""Starting the program of another generation from this process: so that it is of the same service, and its sockets can be ours."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

from . import handover
from .errors import ServerError
from .inherited import NAMES

#: From the start to the moment the new process answers on its control socket, or says why it ended.
READY_SECONDS = 60.0
_HINT = "the program of a generation is <store path>/bin/tlsforge-server, owned by root or by the server's user, writable by its owner alone"


def spawn(program: str, bundle: object, trial: Path) -> None:
    """Runs ``program --bundle --trial --detach`` and returns when it is ready, at the control socket ``trial``. Blocking. Raises
    ServerError: ``spawn-refused``, or what the new process told."""
    path = checked(program)
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    try:
        with subprocess.Popen(
            [path, "--bundle", "--trial", "--detach"],
            stdin=subprocess.PIPE,
            # Ours are the log by now: there goes what is logged to standard error. Its own standard error closes when it is ready.
            stdout=2,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
        ) as process:
            try:
                _out, told = process.communicate(json.dumps(bundle).encode(), READY_SECONDS)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise ServerError("spawn-refused", f"{path} is not ready after {READY_SECONDS:.0f} s") from error
    except OSError as error:
        raise ServerError("spawn-refused", f"{path} cannot be run: {error.strerror}") from error
    if process.returncode != 0 or not handover.answers(trial):
        raise _told(path, process.returncode, told)


def checked(program: str) -> str:
    """The file that a program's path leads to, when nobody but root and this process's user could have put it there."""
    path = os.path.realpath(program)
    try:
        found = os.stat(path)
    except OSError as error:
        raise ServerError("spawn-refused", f"{program} cannot be read: {error.strerror}", _HINT) from error
    reasons = {
        "is not an absolute path": not os.path.isabs(program),
        "is not a regular file": not stat.S_ISREG(found.st_mode),
        f"belongs to uid {found.st_uid}": found.st_uid not in (0, os.geteuid()),
        f"may be changed by others (mode {stat.S_IMODE(found.st_mode):04o})": bool(found.st_mode & 0o022),
    }
    for reason, applies in reasons.items():
        if applies:
            raise ServerError("spawn-refused", f"{path} {reason}", _HINT)
    return path


def _told(path: str, code: int, text: bytes) -> ServerError:
    for line in reversed(text.decode("utf-8", "replace").splitlines()):
        try:
            told = dict(json.loads(line)["error"])
            return ServerError(told.pop("code"), told.pop("message"), told.pop("hint", None), **told)
        except (ValueError, KeyError, TypeError):
            continue
    last = text.decode("utf-8", "replace").strip().splitlines()[-1:]
    return ServerError("spawn-refused", f"{path} ended with {code}: {''.join(last) or 'without a word'}")
