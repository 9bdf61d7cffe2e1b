"""Starting the program of another generation from this process: so that it is of the same service, and its sockets can be ours."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import time
from pathlib import Path
from typing import Callable

from . import handover
from ..errors import ServerError, stopping
from .inherited import NAMES
from ..options import READY_SECONDS

#: From the moment at which a process that is not ready ends by itself to the one at which that has been noticed.
_NOTICE_SECONDS = 3
#: How often it is looked whether it was given up.
_LOOK_SECONDS = 0.2
_HINT = (
    "the program of a generation is <store path>/bin/tlsforge-server; it and every folder on its way are owned by root or by the server's user,"
    " and writable by their owner alone"
)
#: How many links a path may lead through, as on Linux.
_MOST_LINKS = 40


def spawn(program: str, bundle: object, trial: Path, given_up: Callable[[], bool]) -> None:
    """Runs ``program --bundle --trial --detach`` and returns when it is ready, at the control socket ``trial``. Blocking, until it is
    ``given_up``. Raises ServerError: ``spawn-refused``, ``stopping``, or what the new process told."""
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
                told = _talk(process, json.dumps(bundle).encode(), given_up)
            except subprocess.TimeoutExpired as error:
                raise ServerError("spawn-refused", f"{path} is not ready after {READY_SECONDS} s") from error
            finally:
                process.kill()
    except OSError as error:
        raise ServerError("spawn-refused", f"{path} cannot be run: {error.strerror}") from error
    if process.returncode != 0 or not handover.answers(trial):
        raise _told(path, process.returncode, told)


def _talk(process: subprocess.Popen[bytes], text: bytes, given_up: Callable[[], bool]) -> bytes:
    """What it tells until it is ready, or has ended. Raises TimeoutExpired, and ServerError ``stopping``."""
    end = time.monotonic() + READY_SECONDS + _NOTICE_SECONDS
    given: bytes | None = text
    while True:
        try:
            return process.communicate(given, _LOOK_SECONDS)[1]
        except subprocess.TimeoutExpired:
            given = None
            if given_up():
                raise stopping() from None
            if time.monotonic() > end:
                raise


def checked(program: str) -> str:
    """The file that a program's path leads to, when nobody but root and this process's user could have put it there: neither it, nor a
    folder on its way, through links too, is another user's or may be changed by others. In a folder that is sticky what is root's or ours is
    safe from them."""
    if not os.path.isabs(program):
        raise ServerError("spawn-refused", f"{program} is not an absolute path", _HINT)
    try:
        path = _walked(program)
        found = os.lstat(path)
    except OSError as error:
        raise ServerError("spawn-refused", f"{program} cannot be read: {error.strerror}", _HINT) from error
    if not stat.S_ISREG(found.st_mode):
        raise ServerError("spawn-refused", f"{path} is not a regular file", _HINT)
    _refuse_others(path, found)
    return path


def _walked(program: str) -> str:
    """The path without links, each of its folders checked. Raises ServerError, and OSError for what is not there."""
    here, rest, links = "/", program.split("/"), 0
    _refuse_others(here, os.lstat(here), folder=True)
    while rest:
        name = rest.pop(0)
        if name in ("", "."):
            continue
        if name == "..":
            here = os.path.dirname(here)
            continue
        there = os.path.join(here, name)
        found = os.lstat(there)
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > _MOST_LINKS:
                raise ServerError("spawn-refused", f"{program} leads through more than {_MOST_LINKS} links", _HINT)
            # In a sticky folder anybody may leave a link.
            _refuse_owner(there, found)
            target = os.readlink(there)
            here, rest = "/" if target.startswith("/") else here, [*target.split("/"), *rest]
            continue
        if stat.S_ISDIR(found.st_mode):
            _refuse_others(there, found, folder=True)
        elif rest:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        here = there
    return here


def _refuse_others(path: str, found: os.stat_result, *, folder: bool = False) -> None:
    _refuse_owner(path, found)
    if found.st_mode & 0o022 and not (folder and found.st_mode & stat.S_ISVTX):
        raise ServerError("spawn-refused", f"{path} may be changed by others (mode {stat.S_IMODE(found.st_mode):04o})", _HINT)


def _refuse_owner(path: str, found: os.stat_result) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise ServerError("spawn-refused", f"{path} belongs to uid {found.st_uid}", _HINT)


def _told(path: str, code: int, text: bytes) -> ServerError:
    for line in reversed(text.decode("utf-8", "replace").splitlines()):
        try:
            told = dict(json.loads(line)["error"])
            return ServerError(told.pop("code"), told.pop("message"), told.pop("hint", None), **told)
        except (ValueError, KeyError, TypeError):
            continue
    last = text.decode("utf-8", "replace").strip().splitlines()[-1:]
    # What was started with ``--detach`` ends with 0 whatever becomes of the process that it leaves behind.
    how = "ended before it was ready" if code == 0 else f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
    return ServerError("spawn-refused", f"{path} {how}{': ' if last else ', without a word'}{''.join(last)}")
