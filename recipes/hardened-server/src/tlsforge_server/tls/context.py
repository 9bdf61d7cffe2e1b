"""A context as one value: policy and certificates applied, and read back. Never changed after it is made; a reload makes a new one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from OpenSSL import SSL

from . import certificates
from . import policy
from .certificates import Certificate, Read, from_disk
from ..config.model import Config
from ..errors import ServerError
from .libssl import LibSsl
from .readback import read_back


@dataclass(frozen=True)
class Credentials:
    """What connections are made from, and what is known to be in force in it."""

    context: SSL.Context
    certificates: tuple[Certificate, ...]
    in_force: dict[str, object]


def build(config: Config, libssl: LibSsl, now: datetime, read: Read = from_disk, *, check: bool = True) -> Credentials:
    """Raises ServerError when a certificate is not right or OpenSSL does not do what the policy says. Without ``check`` nothing is read
    back: for what another process has built before."""
    loaded = certificates.load_all(config.certificates, now, read)
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    try:
        policy.apply(context, config.policy, libssl)
    except MemoryError as error:
        raise ServerError(
            "policy-refused",
            "no callback can be made: this process may not have writable and executable memory, and its cffi needs it",
            "build cffi and libffi for it, or start without MemoryDenyWriteExecute",
        ) from error
    for certificate in loaded:
        certificate.use_in(context)
    return Credentials(context, loaded, read_back(context, config.policy, loaded) if check else {})
