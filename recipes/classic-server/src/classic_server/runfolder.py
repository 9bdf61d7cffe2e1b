"""The run folder's names of a server that serves: ``server.sock``, its control socket, and ``server.pid``.

The pid file has two lines, the process id and the moment it started in the kernel's ticks (``-`` where that cannot be read), which tells
a server that still runs from another process that has been given its number.
"""

import errno
import os

from .errors import ServerError


class RunFolder(object):
    """``private`` is where the control socket is to be bound; ``publish`` gives it its name by rename, so that the name is never half there."""

    def __init__(self, path):
        self.socket = os.path.join(path, "server.sock")
        self.pid = os.path.join(path, "server.pid")
        self.private = os.path.join(path, ".%d" % os.getpid())
        self._identity = None

    def refuse_second(self):
        """Raises ServerError ``already-running`` when another process that wrote the pid file still runs."""
        pid = self._owner()
        if pid is not None and pid != os.getpid():
            raise ServerError("already-running", "the server already runs as process %d (%s)" % (pid, self.pid), "stop it first", pid=pid)

    def publish(self):
        """The names, for the socket that has just been bound at ``private``."""
        found = os.lstat(self.private)
        self._identity = (found.st_dev, found.st_ino)
        # The pid file first, since writing it can fail.
        self._write_pid()
        os.rename(self.private, self.socket)

    def drop(self):
        """Removes the names as far as they are this process's."""
        remove(self.private)
        if self._identity is None:
            return
        if self._read_pid()[:1] == [str(os.getpid())]:
            remove(self.pid)
        try:
            found = os.lstat(self.socket)
        except OSError:
            return
        if (found.st_dev, found.st_ino) == self._identity:
            remove(self.socket)

    def _owner(self):
        lines = self._read_pid()
        if len(lines) == 2 and lines[0].isdigit() and start_of(int(lines[0])) == lines[1]:
            return int(lines[0])
        return None

    def _read_pid(self):
        try:
            with open(self.pid) as file:
                return file.read(64).split()
        except IOError as error:
            if error.errno == errno.ENOENT:
                return []
            raise ServerError("paths-unusable", "%s cannot be read: %s" % (self.pid, error.strerror))

    def _write_pid(self):
        temporary = "%s.%d.tmp" % (self.pid, os.getpid())
        try:
            with open(temporary, "w") as file:
                file.write("%d\n%s\n" % (os.getpid(), start_of(os.getpid()) or "-"))
            os.rename(temporary, self.pid)
        except EnvironmentError as error:
            raise ServerError("paths-unusable", "%s cannot be written: %s" % (self.pid, error.strerror))


def start_of(pid):
    """When a process started, in clock ticks since boot; ``-`` when it runs and that cannot be read; None when it does not run."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            text = file.read()
    except IOError:
        return "-" if not os.path.exists("/proc/self/stat") and _runs(pid) else None
    # The second column is the program's name in parentheses, and may hold anything.
    return text.rpartition(")")[2].split()[19]


def remove(path):
    """Removes a name that may be gone already."""
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise


def _runs(pid):
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True
