"""For tests with the cryptography wheel, whose libssl is inside it and cannot be called: no tickets by OpenSSL's configuration instead.

Import it before anything that loads OpenSSL. The server reads back that no ticket is sent either way.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_TEXT = """config_diagnostics = 1
openssl_conf = start
[start]
ssl_conf = ssl
[ssl]
system_default = policy
[policy]
NumTickets = 0
"""


def configure() -> None:
    """Points OpenSSL at a configuration file that only sets the number of tickets."""
    with tempfile.NamedTemporaryFile("w", suffix=".cnf", prefix="tlsforge-", delete=False) as file:
        file.write(_TEXT)
    os.environ["OPENSSL_CONF"] = file.name


class WheelLibSsl:
    """Stands where MappedLibSsl stands in a stack."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def set_ticket_count(self, context: object, count: int) -> None:
        """Done by the configuration file, as far as none are wanted."""

    def set_ticket_keys(self, context: object, keys: object) -> None:
        """Not to be had: a context's own keys stay, and the read-back refuses."""

    def set_read_ahead(self, context: object) -> None:
        """It only saves system calls."""
