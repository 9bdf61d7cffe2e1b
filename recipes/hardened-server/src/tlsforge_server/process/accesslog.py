"""The access log's file: opened, renamed when it has grown, opened again. Its lines are the workers'. Where it cannot be had, the server
serves without, and says so."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.logger import Logger

from ..config.model import User

log = Logger(namespace="tlsforge")

_LARGEST_BYTES = 64 << 20
_FOLDER_MODE = 0o750
_MODE = 0o640


def make_folder(path: Path, user: User | None) -> None:
    """The folder of what outlives the process; one that root makes becomes the user's. That it cannot be made is told by who needs it."""
    try:
        path.mkdir(mode=_FOLDER_MODE)
        if user is not None and os.geteuid() == 0:
            os.chown(path, user.uid, user.gid)
    except OSError:
        pass


class AccessLog:
    """``descriptor`` is what lines are appended to, None when none are wanted or there is no file; ``trouble`` says why."""

    descriptor: int | None = None
    trouble: str | None = None

    def __init__(self, folder: Path) -> None:
        self._path = folder / "access.log"

    def open(self, wanted: bool) -> None:
        """Opens it, again when it is open: whoever has renamed it gets no more lines then."""
        self.close()
        self.trouble = None
        if not wanted:
            return
        try:
            self.descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, _MODE)
            if os.fstat(self.descriptor).st_uid == os.geteuid():
                os.fchmod(self.descriptor, _MODE)
        except OSError as error:
            self.trouble = f"the access log {self._path} cannot be written: {error.strerror}"
            log.warn("{trouble}; requests are not logged", trouble=self.trouble)

    def has_grown(self) -> bool:
        """Whether it was too large, and is another file now."""
        try:
            if self.descriptor is None or os.fstat(self.descriptor).st_size <= _LARGEST_BYTES:
                return False
            os.replace(self._path, self._path.with_name("access.log.1"))
        except OSError as error:
            log.warn("the access log {path} cannot be renamed: {error}", path=self._path, error=error.strerror)
            return False
        self.open(wanted=True)
        return True

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
