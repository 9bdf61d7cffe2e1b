"""The account that serves: a server that root starts becomes it, and keeps the right to bind low ports and nothing else until it has."""

from __future__ import annotations

import os
import pwd
import sys

from ..config.model import User
from ..errors import ServerError
from ..lockdown.privileges import keep_only_binding, keep_through_setuid


def become(user: User | None) -> None:
    """Gives up root for ``user``; nothing to do for a process that is it already. Raises ServerError ``user-refused``."""
    if user is None or os.geteuid() == user.uid:
        return
    if os.geteuid() != 0:
        raise ServerError(
            "user-refused",
            f"the configuration has the server run as {user.name} (uid {user.uid}), and uid {os.geteuid()} cannot become it",
            f"start it as root or as {user.name}",
        )
    try:
        if sys.platform.startswith("linux"):
            keep_through_setuid()
        os.setgroups([])
        # Root's calls set the real, the effective and the saved one.
        os.setgid(user.gid)
        os.setuid(user.uid)
        if sys.platform.startswith("linux"):
            keep_only_binding()
    except OSError as error:
        raise ServerError("user-refused", f"becoming {user.name} (uid {user.uid}) failed: {error.strerror}") from error


def name() -> str:
    """Whose process this is."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
