"""What a server process is to its prefix, and the names it has for that in the run folder: a control socket and a pid file per role.

A process has one control socket; its names are links to it, so that a role changes hands by a rename and each name always leads to
somebody. A private name, which is there for the moment of a change only, keeps hold of the socket while others take its names.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from . import pidfile
from ..errors import ServerError

Role = Literal["trial", "serving", "standing-by"]
_STEMS: dict[Role, str] = {"trial": "trial", "serving": "server", "standing-by": "standby"}


class RunFolder:
    """The folder, as any process sees it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def socket(self, role: Role) -> Path:
        return self.path / f"{_STEMS[role]}.sock"

    def pid(self, role: Role) -> Path:
        return self.path / f"{_STEMS[role]}.pid"

    def owner(self, role: Role) -> int | None:
        """The living process that has the role by its pid file."""
        return pidfile.owner(self.pid(role))


class Names:
    """This process's names. ``private`` is where its control socket is to be bound."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._identity: tuple[int, int] | None = None
        self._role: Role | None = None
        self.private = folder.path / f".{os.getpid()}"

    def refuse_second(self, role: Role) -> None:
        """Raises ServerError ``already-running`` when a living process has the role."""
        pidfile.refuse_second(self._folder.pid(role))

    def publish(self, role: Role) -> None:
        """First names, for the socket that has just been bound at ``private``."""
        found = self.private.lstat()
        self._identity = (found.st_dev, found.st_ino)
        self.change(role)

    def keep_hold(self) -> None:
        """Before a change in which another process may take the name that this one has now."""
        if self._role is None or not self.has(self._role):
            raise ServerError("paths-unusable", f"the control socket of this process has lost its name in {self._folder.path}", "stop it by its process id")
        self.private.unlink(missing_ok=True)
        os.link(self._folder.socket(self._role), self.private)

    def change(self, role: Role) -> None:
        """Takes the names of another role over whoever has them. The former ones stay until ``drop``."""
        # The pid file first, since writing it can fail: whose the socket is decides who has the role.
        pidfile.write(self._folder.pid(role))
        os.rename(self.private, self._folder.socket(role))
        # A rename onto another name of the same file leaves both.
        self.private.unlink(missing_ok=True)
        self._role = role

    def let_go(self) -> None:
        """After a change that did not come about: the former names again, when they were taken meanwhile."""
        assert self._role is not None
        if self.has(self._role):
            self.private.unlink(missing_ok=True)
        else:
            self.change(self._role)

    def has(self, role: Role) -> bool:
        """Whether the role's socket is this process's."""
        try:
            found = self._folder.socket(role).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def drop(self, *roles: Role) -> None:
        """Removes the names of roles as far as they are this process's."""
        for role in roles:
            pidfile.remove(self._folder.pid(role))
            if self.has(role):
                self._folder.socket(role).unlink(missing_ok=True)

    def drop_all(self) -> None:
        with suppress(FileNotFoundError, NotADirectoryError):
            self.private.unlink()
        self.drop(*_STEMS)
