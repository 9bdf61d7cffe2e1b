"""What OpenSSL reads for itself has no say in what the server does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fleet import Fleet

_SETTINGS = """openssl_conf = start
[start]
ssl_conf = ssl
[ssl]
system_default = defaults
[defaults]
MinProtocol = TLSv1
MaxProtocol = TLSv1.2
CipherString = AES128-SHA@SECLEVEL=0
Ciphersuites = TLS_CHACHA20_POLY1305_SHA256
Groups = P-521
SignatureAlgorithms = rsa_pkcs1_sha256
Options = UnsafeLegacyRenegotiation,ServerPreference
VerifyMode = Require
"""
_OPTIONS = "from OpenSSL import SSL; print(SSL.Context(SSL.TLS_SERVER_METHOD).set_options(0))"


def test_a_configuration_of_openssl_changes_nothing(fleet: Fleet, document: dict[str, Any], port: int, tmp_path: Path) -> None:
    settings = tmp_path / "openssl.cnf"
    settings.write_text(_SETTINGS)
    bare = {name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}
    policies, options = [], []
    for environment in (bare, {**bare, "OPENSSL_CONF": str(settings)}):
        process = fleet.start(document, env=environment)
        policies.append(fleet.status("serving")["policy"])
        fleet.ask("serving", "stop")
        assert process.wait(10) == 0
        options.append(subprocess.run([sys.executable, "-c", _OPTIONS], env=environment, capture_output=True, check=True).stdout)
    assert policies[0] == policies[1]
    assert options[0] != options[1], "other programs read it"
