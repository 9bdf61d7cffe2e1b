# -*- coding: utf-8 -*-
"""Which libssl this process has, and what that library calls its options. Refused when it is not the one configured."""

import os
import re

from .errors import ServerError

MAPS = "/proc/self/maps"
_HINT = "run the server with the Python of the stack, whose pyOpenSSL is built against this OpenSSL"
_DEFINE = re.compile(r"^#\s*define\s+SSL_OP_([A-Za-z0-9_]+)\s+0x([0-9A-Fa-f]+)[UL]*(?:\s|$)", re.MULTILINE)


def check(configured):
    """The path of the one libssl. Raises ServerError ``libssl-refused`` unless it is exactly the configured one, with one libcrypto."""
    try:
        with open(MAPS) as file:
            maps = file.read()
    except IOError as error:
        raise ServerError("libssl-refused", "which libssl is mapped cannot be told: %s: %s" % (MAPS, error.strerror))
    check_mapped(mapped_libraries(maps, "libssl"), configured)
    crypto = mapped_libraries(maps, "libcrypto")
    if len(crypto) != 1:
        raise ServerError("libssl-refused", "%d libcrypto are mapped, expected one: %s" % (len(crypto), ", ".join(crypto) or "none"))
    return configured


def check_mapped(mapped, configured):
    """Refuses unless the libraries mapped are exactly the configured one."""
    if not mapped:
        raise ServerError("libssl-refused", "no libssl is mapped as a file of its own, expected %s" % configured, _HINT)
    if len(mapped) > 1:
        raise ServerError("libssl-refused", "more than one libssl is mapped: %s" % ", ".join(mapped), _HINT)
    if os.path.realpath(configured) != mapped[0]:
        raise ServerError("libssl-refused", "the libssl in use is %s, expected %s" % (mapped[0], configured), _HINT)


def mapped_libraries(maps, stem):
    """Paths of the mapped shared objects called ``stem``, ``stem-…`` or ``stem.…``, sorted, from the text of a maps file."""
    found = set()
    for line in maps.splitlines():
        columns = line.split(None, 5)
        if len(columns) == 6 and columns[5].startswith("/"):
            name = columns[5].rsplit("/", 1)[-1]
            if name.startswith((stem + ".so", stem + "-", stem + ".")):
                found.add(columns[5])
    return sorted(found)


def option_names(libssl):
    """Option name -> value, from the header that belongs to the library: ``include/openssl/ssl.h`` beside its ``lib``."""
    header = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(libssl))), "include", "openssl", "ssl.h")
    try:
        with open(header) as file:
            text = file.read()
    except IOError as error:
        raise ServerError("libssl-refused", "%s, which names the options of this OpenSSL, cannot be read: %s" % (header, error.strerror))
    return dict((name, int(value, 16)) for name, value in _DEFINE.findall(text))
