"""How the files that a configuration names are read."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Protocol

from ..errors import ServerError


class Read(Protocol):
    """Gives the PEM text that a configured path stands for, or raises ServerError."""

    def __call__(self, path: Path, *, secret: bool) -> bytes: ...


def from_disk(path: Path, *, secret: bool) -> bytes:
    """What a file holds; one with a secret in it must not be everybody's. Raises ServerError ``certificate-refused``."""
    try:
        if secret and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o007:
            what = f"{path} may be read or changed by every user (mode {mode:04o})"
            raise ServerError("certificate-refused", what, f"chmod 0600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise ServerError("certificate-refused", f"{path} cannot be read: {error.strerror}") from error
