"""The account that serves, and what the process gives up. In the hardened server's order: a server that root starts becomes the account
before it binds, with the right to bind low ports and no other, so that nothing it makes is root's; when it has bound, that right goes too."""

import ctypes
import os
import pwd
import sys

from .errors import ServerError

PR_SET_KEEPCAPS = 8
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_NET_BIND_SERVICE = 10
_LINUX = sys.platform.startswith("linux")


def become(user):
    """Gives up root for ``user``; nothing to do for a process that is it already. Raises ServerError ``user-refused``."""
    if user is None or os.geteuid() == user.uid:
        return
    if os.geteuid() != 0:
        what = "the configuration has the server run as %s (uid %d), and uid %d cannot become it" % (user.name, user.uid, os.geteuid())
        raise ServerError("user-refused", what, "start it as root or as %s" % user.name)
    try:
        if _LINUX:
            # What is permitted outlives the change, until the next exec.
            _must(_prctl(PR_SET_KEEPCAPS, 1))
        os.setgroups([])
        # Root's calls set the real, the effective and the saved one.
        os.setgid(user.gid)
        os.setuid(user.uid)
        if _LINUX:
            _keep_only(1 << CAP_NET_BIND_SERVICE)
    except EnvironmentError as error:
        raise ServerError("user-refused", "becoming %s (uid %d) failed: %s" % (user.name, user.uid, error.strerror))


def lock_down():
    """Call after binding. Each measure says whether it is in force, and why not."""
    if not _LINUX:
        return dict.fromkeys(("noNewPrivileges", "capabilitiesDropped"), "not in force: not Linux")
    return {"noNewPrivileges": _told(_no_new_privileges), "capabilitiesDropped": _told(_drop_capabilities)}


def name():
    """Whose process this is."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _told(measure):
    try:
        return measure()
    except EnvironmentError as error:
        return "not in force: %s" % error.strerror


def _no_new_privileges():
    _must(_prctl(PR_SET_NO_NEW_PRIVS, 1))
    return "in force" if _prctl(PR_GET_NO_NEW_PRIVS) == 1 else "not in force: the kernel does not keep it"


def _drop_capabilities():
    # Root keeps the one that lets it remove its files whoever owns their folder.
    kept = _keep_only(1 << CAP_DAC_OVERRIDE if os.geteuid() == 0 else 0)
    return "in force" if kept == 0 else "in force, but for CAP_DAC_OVERRIDE"


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def _keep_only(wanted):
    libc = ctypes.CDLL(None, use_errno=True)
    header = _Header(CAPABILITY_VERSION_3, 0)
    sets = (_Data * 2)()
    _must(libc.capget(ctypes.byref(header), sets))
    kept = wanted & int(sets[0].permitted)
    _must(libc.capset(ctypes.byref(header), (_Data * 2)(_Data(kept, kept, 0), _Data(0, 0, 0))))
    return kept


def _prctl(option, argument=0):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    return libc.prctl(option, argument, 0, 0, 0)


def _must(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
