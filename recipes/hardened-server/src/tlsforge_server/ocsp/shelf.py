"""Staples on disk, so that a server that starts again has them before a responder answers."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import datetime
from pathlib import Path

from twisted.logger import Logger

from .fetch import BODY_BYTES
from .leaf import Leaf
from .response import Refused, Staple, TooEarly, verified

log = Logger(namespace="tlsforge")

#: What nobody has written for so long belongs to certificates that are gone: a staple is replaced within days.
_FORGOTTEN_SECONDS = 30 * 86400


class Shelf:
    """The folder of them, a file for each leaf by its SHA-256. Several processes may use it at once. Never fails: ``problem`` says what it
    could not do last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.problem: str | None = None

    def take(self, leaf: Leaf, now: datetime) -> Staple | None:
        """The leaf's staple, verified as if it had just come. What is damaged or has expired is removed."""
        path = self._path(leaf.fingerprint)
        try:
            with path.open("rb") as file:
                return verified(file.read(BODY_BYTES + 1), leaf, now)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tell(f"{path} cannot be read: {error.strerror}")
        except TooEarly:
            # The clock may be about to be set.
            return None
        except Refused as refused:
            log.warn("{path} is removed: {refused}", path=str(path), refused=str(refused))
            self.remove(leaf.fingerprint)
        return None

    def put(self, staple: Staple) -> None:
        """Beside it first, then renamed: there is never half a file. Waits for the disk."""
        try:
            self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._write(self._path(staple.fingerprint), staple.der)
            self._sweep()
        except OSError as error:
            self._tell(f"{self._folder} cannot keep OCSP responses: {error.strerror}")
        else:
            self.problem = None

    def remove(self, fingerprint: bytes) -> None:
        try:
            self._path(fingerprint).unlink(missing_ok=True)
        except OSError as error:
            self._tell(f"{self._path(fingerprint)} cannot be removed: {error.strerror}")

    def _path(self, fingerprint: bytes) -> Path:
        return self._folder / f"{fingerprint.hex()}.der"

    def _write(self, path: Path, content: bytes) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), 0o640)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _sweep(self) -> None:
        before = time.time() - _FORGOTTEN_SECONDS
        for path in self._folder.iterdir():
            if path.suffix in (".der", ".tmp") and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def _tell(self, problem: str) -> None:
        if problem != self.problem:
            log.warn("{problem}", problem=problem)
        self.problem = problem
