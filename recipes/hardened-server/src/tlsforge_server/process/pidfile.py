"""The pid file: two lines, the process id and the moment it started in the kernel's ticks (``-`` where that cannot be read).

The second line tells a server that still runs from another process that has been given its number.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ServerError


def refuse_second(path: Path) -> None:
    """Raises ServerError ``already-running`` when another process that wrote the file still runs."""
    pid = owner(path)
    if pid is not None and pid != os.getpid():
        raise ServerError("already-running", f"the server already runs as process {pid} ({path})", "stop it first", pid=pid)


def owner(path: Path) -> int | None:
    """The process that wrote the file, when it still runs."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").split()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ServerError("paths-unusable", f"{path} cannot be read: {error.strerror}") from error
    if len(lines) == 2 and lines[0].isdigit() and start_of(int(lines[0])) == lines[1]:
        return int(lines[0])
    return None


def write(path: Path) -> None:
    """Writes the file for this process: beside it first, then renamed."""
    pid = os.getpid()
    temporary = path.with_name(f"{path.name}.{pid}.tmp")
    try:
        temporary.write_text(f"{pid}\n{start_of(pid) or '-'}\n", encoding="ascii")
        os.replace(temporary, path)
    except OSError as error:
        raise ServerError("paths-unusable", f"{path} cannot be written: {error.strerror}") from error


def remove(path: Path) -> None:
    """Removes the file when it is this process's."""
    try:
        if path.read_text(encoding="ascii", errors="replace").split()[:1] == [str(os.getpid())]:
            path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        pass


def start_of(pid: int) -> str | None:
    """When a process started, in clock ticks since boot; ``-`` when it runs and that cannot be read; None when it does not run."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "-" if not os.path.exists("/proc/self/stat") and _runs(pid) else None
    # The second column is the program's name in parentheses, and may hold anything.
    return text.rpartition(")")[2].split()[19]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
