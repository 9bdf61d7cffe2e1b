"""Text as a file, for calls of OpenSSL's that read nothing else."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def as_file(text: bytes) -> Iterator[str]:
    """A path that OpenSSL can read a text from: what is loaded is what was checked, and what came without a file has none to be left behind."""
    if sys.platform.startswith("linux"):
        with open(os.memfd_create("tlsforge"), "wb", buffering=0) as memory:
            memory.write(text)
            yield f"/proc/self/fd/{memory.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(text)
            file.flush()
            yield file.name
